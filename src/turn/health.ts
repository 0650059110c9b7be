/**
 * Which providers are left alone, for how long, and when they are asked again. No timers: a state is what the clock says
 * when somebody asks. Of one process; it outlives the snapshots of routes.
 *
 * ```
 *           a failure, too many in a row                 its time is over
 *   well ─────────────────────────────────▶ resting ─────────────────────────▶ on trial
 *    ▲                                         ▲                                 │    │
 *    │                                         └───────── a failure: twice as long    │
 *    └──────────────────────────────────────────────────────────────── an answer ─────┘
 * ```
 */
import type { FailoverCause } from '../route/failover-causes.ts';
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import type { Clock } from './clock.ts';
import type { TurnFactListener } from './facts.ts';

/** What the book needs to know of a route. */
type RouteName = Pick<CompiledRoute, 'id'>;
/** And of a provider. */
export type WatchedProvider = Pick<CompiledProvider, 'name' | 'health'>;
/** A route with the names of all its providers, usable or not. */
export type WatchedRoute = RouteName & {
  readonly providers: readonly { readonly name: string }[];
  readonly unusableProviders: readonly { readonly name: string }[];
};

/** A line of the ops page, and of the gauge of resting providers. */
export interface ProviderHealth {
  readonly route: string;
  readonly provider: string;
  readonly isResting: boolean;
  /** Milliseconds until it is asked again; 0 for one that does not rest. */
  readonly restsForMs: number;
  /** Why its last attempt failed; undefined when it did not. */
  readonly lastCause: FailoverCause | undefined;
}

/**
 * After a rest one turn tries a provider, and the others go elsewhere until it was answered. A turn that hears nothing
 * says nothing: after this time the next one tries. Longer than a provider takes to begin its answer, and short beside
 * `timeouts.firstEventSeconds`, for which one that stalls would keep everybody away.
 */
const TRIAL_MS = 10_000;

/**
 * The shortest rest. A provider that asks for a millisecond with every 429 would otherwise be announced as resting with
 * every turn, and never be left alone.
 */
const MIN_REST_MS = 1_000;

type Condition =
  | { readonly kind: 'well'; readonly failures: number }
  /** @property sinceMs Attempts that began before say nothing new when they fail. */
  | {
      readonly kind: 'resting';
      readonly sinceMs: number;
      readonly untilMs: number;
      /** What it is afterwards. */
      readonly after: 'trial' | { readonly kind: 'well'; readonly failures: number };
    }
  /** @property trialMs When the turn that tries it was sent; undefined: none is under way. */
  | { readonly kind: 'trial'; readonly sinceMs: number; readonly trialMs: number | undefined };

type Why = 'failures' | 'retry_after';

interface Entry {
  readonly route: string;
  readonly provider: string;
  condition: Condition;
  /** Rests for failures that count for the length of the next one. */
  rests: number;
  /** Length of the last one. */
  lastRestMs: number;
  /** Its first answer after that rest. */
  returnedAt: number | undefined;
  /** A rest was announced, and no answer since. */
  isAway: boolean;
  lastCause: FailoverCause | undefined;
}

export class HealthBook {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #facts: TurnFactListener;
  /** By route, then by provider: only those that failed, rested or answered. */
  readonly #routes = new Map<string, Map<string, Entry>>();

  constructor(clock: Pick<Clock, 'now'>, facts: TurnFactListener) {
    this.#clock = clock;
    this.#facts = facts;
  }

  /** Turns go elsewhere while there is an elsewhere: it rests, or a turn tries it after a rest. */
  isResting(route: RouteName, provider: Pick<CompiledProvider, 'name'>): boolean {
    const entry = this.#find(route, provider);
    return entry !== undefined && this.#isResting(entry);
  }

