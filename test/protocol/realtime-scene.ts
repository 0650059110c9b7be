/** A bridge between a client and a provider whose WebSockets are passed on. */
import { routeTo, type RouteWishes } from '../harness/bridge.ts';
import { connect, type ConnectOptions, type TestClient } from '../harness/connect.ts';
import {
  openRealtimeProvider,
  type ProviderEnd,
  type RealtimeProvider,
  type RealtimeWishes,
} from '../harness/realtime-provider.ts';
import { until } from '../harness/wait-for.ts';
import { openScene, routeFile, type Scene, type SceneWishes } from './scene.ts';

export interface RealtimeSceneWishes extends Omit<SceneWishes, 'routes' | 'script'> {
  readonly realtime?: RealtimeWishes;
  /** What the route's provider is reached by, instead of the provider's own address. */
  readonly through?: (port: number) => Promise<number>;
}

export interface RealtimeScene extends AsyncDisposable {
  readonly scene: Scene;
  readonly realtime: RealtimeProvider;
  /** Opens a WebSocket below the base; the scene ends it. */
  open(path?: string, options?: ConnectOptions): Promise<TestClient>;
  /** One WebSocket, both its ends. */
  pair(
    path?: string,
    options?: ConnectOptions,
  ): Promise<{ readonly client: TestClient; readonly end: ProviderEnd }>;
  /** Instead of the route: several to the same provider. Resolves when they are in effect. */
  useRoutes(...routes: readonly RouteWishes[]): Promise<void>;
  /** Another route to the same provider. */
  change(route: RouteWishes, secrets?: SceneWishes['secrets']): Promise<void>;
}

export async function openRealtimeScene(wishes: RealtimeSceneWishes = {}): Promise<RealtimeScene> {
  const { realtime: realtimeWishes, route = {}, secrets, through, ...options } = wishes;
  const realtime = await openRealtimeProvider(realtimeWishes);
  const port = await (through?.(realtime.port) ?? realtime.port);
  const url = `http://127.0.0.1:${String(port)}/v1`;
  const file = (of: RouteWishes, withSecrets = secrets): string =>
    routeFile(url, { ...of, provider: { transport: 'Auto', ...of.provider } }, withSecrets);
  const scene = await openScene({ ...options, routes: () => file(route) });
  const clients: TestClient[] = [];
  let reloads = 0;
  const open: RealtimeScene['open'] = async (path = '/realtime', connectOptions = {}) => {
    const client = await connect(`${scene.bridge.url}${path}`, connectOptions);
    clients.push(client);
    return client;
  };
  return {
    scene,
    realtime,
    open,
    async pair(path, connectOptions) {
      const n = realtime.ends.length;
      const client = await open(path, connectOptions);
      return { client, end: await realtime.end(n) };
    },
    useRoutes: async (...routes) => {
      await scene.bridge.setRoutes(
        routes
          .map((one) => routeTo(url, { ...one, provider: { transport: 'Auto', ...one.provider } }))
          .join('---\n'),
      );
      reloads++;
      const changes = (): number => scene.bridge.logs().filter(({ msg }) => msg === 'routes changed').length;
      await until(() => changes() === reloads, 'the routes to be in effect');
    },
    change: (changed, changedSecrets) => scene.bridge.setRoutes(file(changed, changedSecrets)),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.terminate();
      try {
        await scene[Symbol.asyncDispose]();
      } finally {
        await realtime[Symbol.asyncDispose]();
      }
    },
  };
}
