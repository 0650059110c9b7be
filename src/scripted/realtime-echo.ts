/** A WebSocket at `…/realtime`: says back what it hears, and closes or pings when it is told to. */
import type { SocketWire } from './socket-wire.ts';

/**
 * Text and binary messages come back as they are. The texts `close`, `close CODE` and `close CODE REASON` close it,
 * `reset` resets the connection, `ping TEXT` sends a ping (125 bytes at most; a longer text comes back), `mute` makes it deaf and dumb.
 */
export function echo(wire: SocketWire, greeting: string | undefined): void {
  if (greeting !== undefined) void wire.text(greeting);
  wire.onMessage((bytes, isBinary) => {
    if (isBinary) void wire.binary(bytes);
    else if (!obeys(wire, bytes.toString())) void wire.text(bytes.toString());
  });
}

/** What a control frame holds. */
const MAX_PING_BYTES = 125;

function obeys(wire: SocketWire, text: string): boolean {
  const close = /^close(?: (\d{4})(?: (.*))?)?$/.exec(text);
  const ping = /^ping (.*)$/.exec(text)?.[1];
  if (close !== null) closeBy(wire, close);
  else if (text === 'reset') wire.reset();
  else if (text === 'mute') wire.mute();
  else if (ping === undefined || Buffer.byteLength(ping) > MAX_PING_BYTES) return false;
  else wire.ping(ping);
  return true;
}

/** With a code or reason that no close frame can have, the connection is reset instead. */
function closeBy(wire: SocketWire, [, code, reason = '']: readonly string[]): void {
  try {
    wire.close(code === undefined ? undefined : Number(code), reason);
  } catch {
    wire.reset();
  }
}
