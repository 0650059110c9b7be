/** The real Codex, a bridge, and a provider that speaks WebSocket; both legs are tapped, so that their texts can be compared. */
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { WebSocketSettings } from '../../src/scripted/websocket-settings.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openClientTap, type TappedConnection } from './client-tap.ts';
import { openCodexHome, type CodexHome } from './codex-home.ts';
import type { RunOptions } from './run-direct.ts';

/** A run, and what was said on its two legs. */
export interface SocketRun<Result> {
  readonly result: Result;
  /** Of turns: warm-ups are left out. */
  readonly requests: readonly RecordedRequest[];
  /** Between Codex and the bridge. */
  readonly near: readonly TappedConnection[];
  /** Between the bridge and the provider. */
  readonly far: readonly TappedConnection[];
  /** Texts of the events on a leg's connections, each with its connection's. */
  readonly log: readonly Record<string, unknown>[];
}

/** What a test may want different of the route's provider and of the provider itself. */
export interface SocketRunOptions extends RunOptions {
  readonly route?: Record<string, unknown>;
  readonly webSocket?: WebSocketSettings;
}

/** Drives Codex through a bridge whose route says `transport: Auto` unless `route` says otherwise. */
export async function runOverSockets<Result>(
  { script, home: wishes, route, webSocket = {} }: SocketRunOptions,
  drive: (home: CodexHome) => Promise<Result>,
): Promise<SocketRun<Result>> {
  await using provider = await fakeProvider(script(), { webSocket });
  await using farTap = await openClientTap(provider.port);
  const toProvider = { transport: 'Auto', ...route };
  await using bridge = await startBridge({ routes: routeTo(farTap.url, { provider: toProvider }) });
  await using nearTap = await openClientTap(bridge.port);
  await using home = await openCodexHome({ ...wishes, baseUrl: nearTap.url });
  const result = await drive(home);
  return {
    result,
    requests: provider.requests.filter(({ body }) => body['generate'] !== false),
    near: nearTap.connections,
    far: farTap.connections,
    log: bridge.logs(),
  };
}

/** The texts that came from the other side of a connection, in order. */
export function heardTexts({ heard }: TappedConnection): readonly string[] {
  return heard.flatMap((one) => (one.kind === 'frame' ? [one.text] : []));
}
