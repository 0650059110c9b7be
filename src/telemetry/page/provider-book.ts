/** How providers did in the last minutes, from the attempts that ended: for the page on the ops port. */
import type { AttemptRecord, RateLimitWindow, TurnFact, TurnRecord } from '../../turn/facts.ts';
import { isFailed } from '../is-failed.ts';
import { OWN_FAULTS } from '../names.ts';
import type { ProviderSources } from '../provider-sources.ts';
import type { ProviderHealth, ProviderView } from './page-state.ts';
import { newReach, noteFallback, noteTransport, reachReader, type Reach } from './provider-reach.ts';
import type { HistoryClock } from './turn-history.ts';

/** Long enough to see a failure that comes and goes, short enough to be about now. */
export const WINDOW_MS = 5 * 60_000;
/** The window is shown in so many parts, of ten seconds each. */
export const WINDOW_PARTS = 30;
const PART_MS = WINDOW_MS / WINDOW_PARTS;
/** Times to the first event that are kept of a provider: enough for a median. */
const MAX_TIMES = 64;
/** Routes with their providers; names change with the routes, and the one longest unused goes. */
export const MAX_PROVIDERS = 200;

/** Attempts that ended in one part of the window, which has a number: time divided by its length. */
interface Part {
  number: number;
  good: number;
  failed: number;
}

interface Tally {
  readonly route: string;
  readonly provider: string;
  /** A ring: the part with number n is at n modulo the length. */
  readonly parts: readonly Part[];
  /** A ring of the latest times to the first event, with when they were measured. */
  readonly times: { readonly at: number; readonly ms: number }[];
  nextTime: number;
  lastError: { readonly type: string; readonly at: number } | undefined;
  lastGoodAt: number | undefined;
  readonly reach: Reach;
  /** Of the last rest. */
  restsBecause: ProviderView['restsBecause'];
  limits: { readonly window: RateLimitWindow; readonly at: number } | undefined;
  changedAt: number;
}

export class ProviderBook {
  readonly #clock: HistoryClock;
  readonly #sources: ProviderSources;
  readonly #max: number;
  /** The one longest unused first. */
  readonly #tallies = new Map<string, Tally>();
  #changes = 0;

  constructor(clock: HistoryClock, sources: ProviderSources = {}, maxProviders = MAX_PROVIDERS) {
    this.#clock = clock;
    this.#sources = sources;
    this.#max = maxProviders;
  }

  /** Counts up with every attempt and choice. What the window shows moves with time as well. */
  get changes(): number {
    return this.#changes;
  }

  hear(fact: TurnFact): void {
    switch (fact.kind) {
      case 'attempt.ended':
        this.#attempted(fact.turn, fact.attempt);
        return;
      case 'turn.transport-fallback':
        noteFallback(this.#changed(fact.turn.route, fact.provider).reach, fact.reason, this.#clock.now());
        return;
      case 'provider.rate-limit':
        this.#changed(fact.route, fact.provider).limits = { window: fact.window, at: this.#clock.now() };
        return;
      case 'provider.ejected':
        this.#changed(fact.route, fact.provider).restsBecause = fact.why; // the view reads for how long
        return;
      case 'provider.returned':
        this.#changed(fact.route, fact.provider);
        return;
      case 'turn.queued':
      case 'turn.started':
      case 'attempt.started':
      case 'turn.first-event':
      case 'turn.first-output':
      case 'turn.ended':
      case 'turn.failover': // told by the attempts
      case 'turn.failover-denied':
      case 'warmup.answered':
      case 'bridge.mistake':
      case 'transcript.evicted':
        return;
    }
  }

  #attempted(turn: TurnRecord, attempt: AttemptRecord): void {
    const now = this.#clock.now();
    const tally = this.#changed(turn.route, attempt.provider);
    takeTime(tally, attempt, now);
    noteTransport(tally.reach, attempt);
    if (!saysSomething(attempt)) return;
    const part = partOf(tally, Math.floor(now / PART_MS));
    if (attempt.result === 'ok') {
      part.good++;
      tally.lastGoodAt = now;
    } else {
      part.failed++;
      tally.lastError = { type: attempt.errorType ?? '_OTHER', at: now };
    }
  }