  /** A turn is sent there. After a rest this is the trial. */
  chosen(route: RouteName, provider: Pick<CompiledProvider, 'name'>): void {
    const entry = this.#find(route, provider);
    if (entry === undefined) return;
    const condition = this.#conditionOf(entry);
    if (condition.kind !== 'trial' || this.#isResting(entry)) return;
    entry.condition = { ...condition, trialMs: this.#clock.now() };
  }

  /**
   * An attempt failed for a cause that counts (failover-cause.ts, `isFailure`).
   *
   * @param startedAt When it was opened. One that was under way before the last rest began says nothing new: it would
   *   only send back to rest who has meanwhile mended.
   */
  failed(
    route: RouteName,
    provider: WatchedProvider,
    cause: FailoverCause,
    startedAt: number = this.#clock.now(),
  ): void {
    const entry = this.#entry(route, provider);
    const condition = this.#conditionOf(entry);
    entry.lastCause = cause;
    if (condition.kind === 'resting') return;
    if (condition.kind === 'trial') {
      if (startedAt >= condition.sinceMs) this.#rest(entry, provider);
      return;
    }
    const failures = condition.failures + 1;
    if (failures >= provider.health.consecutiveFailures) this.#rest(entry, provider);
    else entry.condition = { kind: 'well', failures };
  }

  /**
   * An attempt ended and says neither: its client left, or was refused for what nobody can judge. If it was a trial, the
   * next turn tries. Nothing else changes, so that it may be told after a verdict as well.
   *
   * @param startedAt As for `failed`.
   */
  undecided(route: RouteName, provider: Pick<CompiledProvider, 'name'>, startedAt: number): void {
    const entry = this.#find(route, provider);
    if (entry === undefined) return;
    const condition = this.#conditionOf(entry);
    if (condition.kind !== 'trial' || condition.trialMs === undefined || startedAt < condition.trialMs)
      return;
    entry.condition = { ...condition, trialMs: undefined };
  }

  /** A first event came, or a refusal that is the client's fault. On the path of every turn. */
  answered(route: RouteName, provider: WatchedProvider): void {
    const entry = this.#entry(route, provider);
    const condition = this.#conditionOf(entry);
    entry.lastCause = undefined;
    // A rest lasts as long as it was announced: the answer may be to a turn that was under way before.
    if (condition.kind === 'resting') return;
    const now = this.#clock.now();
    if (condition.kind === 'trial' || condition.failures > 0) entry.condition = WELL;
    if (entry.isAway) {
      entry.isAway = false;
      entry.returnedAt = now;
      this.#facts({ kind: 'provider.returned', route: entry.route, provider: entry.provider });
    }
    // It has answered for as long as it rested: what was is over.
    if (entry.returnedAt !== undefined && now - entry.returnedAt >= entry.lastRestMs) entry.rests = 0;
  }

  /**
   * It took a connection which is no turn's: whether turns are answered it does not say. What failed for want of a
   * connection is over.
   *
   * @param startedAt As for `failed`.
   */
  reached(route: RouteName, provider: WatchedProvider, startedAt: number): void {
    const entry = this.#find(route, provider);
    if (entry?.lastCause === 'ConnectFailure') this.answered(route, provider);
    else this.undecided(route, provider, startedAt);
  }

  /** It asked to be left alone (`retry-after`): for that long, a second at least, and at most as long as for failures. */
  restFor(route: RouteName, provider: WatchedProvider, ms: number): void {
    if (!(ms > 0)) return;
    const entry = this.#entry(route, provider);
    const condition = this.#conditionOf(entry);
    const now = this.#clock.now();
    const forMs = Math.min(Math.max(ms, MIN_REST_MS), provider.health.maxEjectionMs);
    const untilMs = now + forMs;
    if (condition.kind === 'resting') {
      if (untilMs > condition.untilMs) entry.condition = { ...condition, untilMs };
      return;
    }
    // Whoever asked for time was not ill, and is asked again as if nothing had been; but whoever was on trial stays so.
    const after = condition.kind === 'trial' ? 'trial' : condition;
    entry.condition = { kind: 'resting', sinceMs: now, untilMs, after };
    this.#announce(entry, 'retry_after', forMs);
  }

  /** Forgets all other routes, and the providers that these no longer have. */
  keepOnly(routes: readonly WatchedRoute[]): void {
    const kept = new Map(
      routes.map(({ id, providers, unusableProviders }) => [
        id,
        new Set([...providers, ...unusableProviders].map(({ name }) => name)),
      ]),
    );
    for (const [id, entries] of this.#routes) {
      for (const name of entries.keys()) if (!kept.get(id)?.has(name)) entries.delete(name);
      if (entries.size === 0) this.#routes.delete(id);
    }
  }

  /** Every provider that ever failed, rested or answered. */
  list(): readonly ProviderHealth[] {
    return [...this.#routes.values()].flatMap((entries) =>
      [...entries.values()].map((entry) => {
        const condition = this.#conditionOf(entry);
        return {
          route: entry.route,
          provider: entry.provider,
          isResting: condition.kind === 'resting',
          restsForMs: condition.kind === 'resting' ? condition.untilMs - this.#clock.now() : 0,
          lastCause: entry.lastCause,
        };
      }),
    );
  }

  #isResting(entry: Entry): boolean {
    const condition = this.#conditionOf(entry);
    if (condition.kind !== 'trial') return condition.kind === 'resting';
    return condition.trialMs !== undefined && this.#clock.now() - condition.trialMs < TRIAL_MS;
  }

  /** Where it is now: a rest ends by itself. */
  #conditionOf(entry: Entry): Condition {
    const { condition } = entry;
    if (condition.kind !== 'resting' || this.#clock.now() < condition.untilMs) return condition;
    const { sinceMs, after } = condition;
    entry.condition = after === 'trial' ? { kind: 'trial', sinceMs, trialMs: undefined } : after;
    return entry.condition;
  }

  #rest(entry: Entry, { health }: WatchedProvider): void {
    const now = this.#clock.now();
    const forMs = Math.min(health.ejectionMs * 2 ** entry.rests, health.maxEjectionMs);
    entry.rests++;
    entry.lastRestMs = forMs;
    entry.returnedAt = undefined;
    entry.condition = { kind: 'resting', sinceMs: now, untilMs: now + forMs, after: 'trial' };
    this.#announce(entry, 'failures', forMs);
  }

  #announce(entry: Entry, why: Why, forMs: number): void {
    entry.isAway = true;
    this.#facts({ kind: 'provider.ejected', route: entry.route, provider: entry.provider, why, forMs });
  }

  #find(route: RouteName, { name }: Pick<CompiledProvider, 'name'>): Entry | undefined {
    return this.#routes.get(route.id)?.get(name);
  }

  #entry(route: RouteName, { name }: Pick<CompiledProvider, 'name'>): Entry {
    let entries = this.#routes.get(route.id);
    if (entries === undefined) this.#routes.set(route.id, (entries = new Map<string, Entry>()));
    let entry = entries.get(name);
    if (entry === undefined) entries.set(name, (entry = newEntry(route.id, name)));
    return entry;
  }
}

const WELL: Condition = { kind: 'well', failures: 0 };

function newEntry(route: string, provider: string): Entry {
  return {
    route,
    provider,
    condition: WELL,
    rests: 0,
    lastRestMs: 0,
    returnedAt: undefined,
    isAway: false,
    lastCause: undefined,
  };
}
