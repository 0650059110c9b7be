/** How many routes work, and what holds back those that do not: as their stored statuses say it. */
import { REASONS } from '../reconcile/conditions.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';

/** Whether waiting helps; `unjudged`: nobody has said anything yet about the route as it is now. */
export type RouteState = 'ready' | 'unjudged' | 'reconciling' | 'stalled';

export interface RouteCount {
  readonly state: RouteState;
  /** Of the condition that says so; of another program's writing: `other`. */
  readonly reason: string;
  readonly routes: number;
}

/** The reason of those that nobody has judged. */
const UNJUDGED_REASON = 'Pending';
/** A status can be written by whoever has the right to: no label is taken from it that is not one of ours. */
const OTHER = 'other';

const REASONS_OF: Readonly<Record<RouteState, readonly string[]>> = {
  ready: [...REASONS.Ready.True, OTHER],
  unjudged: [UNJUDGED_REASON],
  reconciling: [...REASONS.Reconciling.True, OTHER],
  stalled: [...REASONS.Stalled.True, OTHER],
};

/**
 * Counts routes by what their statuses say, so that every replica shows the same, and what `kubectl get` does. Routes
 * that are being deleted do not count.
 *
 * @returns every state and reason there is, also with 0: at most 23
 */
export function countRoutes(
  routes: Iterable<Pick<ObservedRoute, 'generation' | 'isDeleting' | 'status'>>,
): readonly RouteCount[] {
  const counts = new Map<RouteState, Map<string, number>>();
  for (const [state, reasons] of Object.entries(REASONS_OF) as [RouteState, readonly string[]][])
    counts.set(state, new Map(reasons.map((reason) => [reason, 0])));
  for (const route of routes) {
    if (route.isDeleting) continue;
    const { state, reason } = stateOf(route);
    const ofState = counts.get(state);
    const known = ofState?.has(reason) === true ? reason : OTHER;
    ofState?.set(known, (ofState.get(known) ?? 0) + 1);
  }
  return [...counts].flatMap(([state, byReason]) =>
    [...byReason].map(([reason, count]) => ({ state, reason, routes: count })),
  );
}

function stateOf({ generation, status }: Pick<ObservedRoute, 'generation' | 'status'>): {
  readonly state: RouteState;
  readonly reason: string;
} {
  const conditions = status?.conditions ?? [];
  const find = (type: string) => conditions.find((condition) => condition.type === type);
  const ready = find('Ready');
  if (ready === undefined || ready.observedGeneration < generation)
    return { state: 'unjudged', reason: UNJUDGED_REASON };
  if (ready.status === 'True') return { state: 'ready', reason: ready.reason };
  const isStalled = find('Stalled')?.status === 'True';
  return { state: isStalled ? 'stalled' : 'reconciling', reason: ready.reason };
}
