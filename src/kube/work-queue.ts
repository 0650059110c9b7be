/**
 * A queue of keys that something is to be done about. It carries no events: a key says "look at this", and whoever
 * works at it looks at the present state. So duplicates are worth nothing, and failures are simply looked at again.
 *
 *            add                      a place is free                 done
 *   (unknown) ───────────▶ waiting ──────────────────▶ running ─────────────▶ (unknown)
 *       │ addAfter            ▲  ▲                        │ added meanwhile
 *       ▼                     │  └────────────────────────┤
 *   delayed ──────────────────┘ its time has come         │ failed, or `again`
 *       ▲                                                 │
 *       └─────────────────────────────────────────────────┘
 */
import { MAX_RETRY_AFTER_MS } from './backoff.ts';
import { kubeClock, type KubeClock, type KubeTimer } from './kube-clock.ts';
import { KubeError } from './kube-error.ts';
import { QueueBackoff } from './queue-backoff.ts';
import type { QueueEnded, QueueFact } from './queue-facts.ts';

/** What came of the work at a key. `again`: look once more in so many milliseconds; it is no failure. */
export type WorkResult = { readonly kind: 'done' } | { readonly kind: 'again'; readonly afterMs: number };

export interface WorkQueueOptions {
  /** A label of metrics. */
  readonly name: string;
  /** Keys that are worked at side by side. Default 1. A key is never worked at twice at a time. */
  readonly concurrency?: number;
  /**
   * The work. A rejection, or an exception, has the key tried again later. It is to end soon after its signal aborts;
   * while it does not, it holds its place, because two at once for one key would be worse.
   */
  readonly process: (key: string, signal: AbortSignal) => Promise<WorkResult>;
  readonly facts: (fact: QueueFact) => void;
  readonly clock?: KubeClock;
  /** Of one run. Default 30 s: what a process is given to end in. */
  readonly deadlineMs?: number;
  /** Keys known at a time, waiting, delayed and running. Default 10,000: more routes than a snapshot can hold. */
  readonly maxKeys?: number;
}

const DEFAULT_DEADLINE_MS = 30_000;
const DEFAULT_MAX_KEYS = 10_000;

/** Whoever asks to be called again at once is not to keep the process busy with nothing else. */
const MIN_AGAIN_MS = 5;

interface Failure {
  readonly kind: 'failed';
  readonly error: unknown;
}

/** Whether a key is in line, or worked at, or neither. */
type Place =
  | { readonly kind: 'none' }
  | { readonly kind: 'waiting'; readonly sinceMs: number }
  | { readonly kind: 'running'; readonly run: Run; readonly addedMs: number | undefined };

interface Run {
  readonly key: string;
  readonly startedMs: number;
  readonly abort: AbortController;
  readonly deadline: KubeTimer;
}

/** A later look at a key. */
interface Due {
  readonly atMs: number;
  readonly timer: KubeTimer;
}

