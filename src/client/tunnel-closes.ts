/** How the close of one end of a tunnel is told at the other: RFC 6455 7.4 says which codes may be sent at all. */
import { CloseCode, toCloseReason } from '../frames/close-codes.ts';

/** What goes into a close frame. */
export interface ToldClose {
  readonly code: number;
  /** At most 123 bytes of UTF-8. */
  readonly reason: string;
}

/** A client that went without a close frame, and one whose frames could not be read. */
const CLIENT_GONE: ToldClose = { code: 1001, reason: 'client went away' };
/** A provider that went without a close frame: the client may try again. */
export const PROVIDER_LOST: ToldClose = {
  code: CloseCode.internalError,
  reason: 'connection to the provider lost',
};

/** @param code 1005: without a code; 1006: without a close frame. */
export function toProviderClose(code: number, reason: string): ToldClose {
  if (code === 1006) return CLIENT_GONE;
  return told(code, reason);
}

/**
 * 1010 belongs to clients. 1014 the Codex CLI's library takes for a violation of the protocol.
 * @param code 1005: without a code; 1006: without a close frame.
 */
export function toClientClose(code: number, reason: string): ToldClose {
  if (code === 1006) return PROVIDER_LOST;
  if (code === 1010 || code === 1014) return { code: CloseCode.internalError, reason: toCloseReason(reason) };
  return told(code, reason);
}

function told(code: number, reason: string): ToldClose {
  if (code === 1005) return { code: CloseCode.normal, reason: '' };
  return { code: isSendable(code) ? code : CloseCode.internalError, reason: toCloseReason(reason) };
}

/** Those that stand for something in a program only (1004 to 1006, 1015) and those of nobody are not sent. */
function isSendable(code: number): boolean {
  const isRegistered = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  return isRegistered || (code >= 3000 && code <= 4999);
}
