/** Many routes at once: made through the API, some at a time, and followed by a watch. */
import { randomBytes } from 'node:crypto';
import { mergeType, type Api, type ApiObject } from './api.ts';
import { until } from '../harness/wait-for.ts';
import type { Condition, Stage } from './stage.ts';

/** Requests at a time. More only wait inside of the API server. */
const CONCURRENCY = 16;

/** Runs work at each, some at a time. */
export async function forEach<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  const waiting = all.values();
  const worker = async (): Promise<void> => {
    for (const one of waiting) await work(one);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Creates objects that are not there yet. */
export function createAll(api: Api, objects: readonly Record<string, unknown>[]): Promise<void> {
  return forEach(objects, (body) => api.request({ method: 'POST', path: collectionOf(body), body }));
}

/** A key as a provider would give one: random, so that it does not compress. */
export function randomKey(): string {
  return `sk-${randomBytes(24).toString('base64url')}`;
}

/** A route with a host of its own, a Secret with the key of its provider, and the clients of its namespace. */
export function memberOf(stage: Stage, index: number, namespaces: readonly string[]) {
  const namespace = namespaces[index % namespaces.length] ?? stage.namespace;
  const name = `member-${String(index).padStart(4, '0')}`;
  const auth = { type: 'APIKey', secretRef: { name, key: 'apiKey' } };
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    secret: stage.secret(name, { apiKey: randomKey() }, namespace),
    route: stage.route(
      name,
      {
        hostnames: [`${name}.${stage.bridgeName}.test`],
        clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } },
        providers: [{ name: 'scripted', url: stage.provider.url, auth }],
      },
      namespace,
    ),
  };
}

export type Member = ReturnType<typeof memberOf>;

/** Changes what a route says; the API server counts its generation up. */
export function changeRoute(api: Api, { namespace, name }: Member, spec: object): Promise<ApiObject> {
  const path = `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes/${name}`;
  return api.request<ApiObject>({ method: 'PATCH', path, contentType: mergeType, body: { spec } });
}

/** Everything of one resource, as a watch brings it; and how much it brought. */
export interface Following extends AsyncDisposable {
  /** By `namespace/name`. */
  readonly objects: ReadonlyMap<string, ApiObject>;
  /** What was added, changed and deleted since it began. */
  readonly changes: readonly string[];
}

/** Follows a collection until it is disposed of. Resolves when it has all there is. @param onChange hears of each later form. */
export async function follow(
  api: Api,
  path: string,
  query: Readonly<Record<string, string>> = {},
  onChange: (key: string, object: ApiObject) => void = () => undefined,
): Promise<Following> {
  const { items, metadata } = await api.request<{
    items: ApiObject[];
    metadata: { resourceVersion: string };
  }>({ path, query });
  const objects = new Map(items.map((item) => [keyOf(item), item]));
  const changes: string[] = [];
  const ending = new AbortController();
  const { signal } = ending;
  let { resourceVersion } = metadata;
  const watch = async (): Promise<void> => {
    const events = api.watch(path, { ...query, resourceVersion }, { signal });
    for await (const { type, object } of events) {
      if (type === 'ERROR') throw new Error(JSON.stringify(object));
      const key = keyOf(object);
      if (type === 'DELETED') objects.delete(key);
      else objects.set(key, object);
      ({ resourceVersion } = object.metadata);
      changes.push(`${type} ${key}`);
      onChange(key, object);
    }
  };
  const watching = (async () => {
    // the API server ends a watch that is read too slowly, and the next goes on where that one ended
    while (!signal.aborted) await watch();
  })().catch((error: unknown) => {
    if (!signal.aborted) changes.push(`the watch of ${path} broke: ${String(error)}`);
  });
  return {
    objects,
    changes,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await watching;
    },
  };
}

/** A condition that is about the newest generation of the route. */
export function conditionOf(route: ApiObject | undefined, type: string): Condition | undefined {
  const { conditions = [] } = (route?.['status'] ?? {}) as { conditions?: readonly Condition[] };
  return conditions.find(
    (each) => each.type === type && each.observedGeneration === route?.metadata.generation,
  );
}

/** Waits until this condition of all these routes has the status. */
export function untilAll(
  routes: Following,
  members: readonly { readonly key: string }[],
  [type, status]: readonly [type: string, status: string],
  timeoutMs: number,
): Promise<unknown> {
  let done = 0;
  const isDone = ({ key }: { readonly key: string }): boolean =>
    conditionOf(routes.objects.get(key), type)?.status === status;
  return until(
    () => {
      while (done < members.length && isDone(members[done]!)) done += 1;
      // those that were looked at first may have changed since
      if (done === members.length && !members.every(isDone)) done = 0;
      return done === members.length;
    },
    `${type}=${status} of ${String(members.length)} routes`,
    timeoutMs,
  );
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function collectionOf(body: Record<string, unknown>): string {
  const { namespace } = body['metadata'] as { namespace: string };
  return body['kind'] === 'Secret'
    ? `/api/v1/namespaces/${namespace}/secrets`
    : `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes`;
}