/** What is known of a key; forgotten as soon as it says nothing. */
interface Entry {
  place: Place;
  /** Somebody asked for it. */
  asked: Due | undefined;
  /** After a failure, or an `again`: any run before it makes it needless. */
  retry: KubeTimer | undefined;
  /** In a row. */
  failures: number;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: KubeClock;
  readonly #backoff: QueueBackoff;
  readonly #entries = new Map<string, Entry>();
  /** Keys whose place is `waiting`, each once, longest first. */
  readonly #line: string[] = [];
  readonly #runs = new Set<Run>();
  /** Keys that were added while they run: they wait too. */
  #addedWhileRunning = 0;
  #pump: NodeJS.Immediate | undefined;
  /** Set when the queue is closed: resolves when nothing runs any more. */
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? kubeClock;
    this.#backoff = new QueueBackoff(this.#clock.now());
  }

  /** Keys in line, those that are to be worked at again included. */
  get depth(): number {
    return this.#line.length + this.#addedWhileRunning;
  }

  /** Keys being worked at. */
  get activeWorkers(): number {
    return this.#runs.size;
  }

  /** All the time that those which are being worked at have taken so far. */
  get unfinishedSeconds(): number {
    const now = this.#clock.now();
    return [...this.#runs].reduce((sum, run) => sum + seconds(now - run.startedMs), 0);
  }

  /** The time that the longest of them has taken so far. */
  get longestRunningSeconds(): number {
    const now = this.#clock.now();
    return [...this.#runs].reduce((most, run) => Math.max(most, seconds(now - run.startedMs)), 0);
  }

  /** Has the key worked at, as soon as there is a place; once more if it is being worked at now. */
  add(key: string): void {
    const entry = this.#entryFor(key);
    if (entry !== undefined) this.#toLine(key, entry);
  }

  /** The same, in `ms` milliseconds. Of two such wishes the earlier counts. */
  addAfter(key: string, ms: number): void {
    const entry = this.#entryFor(key);
    if (entry !== undefined) this.#ask(key, entry, ms);
  }

  /** Drops what waits, and waits for what runs. May be called twice; what is added afterwards is dropped. */
  close(): Promise<void> {
    return this.#end().promise;
  }

  /** The same, but tells what runs to stop: its signal aborts with this reason. */
  destroy(reason: Error): Promise<void> {
    const ended = this.#end();
    for (const run of this.#runs) run.abort.abort(reason);
    return ended.promise;
  }

  #end(): PromiseWithResolvers<void> {
    if (this.#closing !== undefined) return this.#closing;
    const closing = Promise.withResolvers<void>();
    this.#closing = closing;
    clearImmediate(this.#pump);
    for (const entry of this.#entries.values()) {
      entry.asked?.timer.cancel();
      entry.retry?.cancel();
    }
    this.#entries.clear();
    this.#line.length = 0;
    this.#addedWhileRunning = 0;
    if (this.#runs.size === 0) closing.resolve();
    return closing;
  }

  /** Of a key that is new too; undefined when it may not be known any more. */
  #entryFor(key: string): Entry | undefined {
    if (this.#closing !== undefined) return undefined;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= (this.#options.maxKeys ?? DEFAULT_MAX_KEYS)) {
      this.#announce({ kind: 'queue.refused', queue: this.#options.name, key });
      return undefined;
    }
    const entry: Entry = { place: { kind: 'none' }, asked: undefined, retry: undefined, failures: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  #toLine(key: string, entry: Entry): void {
    const now = this.#clock.now();
    const { place } = entry;
    if (place.kind === 'waiting') return;
    if (place.kind === 'running') {
      if (place.addedMs !== undefined) return;
      entry.place = { ...place, addedMs: now };
      this.#addedWhileRunning += 1;
    } else {
      entry.place = { kind: 'waiting', sinceMs: now };
      this.#line.push(key);
      this.#wake();
    }
    this.#announce({ kind: 'queue.added', queue: this.#options.name, depth: this.depth });
  }

  #ask(key: string, entry: Entry, ms: number): void {
    const atMs = this.#clock.now() + Math.max(0, ms);
    if (entry.asked !== undefined && entry.asked.atMs <= atMs) return;
    entry.asked?.timer.cancel();
    const timer = this.#clock.setTimer(ms, () => {
      entry.asked = undefined;
      this.#toLine(key, entry);
    });
    entry.asked = { atMs, timer };
  }

  #retryAfter(key: string, entry: Entry, ms: number): void {
    entry.retry = this.#clock.setTimer(ms, () => {
      entry.retry = undefined;
      this.#toLine(key, entry);
    });
  }

  /** Work begins in a later turn of the event loop: never inside `add`, and sockets are heard between two rounds. */
  #wake(): void {
    this.#pump ??= setImmediate(() => {
      this.#pump = undefined;
      while (this.#runs.size < (this.#options.concurrency ?? 1)) {
        const key = this.#line.shift();
        if (key === undefined) return;
        this.#begin(key);
      }
    });
  }

  #begin(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.place.kind !== 'waiting') throw new Error(`${key} is in line and does not wait`);
    const now = this.#clock.now();
    const waitedSeconds = seconds(now - entry.place.sinceMs);
    entry.retry?.cancel();
    entry.retry = undefined;
    const abort = new AbortController();
    const deadline = this.#clock.setTimer(this.#deadlineMs, () => {
      this.#announce({ kind: 'queue.overdue', queue: this.#options.name, key });
      abort.abort(new DOMException(`not done within ${String(this.#deadlineMs)} ms`, 'TimeoutError'));
    });
    const run: Run = { key, startedMs: now, abort, deadline };
    this.#runs.add(run);
    entry.place = { kind: 'running', run, addedMs: undefined };
    this.#announce({ kind: 'queue.taken', queue: this.#options.name, depth: this.depth, waitedSeconds });
    void this.#work(run, entry);
  }

  async #work(run: Run, entry: Entry): Promise<void> {
    this.#ended(run, entry, await this.#outcomeOf(run));
  }

  async #outcomeOf(run: Run): Promise<WorkResult | Failure> {
    try {
      return await this.#options.process(run.key, run.abort.signal);
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  #ended(run: Run, entry: Entry, result: WorkResult | Failure): void {
    run.deadline.cancel();
    this.#runs.delete(run);
    const now = this.#clock.now();
    const ended = {
      kind: 'queue.ended',
      queue: this.#options.name,
      key: run.key,
      workSeconds: seconds(now - run.startedMs),
      ...outcomeOf(result, now - run.startedMs >= this.#deadlineMs),
    } as const;
    if (this.#closing !== undefined) {
      this.#announce({ ...ended, depth: 0 });
      if (this.#runs.size === 0) this.#closing.resolve();
      return;
    }
    this.#placeAfterRun(run.key, entry, now);
    this.#announce({ ...ended, depth: this.depth });
    entry.failures = result.kind === 'failed' ? entry.failures + 1 : 0;
    if (result.kind === 'failed') this.#retry(run.key, entry, now, result.error);
    if (result.kind === 'again') {
      this.#retryAfter(run.key, entry, Math.max(MIN_AGAIN_MS, result.afterMs));
    }
    const isIdle = entry.place.kind === 'none' && entry.asked === undefined;
    if (isIdle && entry.retry === undefined) this.#entries.delete(run.key);
    this.#wake();
  }

  #placeAfterRun(key: string, entry: Entry, now: number): void {
    const addedMs = entry.place.kind === 'running' ? entry.place.addedMs : undefined;
    if (addedMs === undefined) {
      entry.place = { kind: 'none' };
      return;
    }
    this.#addedWhileRunning -= 1;
    entry.place = { kind: 'waiting', sinceMs: Math.min(addedMs, now) };
    this.#line.push(key);
  }

  /** What the server asked for is the least. */
  #retry(key: string, entry: Entry, now: number, error: unknown): void {
    const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    const afterMs = Math.max(
      this.#backoff.delayMs(entry.failures, now),
      Math.min(askedMs, MAX_RETRY_AFTER_MS),
    );
    this.#retryAfter(key, entry, afterMs);
    this.#announce({ kind: 'queue.retried', queue: this.#options.name, key, afterMs });
  }

  get #deadlineMs(): number {
    return this.#options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  }

  #announce(fact: QueueFact): void {
    this.#options.facts(fact);
  }
}

type Outcome = Pick<QueueEnded, 'outcome' | 'error'>;

function outcomeOf(result: WorkResult | Failure, isLate: boolean): Outcome {
  switch (result.kind) {
    case 'done':
      return { outcome: 'success' };
    case 'again':
      return { outcome: 'requeue_after' };
    case 'failed':
      return { outcome: isLate ? 'deadline' : 'error', error: result.error };
  }
}

function seconds(ms: number): number {
  return ms / 1000;
}
