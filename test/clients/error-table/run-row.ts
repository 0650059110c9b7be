/** Makes a row of the error table happen to the real Codex CLI, and says what came of it. */
import { fakeProvider } from '../../harness/fake-provider.ts';
import type { RecordedRequest } from '../../../src/scripted/recorded-request.ts';
import { startBridge, type RouteWishes } from '../../harness/bridge.ts';
import { openFlakyProxy } from '../../harness/flaky-proxy.ts';
import { routeFile } from '../../protocol/scene.ts';
import { openAppServer, type Notification } from '../codex-app-server.ts';
import { codexExec, type CodexRun, type JsonObject } from '../codex-exec.ts';
import { openCodexHome, type CodexHome } from '../codex-home.ts';
import { openClientTap } from '../client-tap.ts';
import { goodAnswer, type Arrangement, type Stage } from './fault-row.ts';
import { observe, type Observation, type Shown } from './observe.ts';

/** What a row came to, and how each turn that the provider was asked for came to it. */
export type RowRun = Observation & { readonly cameBy: readonly RecordedRequest['via'][] };

/** Runs one arrangement. Everything it opened is closed when it resolves. */
export async function runRow(arrangement: Arrangement): Promise<RowRun> {
  await using stack = new AsyncDisposableStack();
  let asked = 0;
  const provider = stack.use(
    await fakeProvider(
      () => arrangement.provider?.((asked += 1)) ?? [{ text: goodAnswer }],
      arrangement.webSocket && { webSocket: arrangement.webSocket },
    ),
  );
  const url = (await arrangement.providerUrl?.(stack)) ?? provider.url;
  const routes = routeFile(url, routeOf(arrangement), arrangement.secrets);
  const options = { routes, ...arrangement.bridge };
  const bridge = stack.use(await startBridge(options));
  const flaky = arrangement.hasNetwork ? stack.use(await openFlakyProxy(bridge.port)) : undefined;
  const tap = stack.use(await openClientTap(flaky?.port ?? bridge.port));
  const home = stack.use(await openCodexHome({ baseUrl: tap.url, ...arrangement.codex }));
  const stage: Stage = {
    provider,
    bridge,
    tap,
    routes,
    get network() {
      if (flaky === undefined) throw new Error('this arrangement has no network');
      return flaky;
    },
    openNext: async () => stack.use(await startBridge({ ...options, routes })),
    own: (resource) => stack.use(resource),
  };
  await arrangement.before?.(stage);
  const running = arrangement.between
    ? twoTurns(home, arrangement.between, stage)
    : oneTurn(home, arrangement.prompt);
  const [shown] = await Promise.all([running, arrangement.meanwhile?.(stage)]);
  return { ...observe(tap, shown), cameBy: provider.requests.filter(isAsked).map(({ via }) => via) };
}

/** Whoever speaks WebSocket is asked for it, unless the row says otherwise. */
function routeOf({ webSocket, route }: Arrangement): RouteWishes | undefined {
  if (webSocket === undefined) return route;
  return { ...route, provider: { transport: 'Auto', ...route?.provider } };
}

/** A turn: neither a warm-up nor another path. */
function isAsked({ path, body }: RecordedRequest): boolean {
  return path.endsWith('/responses') && body['generate'] !== false;
}

async function oneTurn(home: CodexHome, prompt = 'Say it.'): Promise<Shown> {
  const run = await codexExec(home, prompt);
  return { hasFailed: run.exitCode !== 0, complaints: complaintsOf(run), answers: answersOf(run), turns: 1 };
}

function complaintsOf({ events }: CodexRun): readonly string[] {
  return events.flatMap((event) => {
    const item = event['item'] as JsonObject | undefined;
    if (event['type'] === 'error') return [String(event['message'])];
    if (event['type'] === 'turn.failed') return [String((event['error'] as JsonObject)['message'])];
    if (event['type'] === 'item.completed' && item?.['type'] === 'error') return [String(item['message'])];
    return [];
  });
}

function answersOf({ events }: CodexRun): readonly string[] {
  return events.flatMap((event) => {
    const item = event['item'] as JsonObject | undefined;
    return event['type'] === 'item.completed' && item?.['type'] === 'agent_message'
      ? [String(item['text'])]
      : [];
  });
}

/** The answers are those of the second turn: the first one is undisturbed. */
async function twoTurns(
  home: CodexHome,
  between: (stage: Stage) => Promise<void>,
  stage: Stage,
): Promise<Shown> {
  await using codex = await openAppServer(home);
  const first = await codex.turn('First');
  if (first.status !== 'completed') throw new Error(`the first turn failed: ${JSON.stringify(first.error)}`);
  await between(stage);
  const second = await codex.turn('Second');
  return {
    hasFailed: second.status !== 'completed',
    complaints: codex.notifications.flatMap(complaintIn),
    answers: second.text === '' ? [] : [second.text],
    turns: 2,
  };
}

function complaintIn({ method, params }: Notification): readonly string[] {
  if (method === 'error') return [String((params['error'] as JsonObject)['message'])];
  return method === 'warning' ? [String(params['message'])] : [];
}
