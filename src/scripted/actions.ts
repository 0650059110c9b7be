/**
 * What a transport has to do, one after the other. Steps become actions in response-writer.ts; HTTP plays them in
 * http-answer.ts, a WebSocket in socket-answer.ts.
 */
import type { Answer, CloseStep, JsonObject } from './script.ts';

export type Action =
  /** Accept: send what comes before the first event (over HTTP the status and the headers). */
  | { readonly kind: 'open' }
  | { readonly kind: 'event'; readonly event: JsonObject }
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'until'; readonly promise: Promise<unknown> }
  /** Nothing more, until someone closes. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'reset' }
  /** A binary message. HTTP has none. */
  | { readonly kind: 'binary'; readonly text: string }
  /** A WebSocket closes with this code (none: a close frame without one); over HTTP the body ends. */
  | { readonly kind: 'close'; readonly code: number | undefined; readonly reason: string }
  /** The answer is over. Also implied by the last action. */
  | { readonly kind: 'end' };

/** The action of a `close`. */
export function closing(close: CloseStep): Action {
  return { kind: 'close', code: close.code, reason: close.reason ?? '' };
}

/** Passes actions on until so many events have gone, then does what `how` says and nothing else. */
export function* brokenAfter(actions: Iterable<Action>, breakAfter: Answer['breakAfter']): Generator<Action> {
  if (breakAfter === undefined) {
    yield* actions;
    return;
  }
  let events = 0;
  for (const action of actions) {
    if (events >= breakAfter.events) break;
    if (action.kind === 'event') events += 1;
    yield action;
  }
  yield { kind: 'open' };
  const { how } = breakAfter;
  if (typeof how === 'string') yield { kind: how };
  else yield closing(how.close);
}
