/** A run of the real Codex straight to its provider over HTTP: what every other run is compared with. */
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openCodexHome, type CodexHome, type CodexHomeOptions } from './codex-home.ts';
import { comparable, type ComparableRequest } from './comparable.ts';

/** A run and what it left at the provider. */
export interface Run<Result> {
  readonly result: Result;
  readonly requests: readonly RecordedRequest[];
  /** The same requests, made comparable with those of another run. */
  readonly comparable: readonly ComparableRequest[];
  /** Some of them, made comparable by themselves: for runs whose order is not all theirs. */
  comparableOf(requests: readonly RecordedRequest[]): readonly ComparableRequest[];
}

export interface RunOptions {
  /** Asked for each run: a script that counts must begin anew. */
  readonly script: () => ScriptLike;
  readonly home?: Partial<CodexHomeOptions>;
}

/** Codex and the provider, nothing in between. `drive` does with a Codex home what the test is about. */
export async function runDirect<Result>(
  options: RunOptions,
  drive: (home: CodexHome) => Promise<Result>,
): Promise<Run<Result>> {
  await using provider = await fakeProvider(options.script());
  await using home = await openCodexHome({ ...options.home, baseUrl: provider.url, webSocket: false });
  const result = await drive(home);
  return {
    result,
    requests: provider.requests,
    comparable: comparable(provider.requests, home),
    comparableOf: (requests) => comparable(requests, home),
  };
}
