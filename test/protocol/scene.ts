/** The scene of most conversations: a scripted provider, a bridge in front of it, clients that connect. */
import { fakeProvider } from '../harness/fake-provider.ts';
import { connect, type ConnectOptions, type TestClient } from '../harness/connect.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import type { LogLine, RouteWishes, StartOptions, TestBridge } from '../harness/bridge.ts';
import { until } from '../harness/wait-for.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';

export type JsonObject = Record<string, unknown>;

export interface SceneWishes extends Omit<StartOptions, 'routes'> {
  /** What the provider answers. Left out: `hello`. */
  readonly script?: ScriptLike;
  /** Of the one route; its provider's url is filled in. */
  readonly route?: RouteWishes;
  /** Secrets by name, as further documents of the route file. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Instead of the one route: the whole route file. */
  readonly routes?: (providerUrl: string) => string;
}

export interface Scene extends AsyncDisposable {
  readonly provider: ScriptedProvider;
  readonly bridge: TestBridge;
  /** Opens a WebSocket on `/v1/responses`; the scene closes it. */
  connect(options?: ConnectOptions): Promise<TestClient>;
  /** A new route file from the same wishes; takes effect within a second. */
  changeRoute(route: RouteWishes, secrets?: SceneWishes['secrets']): Promise<void>;
}

/**
 * Opens provider and bridge. When it is left, its clients go away, and every scene then proves that the bridge's
 * books are balanced: no connection and no counted byte stays behind, and no mistake of ours was logged.
 */
export async function openScene(wishes: SceneWishes = {}): Promise<Scene> {
  const { script, route, secrets, routes, ...options } = wishes;
  const provider = await fakeProvider(script);
  const bridge = await startBridge({
    ...options,
    routes: routes === undefined ? routeFile(provider.url, route, secrets) : routes(provider.url),
  }).catch(async (error: unknown) => {
    await provider.close();
    throw error;
  });
  const clients: TestClient[] = [];
  return {
    provider,
    bridge,
    connect: async (connectOptions) => {
      const client = await connect(`${bridge.url}/responses`, connectOptions);
      clients.push(client);
      return client;
    },
    changeRoute: (changed, changedSecrets) =>
      bridge.setRoutes(routeFile(provider.url, changed, changedSecrets)),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.terminate();
      try {
        await settled(bridge);
      } finally {
        await bridge.bridge.close();
        await provider.close();
      }
      const mistakes = bridge.logs().filter(({ event }) => event === 'bridge.mistake');
      await bridge.close();
      if (mistakes.length > 0) throw new Error(`the bridge made mistakes: ${JSON.stringify(mistakes)}`);
    },
  };
}

/** Resolves when nothing runs any more and every byte was given back. */
export async function settled({ bridge }: TestBridge): Promise<void> {
  await until(() => bridge.connections === 0, 'all connections to be gone');
  await until(
    () => Object.values(bridge.usedBytes).every((bytes) => bytes === 0),
    'every budget to be given back',
  ).catch((error: unknown) => {
    throw new Error(`bytes stay counted: ${JSON.stringify(bridge.usedBytes)}`, { cause: error });
  });
}

/** The log's lines of one event, once there are so many: the log is written behind the answers. */
export function logged(bridge: TestBridge, event: string, count = 1): Promise<LogLine[]> {
  return until(
    () => {
      const lines = bridge.logs().filter((line) => line.event === event);
      return lines.length >= count && lines;
    },
    `${String(count)} log lines ${event}`,
  );
}

/** Resolves when another route file is in effect. */
export function reloaded(bridge: TestBridge): Promise<unknown> {
  return until(() => bridge.logs().find(({ msg }) => msg === 'routes changed'), 'the routes to be changed');
}

/** A route to one provider and Secrets beside it, as a file. */
export function routeFile(
  providerUrl: string,
  route: RouteWishes = {},
  secrets: SceneWishes['secrets'] = {},
): string {
  const documents = Object.entries(secrets).map(([name, stringData]) => secretNamed(name, stringData));
  return [routeTo(providerUrl, route), ...documents].join('---\n');
}

/** A Secret document; an entry is a client's key, or a provider's. */
export function secretNamed(name: string, stringData: Readonly<Record<string, string>>): string {
  const metadata = { name, namespace: 'default' };
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData })}\n`;
}

/** A user's message as an input item. */
export function said(text: string): JsonObject {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
}

/** The headers of a Codex handshake that matter here. */
export const codexHeaders: Readonly<Record<string, string>> = {
  'user-agent': 'codex_exec/0.169.0 (Linux; x86_64) unknown (codex_exec; 0.169.0)',
  originator: 'codex_exec',
  'openai-beta': 'responses_websockets=2026-02-06',
};

export function typesOf(events: readonly JsonObject[]): unknown[] {
  return events.map((event) => event['type']);
}

/** The text of all deltas. */
export function textOf(events: readonly JsonObject[]): string {
  return events
    .filter((event) => event['type'] === 'response.output_text.delta')
    .map((event) => String(event['delta']))
    .join('');
}

/** The `response` object of an event. */
export function responseOf(event: JsonObject | undefined): JsonObject {
  return (event?.['response'] ?? {}) as JsonObject;
}

/** The id of the response that ended these events. */
export function idOf(events: readonly JsonObject[]): string {
  return String(responseOf(events.at(-1))['id']);
}

/** The finished output items among these events, in order. */
export function itemsOf(events: readonly JsonObject[]): unknown[] {
  return events
    .filter((event) => event['type'] === 'response.output_item.done')
    .map((event) => event['item']);
}

/** Asks and reads the whole answer. */
export async function ask(client: TestClient, body: JsonObject): Promise<JsonObject[]> {
  client.create({ model: 'm', ...body });
  const lane = body['stream_id'];
  return client.events(typeof lane === 'string' ? { lane } : {});
}
