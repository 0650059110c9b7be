/** `queued` and `in_progress` are no ends: nothing could follow them. A cancelled response has no event of its own. */
const NAMES: ReadonlyMap<unknown, string> = new Map([
  ['completed', 'response.completed'],
  ['incomplete', 'response.incomplete'],
  ['failed', 'response.failed'],
  ['cancelled', 'response.failed'],
]);

/** The event that ends a response with this `status`; undefined when it is none with which a response ends. */
export function terminalNameOf(status: unknown): string | undefined {
  return NAMES.get(status);
}
