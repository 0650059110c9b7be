/**
 * Which close codes may be sent is a law, not a detail: RFC 6455 7.4, the IANA registry, and what the measured
 * clients do with each. 1014 is left out on purpose: the Codex CLI's library takes it for a protocol violation.
 */

/** The codes this bridge sends by its own decision. The WebSocket library adds 1002, 1007 and 1009 by its own. */
export const CloseCode = {
  /** The client's own wish, answered. */
  normal: 1000,
  /** A revoked key, or a client that takes nothing. Clients do not reconnect. */
  policyViolation: 1008,
  /** A message so large that it could not be answered with an error event. */
  messageTooBig: 1009,
  /** Our fault. Clients reconnect. */
  internalError: 1011,
  /** Drain and maximum age. Clients reconnect; openai-python would end silently on 1001. */
  serviceRestart: 1012,
  /** No memory for what is coming in. Clients reconnect. */
  tryAgainLater: 1013,
} as const;

export type CloseCodeValue = (typeof CloseCode)[keyof typeof CloseCode];

/** Longest reason: a control frame's 125 bytes less the two of the code (RFC 6455 5.5). */
export const MAX_CLOSE_REASON_BYTES = 123;

/** Cuts a reason to what fits, at a character's boundary. */
export function toCloseReason(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MAX_CLOSE_REASON_BYTES) return text;
  let end = MAX_CLOSE_REASON_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
