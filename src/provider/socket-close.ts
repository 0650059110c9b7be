/**
 * What the end of a provider's WebSocket means to a turn on it, and which codes we send (RFC 6455, 7.4). The table for
 * operators is in docs/transports.md.
 */
import { faultOf } from './provider-fault.ts';
import { ProviderFault } from './provider.ts';

/** What we close with ourselves: nothing that a provider could act upon hangs on why. */
export const NORMAL_CLOSE = 1000;

const NO_CLOSE_FRAME = 1006;
const TOO_BIG = 1009;

/**
 * Codes with which a server ends a connection for reasons of the connection: it was closing while our frame was on its
 * way. The others are about what was asked, or about a failure that a fresh connection would meet again.
 */
const OF_THE_CONNECTION: ReadonlySet<number> = new Set([1000, 1001, 1005, NO_CLOSE_FRAME, 1012]);

/** How a turn under way hears of the end of its socket. */
export interface SocketLoss {
  readonly fault: ProviderFault;
  /** A turn that has heard nothing yet on a socket that was open before may try a fresh one. */
  readonly mayBeStale: boolean;
}

/**
 * The provider's close, as its turn hears of it. Its reason is its own text and stays out.
 *
 * @param code As `ws` gives it: 1005 = a close frame without a code, 1006 = none.
 * @param reason The system's own word where the connection broke.
 */
export function lossByClose(provider: string, code: number, reason: string | undefined): SocketLoss {
  const mayBeStale = OF_THE_CONNECTION.has(code);
  if (code === NO_CLOSE_FRAME) return { fault: faultOf(provider, 'connection_lost', reason), mayBeStale };
  if (code === TOO_BIG) {
    const detail = 'takes smaller messages than this one: it closed its WebSocket with 1009';
    return { fault: closeFault(provider, 'request_too_large', detail, code), mayBeStale };
  }
  const detail =
    code === 1005
      ? 'closed its WebSocket without a code in the middle of the turn'
      : `closed its WebSocket with ${code} in the middle of the turn`;
  return { fault: closeFault(provider, 'socket_closed', detail, code), mayBeStale };
}

/** An end of our own finding. */
export function lossOf(
  provider: string,
  code: 'connection_lost' | 'protocol_error' | 'no_room',
  detail: string,
): SocketLoss {
  return { fault: faultOf(provider, code, undefined, detail), mayBeStale: false };
}

function closeFault(
  provider: string,
  code: 'socket_closed' | 'request_too_large',
  detail: string,
  closeCode: number,
): ProviderFault {
  return new ProviderFault(code, `provider ${provider} ${detail}`, undefined, closeCode);
}

/** What the library found wrong with the provider's frames, in the words of a fault; undefined: the connection broke. */
export function frameComplaint(error: unknown, maxMessageBytes: number): string | undefined {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('WS_ERR_')) return undefined;
  if (code === 'WS_ERR_INVALID_UTF8') return 'sent an event that is not UTF-8';
  return code.startsWith('WS_ERR_UNSUPPORTED_')
    ? `sent an event above ${maxMessageBytes} bytes`
    : 'sent a frame that is none';
}

const LIBRARY_CODES: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: TOO_BIG,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: TOO_BIG,
};

/** The code with which the library ends a connection whose frames it cannot read. */
export function libraryCloseCode(error: unknown): number {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('WS_ERR_')) return NO_CLOSE_FRAME; // the connection's own
  return LIBRARY_CODES[code] ?? 1002;
}

/** Longest reason: a control frame's 125 bytes less the two of the code (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123;

/**
 * What may stand in a close frame for this: 1005 says that there was no code and becomes 1000; what exists in interfaces
 * only, or is nobody's to send, becomes 1011. The reason is cut at a character's boundary.
 */
export function toSendableClose(
  code: number,
  reason: string,
): { readonly code: number; readonly reason: string } {
  if (code === 1005) return { code: NORMAL_CLOSE, reason: '' };
  const isSendable =
    (code >= 1000 && code <= 1013 && code !== 1004 && code !== NO_CLOSE_FRAME) ||
    (code >= 3000 && code <= 4999);
  const bytes = Buffer.from(reason);
  let end = Math.min(bytes.length, MAX_REASON_BYTES);
  while (end < bytes.length && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return { code: isSendable ? code : 1011, reason: bytes.toString('utf8', 0, end) };
}
