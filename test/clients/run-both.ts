/** One script, run twice by the real Codex: straight to its provider over HTTP, and over a WebSocket to the bridge. */
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openClientTap, type TappedConnection } from './client-tap.ts';
import { openCodexHome, type CodexHome } from './codex-home.ts';
import { comparable } from './comparable.ts';
import { runDirect, type Run, type RunOptions } from './run-direct.ts';

export interface BridgedRun<Result> extends Run<Result> {
  /** What Codex opened, and the frames it sent. */
  readonly connections: readonly TappedConnection[];
}

/** `drive` does with a Codex home what the test is about; it is called twice, one after the other. */
export async function runBoth<Result>(
  options: RunOptions,
  drive: (home: CodexHome) => Promise<Result>,
): Promise<{ direct: Run<Result>; bridged: BridgedRun<Result> }> {
  return { direct: await runDirect(options, drive), bridged: await runBridged(options, drive) };
}

async function runBridged<Result>(
  options: RunOptions,
  drive: (home: CodexHome) => Promise<Result>,
): Promise<BridgedRun<Result>> {
  await using provider = await fakeProvider(options.script());
  await using bridge = await startBridge({ routes: routeTo(provider.url) });
  await using tap = await openClientTap(bridge.port);
  await using home = await openCodexHome({ ...options.home, baseUrl: tap.url });
  const result = await drive(home);
  return {
    result,
    requests: provider.requests,
    comparable: comparable(provider.requests, home),
    comparableOf: (requests) => comparable(requests, home),
    connections: tap.connections,
  };
}
