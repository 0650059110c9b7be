/**
 * Which event is this? Answered on the bytes, without decoding: an event that nobody needs to read passes as it
 * came. The catalogue is the public API's list of streaming events plus those that only sockets carry.
 */

/** What an event means to a turn. */
export type EventRole =
  | 'created'
  | 'item-added' // the first sign of output
  | 'item-done'
  | 'output' // deltas and everything else that is output
  | 'completed'
  | 'incomplete'
  | 'failed'
  | 'error'
  | 'keepalive'
  | 'other';

/** One entry of the catalogue. Compared by identity; `index` is dense, for counters. */
export interface EventType {
  readonly name: string;
  readonly role: EventRole;
  readonly index: number;
}
