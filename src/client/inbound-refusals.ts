/** What a client hears when the memory for what comes in (`--inbound-budget`) has no room for its request. */
import { refusal, type ErrorAnswer } from '../frames/errors.ts';

/** Others hold it now: there will be room again. */
export const INBOUND_IS_FULL: ErrorAnswer = refusal(
  'slow_down',
  'This bridge holds as many requests as it may (--inbound-budget); try again.',
);

/** There will never be room: one request alone is more than the whole budget. */
export function beyondInbound(limitBytes: number): ErrorAnswer {
  return refusal(
    'payload_too_large',
    `The request has more than the ${limitBytes} bytes this bridge can hold (--inbound-budget). Send less, or have the budget raised.`,
  );
}
