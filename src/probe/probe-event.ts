/** One event as the client hears it, and what it means for the end of a turn. */
import { at, numberAt, textAt } from './json-path.ts';

export interface ProbeEvent {
  /** When it arrived, on the clock of `performance.now()`. */
  readonly at: number;
  /** Its `type`; `(not JSON)`, `(binary)` or `(no type)` for what is no event. */
  readonly type: string;
  /** Size of the payload in bytes. */
  readonly bytes: number;
  /** The payload parsed; undefined if it is not JSON. */
  readonly json: unknown;
}

/** How a turn ended, seen from the client. */
export type TurnEnd =
  | { readonly outcome: 'completed' }
  /** `incomplete`, `failed` and `error` as the events are called; `broken` when there was none of them. */
  | { readonly outcome: 'incomplete' | 'failed' | 'error' | 'broken'; readonly reason: string };

/** @returns the event for one text payload */
export function toProbeEvent(payload: string, now: number): ProbeEvent {
  const bytes = Buffer.byteLength(payload);
  try {
    const json: unknown = JSON.parse(payload);
    return { at: now, type: textAt(json, 'type') ?? '(no type)', bytes, json };
  } catch {
    return { at: now, type: '(not JSON)', bytes, json: undefined };
  }
}

/** @returns how this event ends its turn; undefined if it does not */
export function turnEndOf(event: ProbeEvent): TurnEnd | undefined {
  switch (event.type) {
    case 'response.completed':
      return { outcome: 'completed' };
    case 'response.incomplete':
      return {
        outcome: 'incomplete',
        reason: textAt(event.json, 'response', 'incomplete_details', 'reason') ?? 'no reason given',
      };
    case 'response.failed':
      return { outcome: 'failed', reason: errorText(at(event.json, 'response', 'error')) };
    case 'error': {
      const status = statusOf(event);
      const text = errorText(at(event.json, 'error') ?? event.json);
      return { outcome: 'error', reason: status === undefined ? text : `${status} ${text}` };
    }
    default:
      return undefined;
  }
}

/** @returns the status of an `error` event, without which Codex ignores it */
export function statusOf(event: ProbeEvent): number | undefined {
  return numberAt(event.json, 'status') ?? numberAt(event.json, 'status_code');
}

/** @returns the code of an `error` event, from its nested or its flat form */
export function errorCodeOf(event: ProbeEvent): string | undefined {
  return textAt(event.json, 'error', 'code') ?? textAt(event.json, 'code');
}

/** @returns the id of the response that an event belongs to */
export function responseIdOf(event: ProbeEvent): string | undefined {
  return textAt(event.json, 'response', 'id');
}

function errorText(error: unknown): string {
  const type = textAt(error, 'type');
  // In the flat form, `type` is that of the event and says nothing.
  const word = textAt(error, 'code') ?? (type === 'error' ? undefined : type);
  const words = [word, textAt(error, 'message')];
  return words.filter((word) => word !== undefined).join(': ') || 'no reason given';
}
