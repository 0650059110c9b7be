/**
 * How an attempt travels: over HTTP, or over the provider's WebSocket. With `transport: Auto` an upgrade that did not come
 * about is remembered, so that not every turn of a provider without WebSockets begins with a dial in vain.
 */
import type { CompiledProvider } from '../route/snapshot.ts';
import type { Clock } from './clock.ts';
import type { TransportReason } from './facts.ts';

/** How an upgrade ended that says: ask over HTTP for a while. */
export type WebSocketLack =
  /** Refused as one refuses what one does not know. */
  | 'not_supported'
  /** Refused with 400: it may be that, or this client's headers. */
  | 'bad_request'
  /** Not answered: something in between may swallow upgrades. */
  | 'handshake_timeout';

/** Long enough that a dial in vain is rare, short enough that a provider that learns WebSockets is noticed. */
const REMEMBERED_MS = 300_000;
/** A stall may have been one moment's; yet each further one costs a turn all of `timeouts.connectSeconds`. */
const STALL_REMEMBERED_MS = 60_000;
/** URLs at once. Far more than routes name; it only bounds what changing routes leave behind. */
const MAX_URLS = 1_024;

/** What is asked of a provider here. */
export type ReachedProvider = Pick<
  CompiledProvider,
  'name' | 'origin' | 'basePath' | 'query' | 'transport' | 'dialect' | 'limits'
>;

export interface TransportChoice {
  readonly transport: 'http' | 'websocket';
  readonly reason: TransportReason;
}

/** A provider that is reached over HTTP for a while. */
export interface RememberedUrl {
  readonly provider: string;
  /** Without a query. */
  readonly url: string;
  readonly forMs: number;
}

interface Memory {
  readonly provider: string;
  readonly url: string;
  readonly reason: 'not_supported' | 'handshake_timeout';
  readonly untilMs: number;
}

export class TransportMemory {
  readonly #clock: Pick<Clock, 'now'>;
  /** Oldest first. */
  readonly #lacks = new Map<string, Memory>();
  /** When a WebSocket last served a turn, with `Auto`; oldest first. */
  readonly #servedAt = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * How the next attempt at a provider travels.
   * @param frameBytes Size of the frame that its WebSocket would carry.
   * @param isHeld An open WebSocket remembers the response that the turn goes on from: none has to be dialled.
   */
  choose(provider: ReachedProvider, frameBytes: number, isHeld = false): TransportChoice {
    if (provider.transport === 'HTTP') return OVER_HTTP;
    if (provider.transport === 'WebSocket') return OVER_WEBSOCKET;
    // Servers that only resemble the API have no WebSocket, and refuse one in ways that say nothing (403).
    if (provider.dialect === 'Compatible') return { transport: 'http', reason: 'dialect' };
    const lack = isHeld ? undefined : this.#lackOf(provider);
    if (lack !== undefined) return { transport: 'http', reason: lack };
    if (frameBytes > provider.limits.maxWebSocketMessageBytes)
      return { transport: 'http', reason: 'too_large' };
    return { transport: 'websocket', reason: 'preferred' };
  }

  /** An upgrade did not come about. One client's 400 is not held against a WebSocket that serves others. */
  lacks(provider: ReachedProvider, lack: WebSocketLack): void {
    const key = keyOf(provider);
    const now = this.#clock.now();
    const servedAt = this.#servedAt.get(key);
    if (lack === 'bad_request' && servedAt !== undefined && now - servedAt < REMEMBERED_MS) return;
    const isStall = lack === 'handshake_timeout';
    setLast(this.#lacks, key, {
      provider: provider.name,
      url: `${provider.origin}${provider.basePath}`,
      reason: isStall ? 'handshake_timeout' : 'not_supported',
      untilMs: now + (isStall ? STALL_REMEMBERED_MS : REMEMBERED_MS),
    });
  }

  /** A turn had its first event over the provider's WebSocket. @param isFresh It was dialled for this turn. */
  served(provider: ReachedProvider, isFresh: boolean): void {
    if (provider.transport !== 'Auto') return;
    const key = keyOf(provider);
    setLast(this.#servedAt, key, this.#clock.now());
    if (isFresh) this.#lacks.delete(key);
  }

  /** What is remembered now. */
  list(): readonly RememberedUrl[] {
    const now = this.#clock.now();
    return [...this.#lacks.values()]
      .filter(({ untilMs }) => now < untilMs)
      .map(({ provider, url, untilMs }) => ({ provider, url, forMs: untilMs - now }));
  }

  #lackOf(provider: ReachedProvider): Memory['reason'] | undefined {
    if (this.#lacks.size === 0) return undefined;
    const key = keyOf(provider);
    const memory = this.#lacks.get(key);
    if (memory === undefined) return undefined;
    if (this.#clock.now() < memory.untilMs) return memory.reason;
    this.#lacks.delete(key);
    return undefined;
  }
}

/** The newest entry is the last; beyond the limit the oldest goes. */
function setLast<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_URLS) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

const OVER_HTTP: TransportChoice = { transport: 'http', reason: 'configured' };
const OVER_WEBSOCKET: TransportChoice = { transport: 'websocket', reason: 'configured' };

/** Provider and URL. The query is part of it: an `api-version` may decide whether there are WebSockets. */
function keyOf({ name, origin, basePath, query }: ReachedProvider): string {
  return `${name} ${origin}${basePath}?${query}`;
}
