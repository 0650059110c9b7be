/**
 * Keeps a copy of what the API server has of one resource: a list, then a watch, for as long as the process lives.
 * It never stops on an error. The copy may be late, it is never missing anything for good.
 *
 *   listing ──── all pages read ───▶ watching ──▶ listing   version gone (410), or everything is due
 *      │  ▲                            │   ▲
 *      ▼  └──────── waiting ◀──────────┘   │            a failure, or a watch that ended at once
 *   waiting             └──────────────────┘
 */
import { pause } from '../pace.ts';
import { Backoff } from './backoff.ts';
import { KeptObjects } from './kept-objects.ts';
import type { Kept } from './kept-objects.ts';
import type { KubeClient } from './kube-client.ts';
import { kubeClock } from './kube-clock.ts';
import type { KubeClock } from './kube-clock.ts';
import { KubeError, statusError } from './kube-error.ts';
import type { KubeFacts, ReflectorFact } from './kube-facts.ts';
import { keyOf, toKubeObject, versionOf } from './kube-object.ts';
import type { KubeObject } from './kube-object.ts';
import { listPages } from './list-pages.ts';
import { firstStep, nextStep, PAGE_SIZE } from './reflector-step.ts';
import type { Ending, Step } from './reflector-step.ts';
import { openPause } from './pause.ts';
import type { Pause, PauseTimes } from './pause.ts';
import type { WatchEvent } from './watch-events.ts';

/** The server ends a watch after a time between these; all at once would be a burst of new ones (client-go). */
export const WATCH_SECONDS = { least: 300, most: 600 } as const;

/** Beyond the server's own end of a watch: silence for longer means that the connection is dead. */
export const WATCH_MARGIN_MS = 15_000;

/**
 * Once a watch has brought a bookmark: the API server sends one each minute, so that after four minutes without a byte
 * the connection is dead. No server promises bookmarks; without one the longer time counts.
 */
export const SILENCE_AFTER_BOOKMARK_MS = 240_000;

/** Everything is read anew after this time, 10 % more or less (controller-runtime): a net under mistakes, no mechanism. */
export const RESYNC_MS = 36_000_000;

export type ReflectorState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'listing'; readonly items: number }
  | { readonly kind: 'watching'; readonly isOpen: boolean; readonly resourceVersion: string }
  | {
      readonly kind: 'waiting';
      readonly next: 'list' | 'watch';
      readonly untilMs: number;
      readonly error: string;
    }
  | { readonly kind: 'closed' };

export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  /** Of the list: `/api/v1/namespaces/ai/secrets`. */
  readonly path: string;
  /** `fieldSelector`, `labelSelector`. */
  readonly query?: Readonly<Record<string, string>>;
  /** Of facts: `secrets`. */
  readonly resource: string;
  /** What is kept of an object: called for each that arrives; undefined = not kept, and so is what it throws on. */
  readonly keep: (object: KubeObject) => T | undefined;
  /** Something changed for this key: added, changed, deleted. Called after the change; never twice for one version. */
  readonly onChange: (key: string) => void;
  /** The first list was read, and its keys were told. */
  readonly onSynced?: (() => void) | undefined;
  /** Objects per page; {@link PAGE_SIZE} by default. */
  readonly pageSize?: number | undefined;
  readonly facts: KubeFacts;
  readonly clock?: KubeClock | undefined;
  readonly random?: (() => number) | undefined;
}

