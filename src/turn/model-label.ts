/** Models as metric labels: the names and patterns that routes have, whatever clients ask for. */
import { chooseProvider } from '../route/match.ts';
import { matchModel, toModelPattern } from '../route/model-pattern.ts';
import type { CompiledProvider, CompiledRoute, Snapshot } from '../route/snapshot.ts';

// a route is a part of an immutable snapshot, and takes its names with it
const namesOfRoutes = new WeakMap<CompiledRoute, readonly string[]>();

/**
 * The model as a metric label: the name or pattern of the route that covers it. Bounded by configuration, whatever
 * clients ask for.
 */
export function modelLabel(route: CompiledRoute, model: string): string {
  const named = namedModels(route);
  if (named.includes(model)) return model;
  return (
    named.find((pattern) => pattern !== '*' && matchModel(toModelPattern(pattern), model) !== undefined) ??
    'other'
  );
}

/**
 * What turns of these routes will be labelled with: each name and pattern with the provider that would be asked for it,
 * and `other` with the provider for any model; and the transports that its turns may take.
 */
export function modelLabels(snapshot: Snapshot): {
  readonly route: string;
  readonly provider: string;
  readonly model: string;
  readonly transports: readonly ('http' | 'websocket')[];
}[] {
  return snapshot.routes.flatMap((route) =>
    [...new Set([...namedModels(route).filter((name) => name !== '*'), 'other'])].flatMap((model) => {
      const provider = chooseProvider(route, model, []);
      if (provider === undefined) return [];
      return [{ route: route.id, provider: provider.name, model, transports: transportsOf(provider) }];
    }),
  );
}

function transportsOf({ transport, dialect }: CompiledProvider): readonly ('http' | 'websocket')[] {
  if (transport === 'WebSocket') return ['websocket'];
  return transport === 'HTTP' || dialect === 'Compatible' ? ['http'] : ['websocket', 'http'];
}

function namedModels(route: CompiledRoute): readonly string[] {
  let names = namesOfRoutes.get(route);
  if (names === undefined) {
    names = [
      ...route.match.models,
      ...route.providers.flatMap((provider) => [
        ...provider.models,
        ...provider.modelMapping.map(({ from }) => from),
      ]),
    ];
    namesOfRoutes.set(route, names);
  }
  return names;
}
