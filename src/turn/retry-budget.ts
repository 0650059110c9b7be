/**
 * How many tries at another provider a route may make. When everything fails, each turn tries twice: without a bound the
 * bridge would double the load on those who are down because of it.
 */
import type { Clock } from './clock.ts';

/** Turns that count: long enough to hold some at a quiet hour, short enough to follow a change of load. */
const WINDOW_S = 10;
/** Retries for each turn of the window: an outage adds a fifth to the load, at most. */
const RETRIES_PER_TURN = 0.2;
/** And always so many a second, since a fifth of a few turns is none. */
const MIN_RETRIES_PER_S = 3;

/** What happened in one second. */
interface Second {
  at: number;
  turns: number;
  retries: number;
}

export class RetryBudgets {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #routes = new Map<string, Second[]>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Routes that something is kept of. */
  get size(): number {
    return this.#routes.size;
  }

  /** A turn of this route begins. */
  turnStarted(routeId: string): void {
    this.#second(routeId).turns++;
  }

  /** One more try; false: the budget is used up. */
  take(routeId: string): boolean {
    const second = this.#second(routeId);
    const seconds = this.#routes.get(routeId) ?? [];
    const oldest = second.at - WINDOW_S + 1;
    let turns = 0;
    let retries = 0;
    for (const one of seconds) {
      if (one.at < oldest) continue;
      turns += one.turns;
      retries += one.retries;
    }
    if (retries + 1 > turns * RETRIES_PER_TURN + MIN_RETRIES_PER_S * WINDOW_S) return false;
    second.retries++;
    return true;
  }

  /** This second of the route: a ring, so that nothing grows with the turns. */
  #second(routeId: string): Second {
    const at = Math.floor(this.#clock.now() / 1_000);
    let seconds = this.#routes.get(routeId);
    if (seconds === undefined) {
      this.#forgetQuiet(at);
      seconds = Array.from({ length: WINDOW_S }, () => ({ at: -1, turns: 0, retries: 0 }));
      this.#routes.set(routeId, seconds);
    }
    const second = seconds[at % WINDOW_S] as Second;
    if (second.at !== at) Object.assign(second, { at, turns: 0, retries: 0 });
    return second;
  }

  /** Routes come and go; one without a turn within the window has nothing to be remembered. */
  #forgetQuiet(now: number): void {
    for (const [routeId, seconds] of this.#routes) {
      if (seconds.every(({ at }) => at <= now - WINDOW_S)) this.#routes.delete(routeId);
    }
  }
}