/** Its owner starts and closes it. */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #clock: KubeClock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #objects: KeptObjects<T>;
  readonly #closing = new AbortController();
  #state: ReflectorState = { kind: 'idle' };
  #isSynced = false;
  #resyncAtMs = Infinity;
  #lastEventAtMs: number | undefined;
  #lastError: KubeError | undefined;
  #running: Promise<void> = Promise.resolve();
  #waiting: Pause | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? kubeClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(this.#random);
    this.#objects = new KeptObjects(options.keep, (key, error) => this.#threw('keep', key, error));
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Whether the first list was read: before, what is not held may exist. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Milliseconds since the server told anything, a bookmark included; undefined before the first list. */
  get lastEventAgeMs(): number | undefined {
    return this.#lastEventAtMs === undefined ? undefined : this.#clock.now() - this.#lastEventAtMs;
  }

  /** Why the last list or watch failed; undefined again once a list was read or a watch accepted. */
  get lastError(): KubeError | undefined {
    return this.#lastError;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }

  /** May be called once. */
  start(): void {
    if (this.#state.kind === 'idle') this.#running = this.#run();
  }

  /**
   * The API server was seen to answer again: what waits after a failure goes on, once the time is over that the server
   * itself asked for. The next failure waits as long as it would have. No harm when nothing waits.
   */
  retry(): void {
    this.#waiting?.hurry();
  }

  /** Resolves when nothing is called any more. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    this.#state = { kind: 'closed' };
  }

  async #run(): Promise<void> {
    const { pageSize = PAGE_SIZE } = this.#options;
    let step = firstStep(pageSize);
    while (!this.#closing.signal.aborted) {
      const ending = step.kind === 'list' ? await this.#list(step) : await this.#watch(step);
      if (this.#closing.signal.aborted) return;
      if (ending.kind === 'failed') this.#lastError = ending.error;
      const nowMs = this.#clock.now();
      const rules = { pageSize, nowMs, isResyncDue: nowMs >= this.#resyncAtMs };
      const { step: next, waitMs } = nextStep(step, ending, this.#backoff, rules);
      step = next;
      const leastMs = ending.kind === 'failed' ? (ending.error.retryAfterMs ?? 0) : 0;
      if (waitMs > 0) await this.#wait(next.kind, { ms: waitMs, leastMs }, whyOf(ending));
    }
  }

  /** All pages, then the change of everything at once: half a list changes nothing. */
  async #list({ pageSize }: Step & { kind: 'list' }): Promise<Ending> {
    const { client, path, query, facts, resource } = this.#options;
    const startedAt = this.#clock.now();
    const { signal } = this.#closing;
    const listed = new Map<string, Kept<T>>();
    let [items, version] = [0, ''];
    const tell = (error: string | undefined): void => {
      const seconds = (this.#clock.now() - startedAt) / 1000;
      facts({
        kind: 'list.ended',
        resource,
        ok: error === undefined,
        seconds,
        items,
        stored: this.size,
        error,
      });
    };
    this.#state = { kind: 'listing', items };
    try {
      const pages = listPages({ client, path, query, pageSize, signal });
      for await (const page of pages) {
        this.#lastEventAtMs = this.#clock.now();
        for (const object of page.items) {
          await pause();
          signal.throwIfAborted();
          const kept = this.#objects.kept(object);
          if (kept !== undefined) listed.set(keyOf(object), kept);
        }
        items += page.items.length;
        this.#state = { kind: 'listing', items };
        // All pages are of one moment; should they not be, the first is the one nothing is missed from.
        version ||= page.resourceVersion;
      }
    } catch (error) {
      const failure = toKubeError(`GET ${path}`, error);
      tell(failure.message);
      return { kind: 'failed', error: failure };
    }
    this.#lastError = undefined;
    const changed = this.#objects.replace(listed);
    this.#resyncAtMs = this.#clock.now() + RESYNC_MS * (0.9 + 0.2 * this.#random());
    tell(undefined);
    for (const key of changed) this.#changed(key);
    this.#synced();
    return { kind: 'listed', resourceVersion: version };
  }

  async #watch({ resourceVersion }: Step & { kind: 'watch' }): Promise<Ending> {
    const { client, path, query, facts, resource } = this.#options;
    const startedAt = this.#clock.now();
    const { signal } = this.#closing;
    const { least, most } = WATCH_SECONDS;
    const timeoutSeconds = least + Math.floor(this.#random() * (most - least + 1));
    let [version, isProgress] = [resourceVersion, false];
    let idleTimeoutMs = timeoutSeconds * 1000 + WATCH_MARGIN_MS;
    this.#state = { kind: 'watching', isOpen: false, resourceVersion };
    const tell = (reason: (ReflectorFact & { kind: 'watch.ended' })['reason'], error?: string): number => {
      const livedMs = this.#clock.now() - startedAt;
      facts({ kind: 'watch.ended', resource, reason, seconds: livedMs / 1000, error });
      return livedMs;
    };
    const opened = (): void => {
      this.#lastError = undefined;
      this.#state = { kind: 'watching', isOpen: true, resourceVersion };
      facts({ kind: 'watch.opened', resource });
    };
    try {
      const events = client.watch(
        path,
        { ...query, allowWatchBookmarks: 'true', resourceVersion, timeoutSeconds: String(timeoutSeconds) },
        { signal, idleTimeoutMs: () => idleTimeoutMs, onOpen: opened },
      );
      for await (const event of events) {
        // What one read brought may be many events: after the end none of them is told.
        if (signal.aborted) break;
        version = this.#take(event);
        isProgress = true;
        if (event.type === 'BOOKMARK') idleTimeoutMs = SILENCE_AFTER_BOOKMARK_MS;
        this.#state = { kind: 'watching', isOpen: true, resourceVersion: version };
      }
    } catch (error) {
      const failure = toKubeError(`watch ${path}`, error);
      tell(signal.aborted ? 'stopped' : failure.isExpired ? 'expired' : 'failed', failure.message);
      return { kind: 'failed', error: failure, resourceVersion: version, isProgress };
    }
    return { kind: 'ended', resourceVersion: version, livedMs: tell('ended') };
  }

  /** One event: its change, and the version to go on from. @throws KubeError for ERROR, and for what is no object */
  #take({ type, object }: WatchEvent): string {
    const { path, resource, facts } = this.#options;
    const what = `watch ${path}`;
    this.#lastEventAtMs = this.#clock.now();
    facts({ kind: 'watch.event', resource, type });
    switch (type) {
      case 'BOOKMARK':
        return versionOf(what, object);
      case 'ERROR':
        throw statusError(what, object);
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED': {
        const arrived = toKubeObject(what, object);
        const key = type === 'DELETED' ? this.#objects.remove(arrived) : this.#objects.put(arrived);
        if (key !== undefined) this.#changed(key);
        return arrived.metadata.resourceVersion;
      }
    }
  }

  async #wait(next: Step['kind'], times: PauseTimes, error: string): Promise<void> {
    const { facts, resource } = this.#options;
    const wait = openPause(this.#clock, times, this.#closing.signal);
    this.#waiting = wait;
    this.#state = { kind: 'waiting', next, untilMs: this.#clock.now() + times.ms, error };
    facts({ kind: 'reflector.waiting', resource, next, ms: times.ms, error });
    await wait.over;
    this.#waiting = undefined;
  }

  #changed(key: string): void {
    try {
      this.#options.onChange(key);
    } catch (error) {
      this.#threw('onChange', key, error);
    }
  }

  #synced(): void {
    if (this.#isSynced) return;
    this.#isSynced = true;
    try {
      this.#options.onSynced?.();
    } catch (error) {
      this.#threw('onSynced', undefined, error);
    }
  }

  /** Whoever is told may have mistakes; the copy goes on without them. */
  #threw(where: 'keep' | 'onChange' | 'onSynced', key: string | undefined, error: unknown): void {
    const { facts, resource } = this.#options;
    facts({ kind: 'reflector.threw', resource, where, key, error });
  }
}

function whyOf(ending: Ending): string {
  return ending.kind === 'failed' ? ending.error.message : 'the watch ended as soon as it had begun';
}

/** Anything else would be a mistake of ours; it must not end the loop either. */
function toKubeError(what: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
