/**
 * Tells people what happened to an object: `kubectl describe` shows it. Events are a courtesy. Whoever records one goes
 * on at once and never hears of a failure; what cannot be sent is dropped, and counted.
 */
import { countOf, EventBook, seriesEndMs, type EventWork, type KnownEvent } from './event-book.ts';
import type { EventFact } from './event-facts.ts';
import { eventBody, eventNamespace, seriesBody, type EventNote, type EventReporter } from './event-note.ts';
import type { KubeClient } from './kube-client.ts';
import { kubeClock, type KubeClock, type KubeTimer } from './kube-clock.ts';
import { KubeError } from './kube-error.ts';
import { apiPath } from './kube-path.ts';
import { MicroClock } from './micro-time.ts';

export interface EventRecorderOptions extends EventReporter {
  readonly client: KubeClient;
  readonly facts: (fact: EventFact) => void;
  readonly clock?: KubeClock;
  /** Milliseconds since 1970. */
  readonly wallMs?: () => number;
}

/** Events that wait to be sent, one after another; more are dropped. Two hundred routes can fail at once. */
const MAX_WAITING = 200;

/** Of one event, before it is given up. */
const MAX_TRIES = 3;

/** Before the second try, doubled for the third. */
const RETRY_MS = 1_000;

/** An API server that asks for more patience is too busy for events. */
const MAX_RETRY_MS = 10_000;

/** Of one request. */
const TIMEOUT_MS = 5_000;

/** What is still sent when the process ends. */
const CLOSE_MS = 2_000;

type Sent =
  | { readonly kind: 'sent' }
  | { readonly kind: 'again'; readonly afterMs: number; readonly error: unknown }
  | { readonly kind: 'refused'; readonly error: unknown };

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: KubeClock;
  readonly #calendar: MicroClock;
  readonly #book = new EventBook();
  readonly #waiting: EventWork[] = [];
  readonly #abort = new AbortController();
  #sweeping: KubeTimer | undefined;
  #sending: Promise<void> | undefined;
  /** Ends the pause before the next try. */
  #wake: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? kubeClock;
    this.#calendar = new MicroClock(options.wallMs ?? Date.now);
  }

  /** Has it told, soon. Never throws, and never waits. */
  record(note: EventNote): void {
    if (this.#closed !== undefined) return this.#drop('closed', note);
    const works = this.#book.take(note, this.#clock.now(), this.#calendar.next());
    if (works === 'budget') return this.#drop('budget', note);
    for (const work of works) this.#enqueue(work);
    this.#watchEnds();
  }

  /** Sends what waits, for two seconds at most, and drops the rest. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** The same, but sends nothing more: what this process would tell is no longer its to tell. */
  destroy(): Promise<void> {
    this.#abort.abort();
    return this.close();
  }

  #enqueue(work: EventWork): void {
    if (this.#waiting.length >= MAX_WAITING) return this.#giveUp('full', work);
    this.#waiting.push(work);
    this.#sending ??= this.#sendAll();
  }

  /** Looks for series that are over, as long as there are any. */
  #watchEnds(): void {
    if (this.#sweeping !== undefined || this.#book.size === 0) return;
    this.#sweeping = this.#clock.setTimer(seriesEndMs, () => {
      this.#sweeping = undefined;
      for (const work of this.#book.sweep(this.#clock.now())) this.#enqueue(work);
      this.#watchEnds();
    });
  }

  /** One after another: events are few, and the API server has better things to do. Never fails. */
  async #sendAll(): Promise<void> {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      await this.#sendOne(work);
    }
    this.#sending = undefined;
  }

  async #sendOne(work: EventWork): Promise<void> {
    for (let tries = 1; ; tries++) {
      if (this.#abort.signal.aborted) return this.#giveUp('closed', work);
      const { event } = work;
      const count = countOf(event);
      // Its first sending was late, and has told this count already.
      if (event.sentCount === count) return;
      const result = await this.#send(work, count);
      if (result.kind === 'sent') {
        event.sentCount = count;
        event.sentMs = this.#clock.now();
        const how = work.kind === 'create' ? 'created' : 'counted';
        return this.#options.facts({ kind: 'event.sent', how, reason: event.note.reason });
      }
      if (result.kind === 'refused') return this.#giveUp('refused', work, result.error);
      const why = this.#closed === undefined ? 'failed' : 'closed';
      if (tries === MAX_TRIES || why === 'closed') return this.#giveUp(why, work, result.error);
      await this.#pause(Math.min(MAX_RETRY_MS, Math.max(result.afterMs, RETRY_MS * 2 ** (tries - 1))));
    }
  }

  async #send(work: EventWork, count: number): Promise<Sent> {
    try {
      if (work.kind === 'create' || !(await this.#patch(work.event))) await this.#create(work.event, count);
      return { kind: 'sent' };
    } catch (error) {
      return judge(error);
    }
  }

  #create({ name, note, micros, series }: KnownEvent, count: number): Promise<unknown> {
    const body = eventBody(name, note, this.#options, micros, count > 1 ? series : undefined);
    return this.#request('POST', apiPath(eventsOf(note)), body);
  }

  /** Whether there is such an event to be counted; the API server forgets them in an hour. */
  async #patch({ name, note, series }: KnownEvent): Promise<boolean> {
    if (series === undefined) return false;
    try {
      await this.#request('PATCH', apiPath({ ...eventsOf(note), name }), seriesBody(series));
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false;
      throw error;
    }
  }

  #request(method: 'POST' | 'PATCH', path: string, body: unknown): Promise<unknown> {
    return this.#options.client.request({
      method,
      path,
      body,
      contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      timeoutMs: TIMEOUT_MS,
      signal: this.#abort.signal,
    });
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(ms, resolve);
    this.#wake = resolve;
    await promise;
    timer.cancel();
    this.#wake = undefined;
  }

  async #close(): Promise<void> {
    this.#sweeping?.cancel();
    // A last try now, instead of later.
    this.#wake?.();
    const limit = this.#clock.setTimer(CLOSE_MS, () => this.#abort.abort());
    await this.#sending;
    limit.cancel();
  }

  #giveUp(why: 'full' | 'refused' | 'failed' | 'closed', { kind, event }: EventWork, error?: unknown): void {
    if (kind === 'create') this.#book.forget(event);
    this.#drop(why, event.note, error);
  }

  #drop(
    why: 'budget' | 'full' | 'refused' | 'failed' | 'closed',
    { reason }: EventNote,
    error?: unknown,
  ): void {
    this.#options.facts({ kind: 'event.dropped', why, reason, ...(error !== undefined && { error }) });
  }
}

function eventsOf(note: EventNote): { group: string; version: string; namespace: string; resource: string } {
  return {
    group: 'events.k8s.io',
    version: 'v1',
    namespace: eventNamespace(note.regarding),
    resource: 'events',
  };
}

/** What an error means for the next try. */
function judge(error: unknown): Sent {
  if (!(error instanceof KubeError)) return { kind: 'refused', error };
  const { status, retryAfterMs } = error;
  // Its name is ours alone: an earlier try has arrived, and its answer was lost.
  if (status === 409) return { kind: 'sent' };
  if (status === undefined || status === 429 || status >= 500) {
    return { kind: 'again', afterMs: retryAfterMs ?? 0, error };
  }
  return { kind: 'refused', error };
}
