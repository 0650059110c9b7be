/** Frames other than `response.create`: steers, injections and interrupts. */
import type { RunningResponse } from './running-response.ts';
import type { JsonObject } from './script.ts';
import type { FrameRefusal } from './socket-errors.ts';
import { steerFailed } from './steering.ts';
import type { Steering } from './steering.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

/** What is known on the socket that a frame came on. */
export interface ControlPlace {
  readonly settings: WebSocketSettings;
  readonly steering: Steering;
  readonly socketId: number;
  /** The response that runs under this id. */
  find(id: unknown): RunningResponse | undefined;
  /** Whether a response with this id ran here and has ended. */
  hasEnded(id: unknown): boolean;
}

/** `done`: there is nothing to send, or it goes out with the response it is about. */
export type ControlAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'event'; readonly event: JsonObject }
  | { readonly kind: 'refused'; readonly refusal: FrameRefusal };

const done: ControlAnswer = { kind: 'done' };

/** Does what a frame asks for. */
export function answerToControl(frame: JsonObject, place: ControlPlace): ControlAnswer {
  const { type } = frame;
  const { inject = true, interrupt = 'end' } = place.settings;
  if (type === 'response.steer') return steer(frame, place);
  if (type === 'response.inject' && inject) return injected(frame, place);
  if (type === 'response.interrupt' && interrupt !== 'off') {
    if (interrupt === 'end') place.find(frame['response_id'])?.cut('interrupted');
    return done;
  }
  // An acknowledgement; its senders expect no answer.
  if (type === 'response.processed') return done;
  return {
    kind: 'refused',
    refusal: { code: 'unknown_event', message: `there is no event "${String(type)}" here` },
  };
}

function steer(frame: JsonObject, place: ControlPlace): ControlAnswer {
  const how = place.settings.steer ?? 'cut';
  const id = frame['previous_response_id'];
  const response = place.find(id);
  const failed = (code: string, message: string): ControlAnswer => ({
    kind: 'event',
    event: { ...steerFailed(frame, code, message), sequence_number: 0 },
  });
  if (how === 'off') return failed('steering_not_supported', 'this model cannot be steered');
  if (response === undefined) {
    return place.hasEnded(id)
      ? failed('response_already_completed', 'it has ended')
      : failed('response_not_found', 'no such response on this connection');
  }
  const event = place.steering.accept(frame, place.socketId);
  void response.say(event);
  const isAccepted = event['type'] === 'response.steer.accepted';
  // With a tool call open, the steer waits for its output.
  if (isAccepted && how === 'cut' && response.watch.calls.length === 0) response.cut('steered');
  return done;
}

function injected(frame: JsonObject, place: ControlPlace): ControlAnswer {
  const { response_id: id, input } = frame;
  const response = place.find(id);
  if (response !== undefined) {
    void response.say({ type: 'response.inject.created', response_id: id });
    return done;
  }
  const code = place.hasEnded(id) ? 'response_already_completed' : 'response_not_found';
  const error = { type: 'invalid_request_error', code, message: 'nothing runs under this id' };
  return { kind: 'event', event: { type: 'response.inject.failed', response_id: id, input, error } };
}
