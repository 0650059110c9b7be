/**
 * The connections to all providers: one pool for each set of origin, TLS and HTTP settings, so that turns of any
 * client and route share them.
 */
import type { LookupFunction } from 'node:net';
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import { type OutboundProxy, ProviderPool } from './provider-pool.ts';

/** 256 pools: more than any sane set of routes names; a churn of routes must not pile up idle connections. */
export const MAX_POOLS = 256;

/** What all pools have in common. */
export interface PoolsOptions {
  /** How providers are reached from here; direct without it. */
  readonly proxy?: OutboundProxy | undefined;
  /** Resolves host names; the system's resolver by default. */
  readonly lookup?: LookupFunction | undefined;
  readonly maxPools?: number | undefined;
  /** Between two pings of an HTTP/2 connection; see session-liveness.ts. */
  readonly pingMs?: number | undefined;
}

/** All pools of the process. Its owner closes it. */
export class Pools {
  readonly #options: PoolsOptions;
  readonly #maxPools: number;
  /** Least recently used first. */
  readonly #pools = new Map<string, ProviderPool>();
  /** Pushed out but still finishing. */
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  constructor(options: PoolsOptions = {}) {
    this.#options = options;
    this.#maxPools = options.maxPools ?? MAX_POOLS;
  }

  /** The pool for a provider as this route reaches it; undefined once closed. It stays owned by this object. */
  poolFor(route: CompiledRoute, provider: CompiledProvider): ProviderPool | undefined {
    if (this.#closed) {
      return undefined;
    }
    const connectMs = route.timeouts.connectMs;
    const key = `${provider.poolKey} ${connectMs} ${provider.loopbackAllowed}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const { proxy, lookup, pingMs } = this.#options;
      pool = new ProviderPool(provider, connectMs, proxy, lookup, pingMs);
      this.#makeRoom();
    } else {
      this.#pools.delete(key);
    }
    this.#pools.set(key, pool);
    return pool;
  }

  /** Lets running requests finish, then closes every connection. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const pool of this.#pools.values()) {
      this.#retire(pool);
    }
    this.#pools.clear();
    await Promise.all(this.#closing);
  }

  #makeRoom(): void {
    for (const [key, pool] of this.#pools) {
      if (this.#pools.size < this.#maxPools) {
        return;
      }
      this.#pools.delete(key);
      this.#retire(pool);
    }
  }

  #retire(pool: ProviderPool): void {
    const closed = pool.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
