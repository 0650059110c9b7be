/** How turns end, for tables of what a client hears. */
import { responseOf, type JsonObject } from '../protocol/scene.ts';

export interface TurnEnding {
  /** Of the turn's last event. */
  readonly type: unknown;
  /** `the answer`, or the code of the failure. */
  readonly hears: unknown;
}

/** Of the events of a turn. */
export function endingOf(events: readonly JsonObject[]): TurnEnding {
  const last = events.at(-1) ?? {};
  const { type } = last;
  if (type === 'response.completed') return { type, hears: 'the answer' };
  const error = (type === 'error' ? last['error'] : responseOf(last)['error']) as JsonObject | undefined;
  return { type, hears: error?.['code'] };
}

/** What a row of a table promises. A failure after `response.created` is the response's own ending. */
export function promisedEnding(hears: string, hasBegun = false): TurnEnding {
  if (hears === 'the answer') return { type: 'response.completed', hears };
  return { type: hasBegun ? 'response.failed' : 'error', hears };
}
