/** Everything that routes ever were, with the time: as a person who watches them sees it. */
import { until } from '../harness/wait-for.ts';
import type { Api, ApiEvent, ApiObject } from './api.ts';
import type { Condition } from './stage.ts';

/** Many times what anything takes here: for a machine that does much else. */
const WAIT_MS = 20_000;

/** A route as the watch brought it. */
export interface SeenRoute {
  readonly type: ApiEvent['type'];
  /** `performance.now()`. */
  readonly at: number;
  readonly uid: string;
  readonly generation: number;
  /** Those of the newest generation, by type. */
  readonly conditions: ReadonlyMap<string, Condition>;
}

export interface RouteHistory extends AsyncDisposable {
  /** Of `namespace/name`, in order. */
  of(key: string): readonly SeenRoute[];
  /** The first one, past or future, that is meant. */
  first(key: string, isMeant: (seen: SeenRoute) => boolean, what: string): Promise<SeenRoute>;
  /** How often the status of a route was written: a change of anything else counts the generation up. */
  statusWrites(key: string): number;
}

/** Watches all routes of a bridge. Resolves when the watch has begun. */
export async function watchRoutes(api: Api, bridgeName: string): Promise<RouteHistory> {
  const path = '/apis/turnbridge.dev/v1alpha1/responsesroutes';
  const query = { fieldSelector: `spec.bridgeName=${bridgeName}` };
  const { metadata } = await api.request<{ metadata: { resourceVersion: string } }>({ path, query });
  const seen = new Map<string, SeenRoute[]>();
  const ending = new AbortController();
  let broken: unknown;
  const watching = (async () => {
    const since = { ...query, resourceVersion: metadata.resourceVersion };
    for await (const event of api.watch(path, since, { signal: ending.signal })) {
      const key = `${event.object.metadata.namespace ?? ''}/${event.object.metadata.name}`;
      const history = seen.get(key) ?? [];
      history.push(toSeen(event));
      seen.set(key, history);
    }
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) broken = error;
  });
  const of = (key: string): readonly SeenRoute[] => {
    if (broken !== undefined) throw new Error('the watch of routes broke', { cause: broken });
    return seen.get(key) ?? [];
  };
  return {
    of,
    first: (key, isMeant, what) =>
      until(() => of(key).find(isMeant), `route ${key}: ${what}`, WAIT_MS).catch((cause: unknown) => {
        throw new Error(`route ${key} was never seen with ${what}; ${told(of(key).at(-1))}`, { cause });
      }),
    statusWrites: (key) =>
      of(key).filter(
        ({ type, uid, generation }, index, all) =>
          type === 'MODIFIED' && all[index - 1]?.uid === uid && all[index - 1]?.generation === generation,
      ).length,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await watching;
    },
  };
}

function told(seen: SeenRoute | undefined): string {
  if (seen === undefined) return 'it was never seen at all';
  const conditions = [...seen.conditions.values()].map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
  return [`${seen.type}, generation ${String(seen.generation)}`, ...conditions].join('\n');
}

function toSeen({ type, object }: ApiEvent): SeenRoute {
  const { uid, generation = 0 } = object.metadata;
  const conditions = conditionsOf(object).filter((each) => each.observedGeneration === generation);
  return {
    type,
    at: performance.now(),
    uid,
    generation,
    conditions: new Map(conditions.map((each) => [each.type, each])),
  };
}

function conditionsOf(route: ApiObject): readonly Condition[] {
  return (route['status'] as { conditions?: readonly Condition[] } | undefined)?.conditions ?? [];
}
