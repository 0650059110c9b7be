/** Events on a provider's WebSocket for which no turn waits. */
import { eventTypeOf } from '../events/event-type.ts';
import type { Seat } from './lane-seats.ts';

/** `end`: the last one of a response; `harmless`: of the connection, or about a response that has ended. */
export type UnaskedEvent = 'harmless' | 'end' | 'error' | 'other';

const BESIDE_RESPONSES: ReadonlySet<string> = new Set(['codex.rate_limits', 'responsesapi.websocket_timing']);

/** An `error` is no end: where it is about a response that runs, that one's `response.failed` follows. */
export function judgeUnasked(payload: Buffer): UnaskedEvent {
  const { role, name } = eventTypeOf(payload);
  switch (role) {
    case 'keepalive':
    case 'metadata':
      return 'harmless';
    case 'completed':
    case 'incomplete':
    case 'failed':
      return 'end';
    case 'error':
      return 'error';
    default:
      return BESIDE_RESPONSES.has(name) ? 'harmless' : 'other';
  }
}

/** What comes first for a turn behind one that was refused. True: the end of a response, and nobody knows of whose. */
export function endsTheOneBefore(seat: Seat, payload: Buffer): boolean {
  const meaning = judgeUnasked(payload);
  if (meaning === 'harmless') return false;
  seat.isInDoubt = false; // a new response is its own
  return meaning === 'end';
}

/** It belongs to a turn that has left this seat: it is dropped, and with the last one the seat is free. */
export function isOfDeparted(seat: Seat, meaning: UnaskedEvent): boolean {
  const isDraining = seat.occupant === 'draining';
  if (!isDraining && !(seat.isInDoubt && meaning === 'end')) return false;
  seat.isInDoubt = isDraining && meaning === 'error';
  // what was refused has no other end; or it has, and that is not the next turn's
  if (meaning === 'end' || meaning === 'error') seat.occupant = undefined;
  return true;
}
