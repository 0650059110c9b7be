/** How providers did in the last minutes, from the attempts that ended: for the page on the ops port. */
import type { AttemptRecord, TurnFact } from '../../turn/facts.ts';
import { OWN_FAULTS } from '../names.ts';
import type { ProviderHealth, ProviderView } from './page-state.ts';
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
  changedAt: number;
}

export class ProviderBook {
  readonly #clock: HistoryClock;
  readonly #max: number;
  /** The one longest unused first. */
  readonly #tallies = new Map<string, Tally>();
  #changes = 0;

  constructor(clock: HistoryClock, maxProviders = MAX_PROVIDERS) {
    this.#clock = clock;
    this.#max = maxProviders;
  }

  /** Counts up with every attempt. What the window shows moves with time as well. */
  get changes(): number {
    return this.#changes;
  }

  hear(fact: TurnFact): void {
    if (fact.kind !== 'attempt.ended') return;
    const { attempt } = fact;
    const now = this.#clock.now();
    const tally = this.#tallyOf(fact.turn.route ?? '', attempt.provider);
    takeTime(tally, attempt, now);
    tally.changedAt = ++this.#changes;
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
    return [...this.#tallies.values()]
      .map((tally) => toView(tally, now, offset))
      .sort((one, other) => compare(one.route, other.route) || compare(one.provider, other.provider));
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

/** About the provider: not an attempt that nobody wanted, that asked for nonsense, or that ended by our own doing. */
function saysSomething({ result, errorType }: AttemptRecord): boolean {
  return result === 'ok' || (result === 'error' && !OWN_FAULTS.has(errorType ?? ''));
}

function takeTime(tally: Tally, { startedAt, firstEventAt }: AttemptRecord, now: number): void {
  if (firstEventAt === undefined) return;
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

function toView(tally: Tally, now: number, offset: number): ProviderView {
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
