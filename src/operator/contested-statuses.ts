/**
 * Notices that somebody else overwrites what was said of a route, and has it said again later and later. Two operators
 * that serve one bridge name would otherwise answer each other without end: each write of one wakes the other.
 */
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import { isSameStatus, type RouteStatus } from '../reconcile/route-status.ts';

/** Overwritten within that time of our write, a status is said again with a delay. Later it was a hand's slip, and is mended at once. */
export const PROMPT_MS = 60_000;
/** The first delay; each further one is twice as long. */
export const FIRST_DELAY_MS = 1000;
/** The longest: of 1,000 routes that two operators dispute, that is three writes a second of both together. */
export const MAX_DELAY_MS = 600_000;
/** A status that stood for so long after all is disputed no more. Longer than the other side may wait. */
export const FORGIVEN_MS = 2 * MAX_DELAY_MS;

/** A status as it is, or was, in the cluster. */
interface Stored {
  readonly resourceVersion: string;
  readonly status: RouteStatus | undefined;
}

/** What was said last of one route. At most one for each route there is. */
interface Said {
  readonly uid: string;
  readonly generation: number;
  /** `sending`: what is seen meanwhile may be ours, and is judged when that is known. */
  state: 'sending' | 'standing' | 'overwritten';
  /** Of the last write that was answered. */
  written: (Stored & { readonly atMs: number }) | undefined;
  /** Sent without an answer: perhaps it is stored. */
  unsure: RouteStatus | undefined;
  /** What the watch showed last. */
  seen: Stored | undefined;
  /** The write that was counted last. */
  counted: string | undefined;
  /** Overwritten so many times in a row. */
  times: number;
  overwrittenAtMs: number;
}

/** Times are of a clock that never goes back. */
export class ContestedStatuses {
  readonly #said = new Map<string, Said>();

  /** Routes whose status is disputed. */
  countAt(nowMs: number): number {
    return [...this.#said.values()].filter(
      ({ times, overwrittenAtMs }) => times > 0 && nowMs - overwrittenAtMs <= FORGIVEN_MS,
    ).length;
  }

  /** A status is about to be sent; {@link sent} or {@link failed} follows. */
  sending(route: ObservedRoute, status: RouteStatus): void {
    const { key, uid, generation, resourceVersion } = route;
    const said: Said = this.#of(route) ?? {
      uid,
      generation,
      state: 'sending',
      written: undefined,
      unsure: undefined,
      seen: { resourceVersion, status: route.status },
      counted: undefined,
      times: 0,
      overwrittenAtMs: 0,
    };
    said.state = 'sending';
    said.unsure = status;
    this.#said.set(key, said);
  }

  /**
   * It was stored.
   * @returns as {@link observed}
   */
  sent(
    route: ObservedRoute,
    status: RouteStatus,
    resourceVersion: string,
    nowMs: number,
  ): number | undefined {
    const said = this.#of(route);
    if (said === undefined) return undefined;
    said.unsure = undefined;
    said.written = { resourceVersion, status, atMs: nowMs };
    return judge(said, nowMs);
  }

  /** It was refused, or nobody knows. */
  failed(route: ObservedRoute, nowMs: number): void {
    const said = this.#of(route);
    if (said !== undefined) judge(said, nowMs);
  }

  /**
   * The watch showed this route; undefined: it is gone.
   * @returns how many times in a row its status was overwritten, if that was just seen to happen soon after it was written
   */
  observed(key: string, route: ObservedRoute | undefined, nowMs: number): number | undefined {
    const said = route && this.#of(route);
    if (route === undefined || said === undefined) {
      // a new spec is judged anew, and said at once
      this.#said.delete(key);
      return undefined;
    }
    said.seen = { resourceVersion: route.resourceVersion, status: route.status };
    return said.state === 'sending' ? undefined : judge(said, nowMs);
  }

  /** How long to leave the status of this route as it is, in milliseconds. */
  delayMs(route: ObservedRoute, nowMs: number): number {
    const said = this.#of(route);
    if (said?.state !== 'overwritten' || said.times === 0) return 0;
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (said.times - 1));
    return Math.max(0, said.overwrittenAtMs + delayMs - nowMs);
  }

  /** Undefined: nothing was said of the route as it is now. */
  #of({ key, uid, generation }: ObservedRoute): Said | undefined {
    const said = this.#said.get(key);
    return said?.uid === uid && said.generation === generation ? said : undefined;
  }
}

/** Finds out whether what was written still stands; counts each write once. */
function judge(said: Said, nowMs: number): number | undefined {
  const { written, unsure, seen, counted } = said;
  said.state = 'standing';
  if (written === undefined || seen === undefined) return undefined;
  if (!isNewer(seen.resourceVersion, written.resourceVersion)) return undefined;
  if ([written.status, unsure].some((ours) => ours !== undefined && isSameStatus(seen.status, ours)))
    return undefined;
  said.state = 'overwritten';
  if (counted === written.resourceVersion) return undefined;
  said.counted = written.resourceVersion;
  said.overwrittenAtMs = nowMs;
  const isPrompt = nowMs - written.atMs <= (said.times === 0 ? PROMPT_MS : FORGIVEN_MS);
  said.times = isPrompt ? said.times + 1 : 0;
  return isPrompt ? said.times : undefined;
}

/** Of one object: etcd counts them up (Kubernetes says so of all its resources since 1.35). */
export function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}
