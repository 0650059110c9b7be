/** The scene of most conversations: a scripted provider, a bridge in front of it, clients that connect. */
import { fakeProvider } from '../harness/fake-provider.ts';
import { connect, type ConnectOptions, type TestClient } from '../harness/connect.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import type { LogLine, RouteWishes, StartOptions, TestBridge } from '../harness/bridge.ts';
import { until, within } from '../harness/wait-for.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';

export type JsonObject = Record<string, unknown>;

export interface SceneWishes extends Omit<StartOptions, 'routes'> {
  /** What the provider answers. Left out: `hello`. */
  readonly script?: ScriptLike;
  /** Of the one route; its provider's url is filled in. */
  readonly route?: RouteWishes;
  /** Secrets by name, as further documents of the route file. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Instead of the one route: the whole route file. */
  readonly routes?: (providerUrl: string) => string | Promise<string>;
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
 * How long a scene may take to come to rest when it is left, each step of it. What is not over by then never will be:
 * the test fails with a sentence that names it, and is not left to hang.
 */
const leaveMs = 3000;

/**
 * Opens provider and bridge. When it is left, its clients go away, and every scene then proves that the bridge's
 * books are balanced: no connection, no request at the provider and no counted byte stays behind, and no mistake of
 * ours was logged. It ends in any case: what is left is destroyed.
 */
export async function openScene(wishes: SceneWishes = {}): Promise<Scene> {
  const { script, route, secrets, routes, ...options } = wishes;
  const provider = await fakeProvider(script);
  const opening = async (): Promise<TestBridge> =>
    startBridge({
      ...options,
      routes: routes === undefined ? routeFile(provider.url, route, secrets) : await routes(provider.url),
    });
  const bridge = await opening().catch(async (error: unknown) => {
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
    [Symbol.asyncDispose]: () => leave(provider, bridge, clients),
  };
}

/** Rejects with all that was not as it should be, once everything is closed. */
async function leave(
  provider: ScriptedProvider,
  bridge: TestBridge,
  clients: readonly TestClient[],
): Promise<void> {
  const complaints: string[] = [];
  const tryTo = async (...steps: readonly Promise<unknown>[]): Promise<void> => {
    for (const result of await Promise.allSettled(steps)) {
      // `instanceof` fails across realms
      if (result.status === 'rejected') complaints.push((result.reason as Error).message);
    }
  };
  for (const client of clients) client.terminate();
  await tryTo(settled(bridge, leaveMs), leftAlone(provider));
  await tryTo(within(bridge.bridge.close(), 'the bridge to close', leaveMs));
  // A bridge that waits for a request nobody ends closes now, since the request's connection is gone.
  await provider.close();
  await tryTo(within(bridge.bridge.close(), 'the bridge to close after its provider', leaveMs));
  const mistakes = bridge.logs().filter(({ event }) => event === 'bridge.mistake');
  if (mistakes.length > 0) complaints.push(`the bridge made mistakes: ${JSON.stringify(mistakes)}`);
  await tryTo(bridge.close());
  if (complaints.length > 0) throw new Error(`a scene was left in disorder: ${complaints.join('; ')}`);
}

/** Resolves when the provider works for nobody any more. */
async function leftAlone({ requests }: ScriptedProvider): Promise<void> {
  const open = new Set<RecordedRequest>(requests);
  for (const request of requests) void request.closed.then(() => open.delete(request));
  await until(() => open.size === 0, 'every request at the provider to end', leaveMs).catch(() => {
    const names = [...open].map(({ number, method, path }) => `request ${number} (${method} ${path})`);
    throw new Error(`the provider still works for ${names.join(', ')}`);
  });
}

/** Resolves when nothing runs any more and every byte was given back. */
export async function settled({ bridge }: TestBridge, timeoutMs?: number): Promise<void> {
  await until(() => bridge.connections === 0, 'all connections to be gone', timeoutMs).catch(() => {
    throw new Error(`${bridge.connections} connections or HTTP requests are still open`);
  });
  await until(
    () => Object.values(bridge.usedBytes).every((bytes) => bytes === 0),
    'every budget to be given back',
    timeoutMs,
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
