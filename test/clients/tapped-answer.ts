/** The bridge's side of a tapped connection: what it answered the handshake, and every frame it sent. */
import * as ws from 'ws';
import type { Writable } from 'node:stream';
import type { JsonObject } from './codex-exec.ts';

/** ws exports its frame parser, its types do not. */
export const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

/** More than any message here: what a limit does is the other programs' affair. */
export const maxTappedMessageBytes = 80 << 20;

/** An HTTP answer that is no 101: a refused upgrade, or that of a POST. */
export interface TappedStatus {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** As much of the body as came with the head; all of it for the small ones of refusals. */
  readonly body: string;
}

/** What the bridge said on one connection, in order. */
export type Heard =
  | { readonly kind: 'status'; readonly answer: TappedStatus }
  /** `text`: as it came. */
  | { readonly kind: 'frame'; readonly frame: JsonObject; readonly text: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** TCP ended on the bridge's side first, without a close frame before. */
  | { readonly kind: 'end' }
  | { readonly kind: 'reset' };

/** Reads the bytes of one connection as they come; never complains, since the client judges them, not the tap. */
export interface AnswerReader {
  push(bytes: Buffer): void;
}

/** Reads the answers on a connection: HTTP ones each, or after a 101 its frames. */
export function openAnswerReader(heard: Heard[]): AnswerReader {
  let receiver: Writable | undefined;
  let line = '';
  /** Of a stream over HTTP only the lines that hold an event count; chunks' own lines are none. */
  const readLines = (text: string): void => {
    const lines = (line + text).split('\n');
    line = (lines.pop() ?? '').slice(-maxLineLength);
    for (const whole of lines) {
      if (whole.startsWith('data: ')) heard.push(toFrame(whole.slice(6)));
    }
  };
  return {
    push(bytes) {
      if (receiver !== undefined) {
        receiver.write(bytes);
        return;
      }
      readLines(bytes.toString('utf8'));
      // an answer's head begins a read of its own: nobody here pipelines
      if (!bytes.subarray(0, 9).equals(headBegin)) return;
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const answer = readStatus(bytes, end);
      if (answer.status === 101) {
        receiver = openReceiver(heard);
        receiver.write(bytes.subarray(end + 4));
      } else heard.push({ kind: 'status', answer });
    },
  };
}

/** Longer events over HTTP are no row of any table. */
const maxLineLength = 1 << 20;

const headBegin = Buffer.from('HTTP/1.1 ');

function readStatus(bytes: Buffer, end: number): TappedStatus {
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers),
    body: bytes.toString('utf8', end + 4),
  };
}

function openReceiver(heard: Heard[]): Writable {
  const receiver = new Receiver({ isServer: false, maxPayload: maxTappedMessageBytes });
  receiver.on('message', (data: Buffer) => heard.push(toFrame(data.toString('utf8'))));
  receiver.on('conclude', (code: number, reason: Buffer) =>
    heard.push({ kind: 'close', code, reason: reason.toString('utf8') }),
  );
  receiver.on('error', () => {}); // what it cannot read, the client has all the same
  return receiver;
}

function toFrame(text: string): Heard {
  return { kind: 'frame', frame: parseFrame(text), text };
}

/** A provider's event passes as it is, also when it is no JSON. */
function parseFrame(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return { type: 'unreadable', text };
  }
}
