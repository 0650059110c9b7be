/** What is to be told about an object, and the Event of events.k8s.io/v1 that tells it. */
import { microTime } from './micro-time.ts';

/** The object that an event is about. */
export interface EventRegarding {
  readonly apiVersion: string;
  readonly kind: string;
  /** Left out for an object of the cluster. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

export interface EventNote {
  readonly regarding: EventRegarding;
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase: `SecretNotFound`. At most 128 characters, of a closed set. */
  readonly reason: string;
  /** What was done, in CamelCase: `Compile`. At most 128 characters. */
  readonly action: string;
  /** For people, with the cure. Cut at 1 kB. */
  readonly note: string;
}

/** Who tells it. */
export interface EventReporter {
  /** `turnbridge.dev/operator`. */
  readonly reportingController: string;
  /** The name of the pod; cut at 128 characters, the API server's limit. */
  readonly reportingInstance: string;
}

/** A repeated event: how often, and when last, in microseconds since 1970. */
export interface EventSeries {
  readonly count: number;
  readonly lastMicros: number;
}

/** The API server refuses longer notes, counted in bytes. */
const MAX_NOTE_BYTES = 1024;
const MAX_INSTANCE_CHARS = 128;
const MAX_NAME_CHARS = 253;

/** The text, as much of it as an event may hold: whole characters, with an ellipsis where some are missing. */
export function cutNote(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_NOTE_BYTES) return text;
  let end = MAX_NOTE_BYTES - Buffer.byteLength('…');
  // A byte that continues a character is no place to cut.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}

/** A name as client-go gives it: the object's, and the time in hexadecimal nanoseconds. */
export function eventName(objectName: string, micros: number): string {
  const suffix = `.${(BigInt(micros) * 1000n).toString(16)}`;
  // What is cut may end in a dot or a dash, which no name may.
  const stem = objectName.slice(0, MAX_NAME_CHARS - suffix.length).replace(/[.-]+$/, '');
  return `${stem}${suffix}`;
}

/** Events live beside their object; those about objects of the cluster in `default`, where kubectl looks for them. */
export function eventNamespace(regarding: EventRegarding): string {
  return regarding.namespace ?? 'default';
}

/** What is sent to create it. */
export function eventBody(
  name: string,
  note: EventNote,
  reporter: EventReporter,
  micros: number,
  series: EventSeries | undefined,
): unknown {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: eventNamespace(note.regarding) },
    eventTime: microTime(micros),
    reportingController: reporter.reportingController,
    reportingInstance: reporter.reportingInstance.slice(0, MAX_INSTANCE_CHARS),
    action: note.action,
    reason: note.reason,
    regarding: note.regarding,
    note: cutNote(note.note),
    type: note.type,
    ...(series !== undefined && seriesBody(series)),
  };
}

/** What is sent as a merge patch to count one more. */
export function seriesBody(series: EventSeries): { readonly series: unknown } {
  return { series: { count: series.count, lastObservedTime: microTime(series.lastMicros) } };
}
