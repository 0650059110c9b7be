/**
 * Which events are known, how often they were repeated, and what of that has to be sent: values in, values out. The
 * first of a kind is created; the second makes it a series; further ones are only counted, and the count is sent now
 * and then. What has not been repeated for a while is closed: the next one is a new event.
 */
import { eventName, type EventNote, type EventSeries } from './event-note.ts';
import { RateBucket, type RateLimit } from './rate-bucket.ts';

/** Not repeated for so long, an event is over (client-go). */
export const seriesEndMs = 6 * 60_000;

/** How often the count of a series that goes on is sent (client-go): before the API server forgets the event, in an hour. */
const REFRESH_MS = 30 * 60_000;

/** Writes about one object (client-go): a route that changes back and forth does not fill the cluster's events. */
const PER_OBJECT: RateLimit = { burst: 25, perSecond: 1 / 300 };

/** Events, and objects, that are remembered: a few hundred bytes each. The one not seen for longest is forgotten. */
const MAX_REMEMBERED = 1_000;

/** An event that was told at least once. */
export interface KnownEvent {
  readonly name: string;
  readonly note: EventNote;
  /** When it was told first, in microseconds since 1970. */
  readonly micros: number;
  /** Set from the second time on. */
  series: EventSeries | undefined;
  /** By the monotonic clock: when it was told last, and when it was sent last. */
  seenMs: number;
  sentMs: number;
  /** How often it had been told when it was sent last; 0: it was not. */
  sentCount: number;
}

/** What has to be sent: the event itself, or its new count. */
export interface EventWork {
  readonly kind: 'create' | 'count';
  readonly event: KnownEvent;
}

/** How often the event was told. */
export function countOf(event: KnownEvent): number {
  return event.series?.count ?? 1;
}

export class EventBook {
  /** By what makes two notes the same; those told last come last. */
  readonly #events = new Map<string, KnownEvent>();
  readonly #budgets = new Map<string, RateBucket>();

  /** Events that are remembered. */
  get size(): number {
    return this.#events.size;
  }

  /**
   * Takes note.
   * @param now Of the monotonic clock.
   * @param micros Of the calendar, another one each time.
   * @returns What has to be sent; `budget` when there was too much about this object.
   */
  take(note: EventNote, now: number, micros: number): readonly EventWork[] | 'budget' {
    const key = keyOf(note);
    const known = this.#events.get(key);
    if (known !== undefined && now - known.seenMs < seriesEndMs) return this.#repeat(key, known, now, micros);
    if (!this.#mayWrite(note, now)) return 'budget';
    const closed = known !== undefined && isBehind(known) ? [{ kind: 'count', event: known } as const] : [];
    const event: KnownEvent = {
      name: eventName(note.regarding.name, micros),
      note,
      micros,
      series: undefined,
      seenMs: now,
      sentMs: now,
      sentCount: 0,
    };
    this.#events.delete(key);
    remember(this.#events, key, event);
    return [...closed, { kind: 'create', event }];
  }

  /** An event that could not be sent: the next one like it is the first again. */
  forget(event: KnownEvent): void {
    const key = keyOf(event.note);
    if (this.#events.get(key) === event) this.#events.delete(key);
  }

  /** Closes what is over. Returns the counts that have to be sent: last ones, and those of long series. */
  sweep(now: number): readonly EventWork[] {
    const works: EventWork[] = [];
    for (const [key, event] of this.#events) {
      const isOver = now - event.seenMs >= seriesEndMs;
      if (isOver) this.#events.delete(key);
      if (isBehind(event) && (isOver || now - event.sentMs >= REFRESH_MS))
        works.push({ kind: 'count', event });
    }
    for (const [object, budget] of this.#budgets) {
      if (budget.isFull(now)) this.#budgets.delete(object);
    }
    return works;
  }

  #repeat(key: string, event: KnownEvent, now: number, micros: number): readonly EventWork[] | 'budget' {
    const isFirst = event.series === undefined;
    event.series = { count: countOf(event) + 1, lastMicros: micros };
    event.seenMs = now;
    this.#events.delete(key);
    this.#events.set(key, event);
    if (!isFirst) return [];
    // Over budget the repeat is counted all the same, and told when the series is closed.
    return this.#mayWrite(event.note, now) ? [{ kind: 'count', event }] : [];
  }

  #mayWrite({ regarding }: EventNote, now: number): boolean {
    const object = JSON.stringify([regarding.kind, regarding.namespace, regarding.name, regarding.uid]);
    const budget = this.#budgets.get(object) ?? new RateBucket(PER_OBJECT, now);
    this.#budgets.delete(object);
    remember(this.#budgets, object, budget);
    return budget.take(now);
  }
}

/** It was told more often than was sent. One that was never sent is not behind: it is still to be created. */
function isBehind(event: KnownEvent): boolean {
  return event.sentCount > 0 && event.sentCount < countOf(event);
}

/** The note is part of it: another sentence is another event, since people act on what it says. */
function keyOf({ regarding, type, reason, action, note }: EventNote): string {
  const { apiVersion, kind, namespace, name, uid } = regarding;
  return JSON.stringify([apiVersion, kind, namespace, name, uid, type, reason, action, note]);
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  const oldest = map.size >= MAX_REMEMBERED ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
