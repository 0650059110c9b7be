import { eventTypeOf } from '../events/event-type.ts';
import { toErrorFrame } from '../frames/errors.ts';
import { withStreamId } from '../frames/server-events.ts';
import type { TurnSink } from '../turn/turn-client.ts';
import type { Outbox } from './outbox.ts';

/** Where the turns of one lane send their events: the socket, with the lane's name put in where it has one. */
export function openLaneSink(
  outbox: Outbox,
  streamId: string | undefined,
  takesKeepalives: boolean,
): TurnSink {
  const refuse: TurnSink['refuse'] = (answer) => {
    const frame = toErrorFrame(answer, streamId);
    outbox.send(frame, eventTypeOf(frame));
  };
  if (streamId === undefined) {
    return { takesKeepalives, refuse, event: (payload, type) => outbox.send(payload, type) };
  }
  return {
    takesKeepalives,
    refuse,
    event: (payload, type) => outbox.send(withStreamId(payload, streamId), type),
  };
}
