/** Writes what was found into the status of routes: only where it differs from what is stored, and each change once. */
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeError } from '../kube/kube-error.ts';
import { apiPath } from '../kube/kube-path.ts';
import type { WorkResult } from '../kube/work-queue.ts';
import type { Finding } from '../reconcile/conditions.ts';
import type { Verdict } from '../reconcile/decide.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import { routeEvents } from '../reconcile/route-events.ts';
import {
  isSameStatus,
  nextStatus,
  statusChangesAfterMs,
  toStatusPatch,
  type RouteStatus,
} from '../reconcile/route-status.ts';
import { ContestedStatuses, isNewer } from './contested-statuses.ts';
import type { OperatorFactListener } from './facts.ts';

/** Another one than the snapshot's: the two own different fields. */
const FIELD_MANAGER = 'turnbridge-operator-status';
/** That somebody else writes them too is told so often: of a thousand disputed routes one line is enough. */
const TELL_EVERY_MS = 60_000;
/** Overwritten once, it was a hand's slip; in a row, somebody who means it. */
const TELL_FROM_TIMES = 2;

/** What is to be said of a route. */
export interface StatusWish {
  /** As it was decided on, with the newest status that was observed. */
  readonly route: ObservedRoute;
  readonly verdict: Verdict;
  readonly programmed: Finding<'Programmed'>;
}

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly facts: OperatorFactListener;
  /** Undefined: nothing is to be said now. */
  readonly wishFor: (key: string) => StatusWish | undefined;
  /** Whether this process may write. */
  readonly canWrite: () => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that never go back; `performance.now` by default. */
  readonly monotonic?: () => number;
}

/** What was written and has not come back by the watch yet. */
interface OwnWrite {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly status: RouteStatus;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #monotonic: () => number;
  readonly #written = new Map<string, OwnWrite>();
  readonly #contested = new ContestedStatuses();
  #toldAt = -Infinity;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** Whether there is something to write. */
  isDue(key: string): boolean {
    const wish = this.#options.wishFor(key);
    return wish !== undefined && this.#differing(wish) !== undefined;
  }

  /** The watch showed this route; undefined: it is gone. What was written before it is not needed any more. */
  observed(key: string, route: ObservedRoute | undefined): void {
    const times = this.#contested.observed(key, route, this.#monotonic());
    this.#tell(key, times);
    const own = this.#written.get(key);
    if (own === undefined) return;
    if (route?.uid !== own.uid || !isNewer(own.resourceVersion, route.resourceVersion))
      this.#written.delete(key);
  }

  /** The work at one key. @throws KubeError when it could not be written */
  async process(key: string, signal: AbortSignal): Promise<WorkResult> {
    const { client, wishFor, canWrite, recorder, facts, now } = this.#options;
    const wish = wishFor(key);
    if (wish === undefined || !canWrite()) return { kind: 'done' };
    const { route } = wish;
    const next = this.#differing(wish);
    if (next === undefined) return changesLater(this.#stored(route), now());
    const delayMs = this.#contested.delayMs(route, this.#monotonic());
    if (delayMs > 0) return { kind: 'again', afterMs: delayMs };
    this.#contested.sending(route, next);
    try {
      const answer = await client.request({
        method: 'PATCH',
        path: apiPath({
          group: 'turnbridge.dev',
          version: 'v1alpha1',
          namespace: route.namespace,
          resource: 'responsesroutes',
          name: route.name,
          subresource: 'status',
        }),
        query: { fieldManager: FIELD_MANAGER, force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: toStatusPatch(route, next),
        signal,
      });
      const previous = this.#stored(route);
      this.#remember(route, next, answer);
      for (const event of routeEvents(previous, next))
        recorder.record({ ...event, regarding: regard(route) });
    } catch (error) {
      this.#contested.failed(route, this.#monotonic());
      // it went away meanwhile, or is another one of that name; the watch is about to say so
      if (error instanceof KubeError && (error.status === 404 || error.status === 409))
        return { kind: 'done' };
      throw error;
    }
    const ready = next.conditions.find(({ type }) => type === 'Ready');
    facts({
      kind: 'status.written',
      route: key,
      ready: ready?.status === 'True',
      reason: ready?.reason ?? 'Pending',
    });
    return changesLater(next, now());
  }

  /** The status that is to be written; undefined when it is stored already. */
  #differing({ route, verdict, programmed }: StatusWish): RouteStatus | undefined {
    const status = this.#stored(route);
    const now = new Date(this.#options.now()).toISOString();
    const next = nextStatus({ generation: route.generation, status }, verdict, programmed, now);
    return isSameStatus(status, next) ? undefined : next;
  }

  #stored(route: ObservedRoute): RouteStatus | undefined {
    const own = this.#written.get(route.key);
    return own !== undefined && own.uid === route.uid ? own.status : route.status;
  }

  /** What we said, not what is there: somebody who keeps a condition of ours for himself is not asked again. */
  #remember(route: ObservedRoute, status: RouteStatus, answer: unknown): void {
    const { key, uid } = route;
    const { resourceVersion } = (answer as { readonly metadata: { readonly resourceVersion: string } })
      .metadata;
    // where the watch was faster than the answer, what it showed counts
    const seen = this.#options.wishFor(key)?.route;
    if (seen?.uid !== uid || isNewer(resourceVersion, seen.resourceVersion))
      this.#written.set(key, { uid, resourceVersion, status });
    this.#tell(key, this.#contested.sent(route, status, resourceVersion, this.#monotonic()));
  }

  /** @param times That it was overwritten in a row; undefined: it was not. */
  #tell(route: string, times: number | undefined): void {
    if (times === undefined) return;
    const { facts } = this.#options;
    facts({ kind: 'status.overwritten', route });
    const now = this.#monotonic();
    if (times < TELL_FROM_TIMES || now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    facts({ kind: 'statuses.contested', route, routes: this.#contested.countAt(now) });
  }
}

function changesLater(status: RouteStatus | undefined, nowMs: number): WorkResult {
  const afterMs = status && statusChangesAfterMs(status, nowMs);
  return afterMs === undefined ? { kind: 'done' } : { kind: 'again', afterMs };
}

function regard({ namespace, name, uid, resourceVersion }: ObservedRoute) {
  return {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    namespace,
    name,
    uid,
    resourceVersion,
  };
}
