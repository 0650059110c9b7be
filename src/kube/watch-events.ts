/** The events of a watch, line by line. A line that is none ends the watch: what it told is lost otherwise. */
import { localError } from './kube-error.ts';
import { LineScanner } from '../json/line-scanner.ts';

/** An object is at most 1.5 MiB in etcd, and grows a little as JSON; 8 MiB leaves room and bounds memory. */
export const MAX_WATCH_LINE_BYTES = 8 * 1024 * 1024;

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

export interface WatchEvent {
  readonly type: WatchEventType;
  /** Of ERROR a Status; of BOOKMARK an object with nothing but its resourceVersion. */
  readonly object: unknown;
}

const types: ReadonlySet<unknown> = new Set<WatchEventType>([
  'ADDED',
  'MODIFIED',
  'DELETED',
  'BOOKMARK',
  'ERROR',
]);

/** @param onBytes Called for each read: a sign of life. @throws KubeError TooLarge, Malformed; what the stream throws. */
export async function* readWatch(
  what: string,
  body: AsyncIterable<unknown>,
  onBytes: () => void,
): AsyncGenerator<WatchEvent, void, undefined> {
  const scanner = new LineScanner(MAX_WATCH_LINE_BYTES);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    onBytes();
    const lines = scanner.push(chunk);
    if (lines === undefined)
      throw localError(what, 'TooLarge', `an event is longer than ${String(MAX_WATCH_LINE_BYTES)} bytes`);
    for (const line of lines) yield toEvent(what, line);
  }
  if (scanner.heldBytes > 0) throw localError(what, 'Network', 'the stream ended in the middle of an event');
}

function toEvent(what: string, line: Buffer): WatchEvent {
  let event: Partial<Record<keyof WatchEvent, unknown>> | null;
  try {
    event = JSON.parse(line.toString()) as typeof event;
  } catch {
    // The parser's message would quote what may be a Secret.
    throw localError(what, 'Malformed', 'an event is no JSON');
  }
  if (!types.has(event?.type) || typeof event?.object !== 'object' || event.object === null)
    throw localError(what, 'Malformed', 'a line is no event');
  return event as WatchEvent;
}