  /** Sorted by route and provider. */
  get view(): ProviderView[] {
    const now = this.#clock.now();
    const offset = this.#clock.wallNow() - now;
    const rests = new Map(
      this.#sources
        .providerHealth?.()
        .map(({ route, provider, restsForMs }) => [`${route}\n${provider}`, restsForMs]),
    );
    const reachOf = reachReader(this.#sources, this.#clock.wallNow());
    return [...this.#tallies.entries()]
      .map(([key, tally]): ProviderView => {
        const restsForMs = rests.get(key) ?? 0;
        const shown = toView(tally, now, offset);
        return {
          ...shown,
          health: restsForMs > 0 ? 'resting' : shown.health,
          restsUntil: restsForMs > 0 ? Math.round(now + offset + restsForMs) : undefined,
          restsBecause: restsForMs > 0 ? tally.restsBecause : undefined,
          reach: reachOf(tally, offset),
        };
      })
      .sort((one, other) => compare(one.route, other.route) || compare(one.provider, other.provider));
  }

  #changed(route: string | undefined, provider: string): Tally {
    const tally = this.#tallyOf(route ?? '', provider);
    tally.changedAt = ++this.#changes;
    return tally;
  }

  #tallyOf(route: string, provider: string): Tally {
    const key = `${route}\n${provider}`;
    let tally = this.#tallies.get(key);
    if (tally !== undefined) return tally;
    if (this.#tallies.size >= this.#max) this.#forgetOldest();
    tally = {
      route,
      provider,
      parts: Array.from({ length: WINDOW_PARTS }, () => ({ number: -1, good: 0, failed: 0 })),
      times: [],
      nextTime: 0,
      lastError: undefined,
      lastGoodAt: undefined,
      reach: newReach(),
      restsBecause: undefined,
      limits: undefined,
      changedAt: 0,
    };
    this.#tallies.set(key, tally);
    return tally;
  }

  #forgetOldest(): void {
    let oldest: readonly [string, Tally] | undefined;
    for (const entry of this.#tallies) {
      if (oldest === undefined || entry[1].changedAt < oldest[1].changedAt) oldest = entry;
    }
    if (oldest !== undefined) this.#tallies.delete(oldest[0]);
  }
}

/**
 * About the provider: not an attempt that nobody wanted, that asked for nonsense, or that ended by our own doing, nor a
 * WebSocket that could not be had, since the provider is asked by other means at once.
 */
function saysSomething({ result, errorType }: AttemptRecord): boolean {
  return result === 'ok' || (result === 'error' && !OWN_FAULTS.has(errorType ?? ''));
}

/** Refusals come fast, and say nothing of how long an answer takes. */
function takeTime(tally: Tally, attempt: AttemptRecord, now: number): void {
  const { startedAt, firstEventAt } = attempt;
  if (firstEventAt === undefined || isFailed(attempt)) return;
  tally.times[tally.nextTime] = { at: now, ms: Math.max(0, firstEventAt - startedAt) };
  tally.nextTime = (tally.nextTime + 1) % MAX_TIMES;
}

/** The part with this number, emptied if it held an older one. */
function partOf({ parts }: Tally, number: number): Part {
  const part = parts[number % WINDOW_PARTS] as Part;
  if (part.number !== number) {
    part.number = number;
    part.good = 0;
    part.failed = 0;
  }
  return part;
}

function toView(
  tally: Tally,
  now: number,
  offset: number,
): Omit<ProviderView, 'reach' | 'restsUntil' | 'restsBecause'> {
  const history = historyOf(tally, Math.floor(now / PART_MS));
  const good = sum(history.map(([count]) => count));
  const failures = sum(history.map(([, count]) => count));
  const { lastError, lastGoodAt } = tally;
  return {
    route: tally.route,
    provider: tally.provider,
    health: healthOf(good + failures, lastError?.at, lastGoodAt),
    attempts: good + failures,
    failures,
    lastError: lastError && { type: lastError.type, at: Math.round(lastError.at + offset) },
    lastSuccessAt: lastGoodAt === undefined ? undefined : Math.round(lastGoodAt + offset),
    firstEventP50Ms: median(tally.times.filter(({ at }) => now - at <= WINDOW_MS).map(({ ms }) => ms)),
    history,
    limits: tally.limits && { ...tally.limits.window, at: Math.round(tally.limits.at + offset) },
  };
}

function historyOf({ parts }: Tally, last: number): [number, number][] {
  const history: [number, number][] = [];
  for (let number = last - WINDOW_PARTS + 1; number <= last; number++) {
    const part = number < 0 ? undefined : parts[number % WINDOW_PARTS];
    history.push(part?.number === number ? [part.good, part.failed] : [0, 0]);
  }
  return history;
}

function healthOf(
  attempts: number,
  lastErrorAt: number | undefined,
  lastGoodAt: number | undefined,
): ProviderHealth {
  if (attempts === 0) return 'idle';
  return lastErrorAt !== undefined && lastErrorAt >= (lastGoodAt ?? -Infinity) ? 'failing' : 'ok';
}

/** The middle one, the lower of two; in whole tenths of a millisecond. */
function median(values: number[]): number | undefined {
  const middle = values.sort((one, other) => one - other)[(values.length - 1) >> 1];
  return middle === undefined ? undefined : Math.round(middle * 10) / 10;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
