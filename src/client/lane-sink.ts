import { eventTypeOf } from '../events/event-type.ts';
import { toErrorFrame } from '../frames/errors.ts';
import { withStreamId } from '../frames/server-events.ts';
import type { TurnSink } from '../turn/turn-client.ts';
import type { Outbox } from './outbox.ts';

/**
 * Where the turns of one lane send their events: the socket, with the lane's name put in where it has one and the
 * provider has not written it.
 *
 * @param onAnswered Hears of the headers that a provider means for the client.
 */
export function openLaneSink(
  outbox: Outbox,
  streamId: string | undefined,
  takesKeepalives: boolean,
  onAnswered?: TurnSink['answered'],
): TurnSink {
  const refuse: TurnSink['refuse'] = (answer) => {
    const frame = toErrorFrame(answer, streamId);
    outbox.send(frame, eventTypeOf(frame));
  };
  const common = { takesKeepalives, refuse, ...(onAnswered === undefined ? {} : { answered: onAnswered }) };
  if (streamId === undefined) return { ...common, event: (payload, type) => outbox.send(payload, type) };
  return {
    ...common,
    event: (payload, type, isTagged = false) =>
      outbox.send(isTagged ? payload : withStreamId(payload, streamId), type),
  };
}
