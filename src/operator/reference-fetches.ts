/**
 * Fetches single objects until each was had: what a route begins to name was passed over when it came by. One that
 * cannot be had holds up nothing but the routes that name it.
 */
import { pauseFor } from '../kube/pause.ts';
import { Backoff } from '../kube/backoff.ts';
import { KubeError } from '../kube/kube-error.ts';
import { AWAITED, KNOWN, type Readability, type Trouble, troubleWith, type Unread } from './readability.ts';

/** So many at a time: at a cold start there is none, the list brings them. */
const MAX_CONCURRENT = 8;

export interface ReferenceFetchesOptions {
  /** Resolves when the object was taken in, or is gone. @throws KubeError */
  readonly fetch: (name: string, signal: AbortSignal) => Promise<void>;
  readonly unread: (name: string) => Unread;
  /** A first answer that takes longer is not waited for any more. */
  readonly patienceMs: number;
  /** Another one was had, or is not waited for any longer. */
  readonly onNews: () => void;
}

interface Attempt {
  readonly abort: AbortController;
  readonly patience: NodeJS.Timeout;
  /** Of the first try, whatever came of it. */
  readonly tried: PromiseWithResolvers<void>;
  isOverdue: boolean;
  trouble: Trouble | undefined;
}

export class ReferenceFetches {
  readonly #options: ReferenceFetchesOptions;
  readonly #attempts = new Map<string, Attempt>();
  /** Those that wait for a place. */
  readonly #line: (() => void)[] = [];
  #running = 0;

  constructor(options: ReferenceFetchesOptions) {
    this.#options = options;
  }

  /** These are missing, and no others. */
  want(names: readonly string[]): void {
    const wanted = new Set(names);
    for (const [name, attempt] of this.#attempts) if (!wanted.has(name)) this.#end(name, attempt);
    for (const name of wanted) if (!this.#attempts.has(name)) this.#begin(name);
  }

  readabilityOf(name: string): Readability {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined) return KNOWN;
    if (!attempt.isOverdue) return AWAITED;
    const { sentence } = attempt.trouble ?? troubleWith(undefined, this.#options.unread(name), undefined);
    return { kind: 'unreadable', sentence };
  }

  /** Resolves when each was tried once. */
  async tried(): Promise<void> {
    await Promise.all([...this.#attempts.values()].map(({ tried }) => tried.promise));
  }

  /** May be called twice. */
  close(): void {
    this.want([]);
  }

  #begin(name: string): void {
    const attempt: Attempt = {
      abort: new AbortController(),
      patience: setTimeout(() => {
        attempt.isOverdue = true;
        this.#options.onNews();
      }, this.#options.patienceMs),
      tried: Promise.withResolvers(),
      isOverdue: false,
      trouble: undefined,
    };
    this.#attempts.set(name, attempt);
    void this.#run(name, attempt);
  }

  #end(name: string, attempt: Attempt): void {
    this.#attempts.delete(name);
    clearTimeout(attempt.patience);
    attempt.abort.abort();
    attempt.tried.resolve();
  }

  async #run(name: string, attempt: Attempt): Promise<void> {
    const { signal } = attempt.abort;
    const backoff = new Backoff(Math.random);
    while (!signal.aborted) {
      await this.#place();
      const failure = await this.#try(name, attempt);
      this.#leave();
      if (failure === undefined || signal.aborted) return;
      attempt.tried.resolve();
      await pauseFor(backoff.next(performance.now(), failure.retryAfterMs), signal);
    }
  }

  /** @returns why it failed; undefined: it was had */
  async #try(name: string, attempt: Attempt): Promise<KubeError | undefined> {
    const { fetch, unread, onNews } = this.#options;
    const { signal } = attempt.abort;
    if (signal.aborted) return undefined;
    try {
      await fetch(name, signal);
    } catch (error) {
      const failure = error instanceof KubeError ? error : new KubeError('a mistake of the operator');
      if (signal.aborted) return failure;
      const trouble = troubleWith(attempt.trouble, unread(name), failure);
      const isNews = attempt.isOverdue && trouble !== attempt.trouble;
      attempt.trouble = trouble;
      if (isNews) onNews();
      return failure;
    }
    if (signal.aborted) return undefined;
    this.#attempts.delete(name);
    clearTimeout(attempt.patience);
    onNews();
    attempt.tried.resolve();
    return undefined;
  }

  async #place(): Promise<void> {
    if (this.#running >= MAX_CONCURRENT) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#line.push(resolve);
      await promise;
    }
    this.#running += 1;
  }

  #leave(): void {
    this.#running -= 1;
    this.#line.shift()?.();
  }
}
