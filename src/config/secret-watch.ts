/**
 * A watch on one Secret that never stops: opened again whenever it ends, with growing pauses while that fails. On
 * undici alone: a bridge does not load a Kubernetes client. Without a resourceVersion a watch begins with what is there
 * now, so that there is no list, and nothing to be resumed.
 */
import { readKubeCredentials } from './in-cluster.ts';
import type { KubeAccess } from './in-cluster.ts';
import type { SecretEvent, SecretName } from './secret-event.ts';
import { WATCH_BACKOFF, WatchBackoff } from './watch-backoff.ts';
import type { BackoffTimes } from './watch-backoff.ts';
import { WATCH_TIMES, watchSecret, WatchFailure } from './watch-stream.ts';
import type { WatchTimes } from './watch-stream.ts';

/** As client-go asks for: long enough to cost nothing, random so that bridges do not come back together. */
const MIN_LIFE_SECONDS = 300;
const MAX_LIFE_SECONDS = 600;

/** A watch that ends by itself has lasted for nearly as long as was asked for; else it was broken off. */
const MIN_SHARE_OF_LIFE = 0.9;

export interface SecretWatchTimes extends WatchTimes {
  readonly backoff: BackoffTimes;
}

export const SECRET_WATCH_TIMES: SecretWatchTimes = { ...WATCH_TIMES, backoff: WATCH_BACKOFF };

/** What is known of the connection to the API server. */
export type WatchStatus =
  /** Not connected yet since the start. */
  | { readonly kind: 'opening' }
  /** Open; also while one that ended as it should is opened again. */
  | { readonly kind: 'up' }
  /** `reason`: a sentence for people, without a credential. */
  | { readonly kind: 'down'; readonly reason: string };

export interface SecretWatchOptions {
  readonly access: KubeAccess;
  readonly secret: SecretName;
  readonly userAgent: string;
  /** Never `failed`; a `bookmark` only where it says that the Secret is not there. In order, never from `start`. */
  onEvent(event: SecretEvent): void;
  /** Called when it becomes another, also for another reason to be down. */
  onStatus(status: WatchStatus): void;
  readonly times?: Partial<SecretWatchTimes>;
  /** From 0 to below 1. */
  readonly random: () => number;
}

type State =
  | { readonly kind: 'idle' }
  /** `renew` ends this connection, for another one at once. */
  | { readonly kind: 'connected'; readonly ending: AbortController; isRenewing: boolean }
  | { readonly kind: 'waiting'; readonly wake: () => void }
  | { readonly kind: 'closed' };

export class SecretWatch {
  readonly #options: SecretWatchOptions;
  readonly #times: SecretWatchTimes;
  readonly #backoff: WatchBackoff;
  #state: State = { kind: 'idle' };
  #status: WatchStatus = { kind: 'opening' };
  #running: Promise<void> | undefined;

  constructor(options: SecretWatchOptions) {
    this.#options = options;
    this.#times = { ...SECRET_WATCH_TIMES, ...options.times };
    this.#backoff = new WatchBackoff(this.#times.backoff, options.random);
  }

  get status(): WatchStatus {
    return this.#status;
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** What it says is doubted: it is opened anew, and tells what is there now. No harm when it is not open. */
  renew(): void {
    const state = this.#state;
    if (state.kind !== 'connected' || this.#status.kind !== 'up') return;
    state.isRenewing = true;
    state.ending.abort();
  }

  /** Nothing is told after it has been called. Resolves when the connection is gone. May be called twice. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'connected') state.ending.abort();
    if (state.kind === 'waiting') state.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    // not from `start`: whoever starts it has not returned yet
    await Promise.resolve();
    while (this.#state.kind !== 'closed') {
      const pauseMs = await this.#attempt();
      if (pauseMs > 0) await this.#pause(pauseMs);
    }
  }

  /** Opens the watch once. Never rejects. @returns how long to wait before the next */
  async #attempt(): Promise<number> {
    const state: State = { kind: 'connected', ending: new AbortController(), isRenewing: false };
    this.#state = state;
    const { access, secret, userAgent } = this.#options;
    const lifeSeconds = Math.floor(
      MIN_LIFE_SECONDS + this.#options.random() * (MAX_LIFE_SECONDS - MIN_LIFE_SECONDS),
    );
    let openedAt: number | undefined;
    let failure = new WatchFailure('the API server broke off the watch');
    const connectedMs = (): number => (openedAt === undefined ? 0 : performance.now() - openedAt);
    try {
      await watchSecret(
        { access, secret, lifeSeconds, times: this.#times, userAgent },
        state.ending.signal,
        () => {
          openedAt = performance.now();
          this.#tell({ kind: 'up' });
        },
        (event) => {
          if (!this.#isClosed) this.#options.onEvent(event);
        },
      );
      if (connectedMs() >= lifeSeconds * 1000 * MIN_SHARE_OF_LIFE) {
        this.#backoff.reset();
        return 0;
      }
    } catch (error) {
      failure = error as WatchFailure;
    }
    if (this.#isClosed) return 0;
    // a renewal that does not get far is the next attempt's trouble
    if (state.isRenewing) return 0;
    this.#tell({ kind: 'down', reason: failure.message });
    if (await this.#hasOtherToken(failure)) return 0;
    return this.#backoff.next(connectedMs(), failure.retryAfterMs);
  }

  /** A refused token may have been replaced while it was on its way. */
  async #hasOtherToken({ status, token }: WatchFailure): Promise<boolean> {
    if (status !== 401) return false;
    const now = await readKubeCredentials(this.#options.access).catch(() => undefined);
    return now !== undefined && now.token !== token;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#state = { kind: 'waiting', wake: resolve };
    await promise;
    clearTimeout(timer);
  }

  get #isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  #tell(status: WatchStatus): void {
    if (this.#isClosed) return;
    const before = this.#status;
    this.#status = status;
    if (before.kind === 'down' && status.kind === 'down' && before.reason === status.reason) return;
    if (before.kind === 'up' && status.kind === 'up') return;
    this.#options.onStatus(status);
  }
}
