/** A route with several scripted providers, for what happens between them. */
import type { ConnectOptions, TestClient } from '../harness/connect.ts';
import { routeTo } from '../harness/bridge.ts';
import { openScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import type { ScriptedProvider, ScriptedProviderOptions } from '../../src/scripted/scripted-provider.ts';
import { openScene, secretNamed, type JsonObject, type Scene, type SceneWishes } from './scene.ts';

/** One provider: how it behaves, and what the route says of it. */
export interface ProviderWishes extends ScriptedProviderOptions {
  /** Fields of `providers[]`; its name and url are filled in. */
  readonly route?: JsonObject;
}

export interface ProvidersScene<N extends string> extends AsyncDisposable {
  readonly scene: Scene;
  readonly providers: Readonly<Record<N, ScriptedProvider>>;
  connect(options?: ConnectOptions): Promise<TestClient>;
  /** Who was asked for a response, in order, over all providers: names. */
  asked(): readonly N[];
}

/** Opens the providers, and a bridge with one route to them in the order given. */
export async function openProviders<N extends string>(
  wishes: Readonly<Record<N, ProviderWishes>>,
  { route, ...options }: Omit<SceneWishes, 'routes' | 'script'> = {},
): Promise<ProvidersScene<N>> {
  const names = Object.keys(wishes) as N[];
  const opened = await Promise.all(
    names.map(async (name) => {
      const { route: _, ...behaviour }: ProviderWishes = wishes[name];
      return [name, await openScriptedProvider(behaviour)] as const;
    }),
  );
  const providers = Object.fromEntries(opened) as Record<N, ScriptedProvider>;
  const listed = names.map((name) => ({
    name,
    url: providers[name].url,
    transport: 'HTTP',
    auth: { type: 'None' },
    ...wishes[name].route,
  }));
  const { secrets, ...rest } = options;
  const documents = Object.entries(secrets ?? {}).map(([name, data]) => secretNamed(name, data));
  const file = (url: string) => [routeTo(url, { ...route, providers: listed }), ...documents].join('---\n');
  const closeAll = async (): Promise<void> => {
    await Promise.all(names.map((name) => providers[name].close()));
  };
  const scene = await openScene({ ...rest, routes: file }).catch(async (error: unknown) => {
    await closeAll();
    throw error;
  });
  return {
    scene,
    providers,
    connect: (connectOptions) => scene.connect(connectOptions),
    asked: () =>
      names
        .flatMap((name) => providers[name].requests.map(({ startedAt }) => ({ name, startedAt })))
        .toSorted((a, b) => a.startedAt - b.startedAt)
        .map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      try {
        await scene[Symbol.asyncDispose]();
      } finally {
        await closeAll();
      }
    },
  };
}
