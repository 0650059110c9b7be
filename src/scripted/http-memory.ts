/** What `previous_response_id` means over HTTP: nothing, or the conversation before it. */
import type { RequestBody } from './recorded-request.ts';
import { inputItems } from './request-view.ts';
import { ResponseWatch } from './response-memory.ts';
import type { ResponseStore } from './response-memory.ts';
import type { Answer, JsonObject, PreviousIds } from './script.ts';
import { refusedFrame, unknownPrevious } from './socket-errors.ts';

/** The body with the whole conversation as its input. Where ids are ignored, what they stand for is as well. */
export function contextOf(body: RequestBody, store: ResponseStore, meaning: PreviousIds): RequestBody {
  const previous = body['previous_response_id'];
  if (typeof previous !== 'string' || meaning === 'ignored') return body;
  const known = store.get(previous) ?? [];
  return known.length === 0 ? body : { ...body, input: [...known, ...inputItems(body)] };
}

/** The refusal of an id that nothing is known of; undefined where it is known or does not matter. */
export function refusalOfPrevious(
  body: RequestBody,
  store: ResponseStore,
  meaning: PreviousIds,
): Answer | undefined {
  const previous = body['previous_response_id'];
  if (typeof previous !== 'string' || meaning === 'ignored' || store.get(previous) !== undefined)
    return undefined;
  const { error } = refusedFrame(unknownPrevious(previous), false);
  return { status: { code: 400, body: { error } } };
}

/** Whether a response is kept beyond its connection. */
export function isStored(body: RequestBody, meaning: PreviousIds): boolean {
  return meaning === 'kept' ? body['store'] !== false : body['store'] === true;
}

/** Puts a response into the store when its events have come to a good end; give it each of them. */
export function storing(
  request: { readonly body: RequestBody; readonly context: RequestBody },
  responseId: string,
  store: ResponseStore,
  meaning: PreviousIds,
): (event: JsonObject) => void {
  if (!isStored(request.body, meaning)) return () => undefined;
  const watch = new ResponseWatch(responseId);
  return (event) => {
    watch.see(event);
    if (watch.outcome === 'held') store.put(watch.allIds, [...inputItems(request.context), ...watch.output]);
  };
}
