import type { CloseCodeValue } from '../frames/close-codes.ts';
import type { Beating } from './heartbeat.ts';

/** A connection as guests.ts keeps it, whatever it is for. */
export interface Guest extends Beating {
  /** Something is under way that a close would break. */
  readonly isBusy: boolean;
  /** Bytes of requests that wait. */
  readonly queuedBytes: number;
  /** Closes as soon as nothing is under way. */
  retire(code: CloseCodeValue, reason: string): void;
  /** Its key is no client's any more. */
  revoke(): void;
  /** Ends everything now, with a word to the client. */
  cut(): void;
  /** Ends everything without a word: the process leaves. */
  terminate(): void;
}
