/**
 * Faults whose test looks at more than the error table (error-table/): what the provider is sent afterwards, and what
 * the bridge cannot or must not remember.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { routeTo, startBridge, type RouteWishes } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openAppServer } from './codex-app-server.ts';
import { codexExec, complaints } from './codex-exec.ts';
import { openCodexHome } from './codex-home.ts';
import { openClientTap, type TappedConnection } from './client-tap.ts';
import { comparable, inputOf } from './comparable.ts';
import { runDirect } from './run-direct.ts';
import { answerScript, echoScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

test('a stream that is cut while tools are used: the same question goes again, the command runs once', async () => {
  await using provider = await fakeProvider((request) =>
    request.number === 1 ? 'cut' : echoScript(request),
  );
  await using bridge = await startBridge({ routes: routeTo(provider.url) });
  await using home = await openCodexHome({ baseUrl: bridge.url });
  const run = await codexExec(home, 'Run echo hi and report.');

  expect(complaints(run)).toEqual([]);
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
  // the same question again, the tool's output, and nothing more
  const [first, second, ...more] = provider.requests.map(inputOf);
  expect(second).toEqual(first);
  expect(more).toHaveLength(1);
});

test('a stream that ends after a finished tool call: the command runs once, its output goes along', async () => {
  const cmd = 'echo once >> ran.txt; echo hi';
  await using provider = await fakeProvider((request) =>
    request.number === 1
      ? [{ toolCall: { name: 'exec_command', arguments: { cmd } } }, { end: true }]
      : echoScript(request),
  );
  await using bridge = await startBridge({ routes: routeTo(provider.url) });
  await using home = await openCodexHome({ baseUrl: bridge.url });
  const run = await codexExec(home, 'Run echo hi and report.');

  expect(complaints(run)).toEqual([]);
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
  expect(await readFile(join(home.work, 'ran.txt'), 'utf8')).toBe('once\n');
  const items = provider.requests.map((request) =>
    inputOf(request)
      .slice(-2)
      .map(({ type }) => type),
  );
  expect(items.slice(1)).toEqual([['function_call', 'function_call_output']]);
});

describe('what the bridge cannot or must not remember', () => {
  test('a transcript over its budget: Codex sends everything, unseen by its user', async () => {
    const { sockets, notices } = await threeTurns({ continuation: { maxBytesPerConnection: 1_024 } });
    expect(notices).not.toContain('error');
    expect(
      sockets.flatMap(({ frames }) => frames).map((frame) => typeof frame['previous_response_id']),
    ).toContain('undefined');
  });

  test('mode Stateless: Codex sends everything each time, on the same socket', async () => {
    const { sockets, notices } = await threeTurns({ continuation: { mode: 'Stateless' } });
    expect(notices).not.toContain('error');
    expect(sockets).toHaveLength(1);
    for (const frame of sockets[0]?.frames ?? []) expect(frame).not.toHaveProperty('previous_response_id');
  });
});

test('Passthrough: the key of the client reaches the provider, and nothing but what HTTP would bring', async () => {
  await using provider = await fakeProvider(echoScript);
  const passthrough = { type: 'Passthrough' };
  await using bridge = await startBridge({
    routes: routeTo(provider.url, { clients: { auth: passthrough }, provider: { auth: passthrough } }),
  });
  await using home = await openCodexHome({ baseUrl: bridge.url, apiKey: 'the-key-of-this-user' });
  expect(await codexExec(home, 'Run echo hi and report.')).toMatchObject({ exitCode: 0 });
  for (const { headers } of provider.requests) {
    expect(headers['authorization']).toBe('Bearer the-key-of-this-user');
    expect(headers).not.toHaveProperty('openai-beta');
  }
});

/** Three turns behind a route of some kind; what the provider gets must be what it gets over HTTP, whatever the kind. */
async function threeTurns(
  route: RouteWishes,
): Promise<{ sockets: readonly TappedConnection[]; notices: readonly string[] }> {
  await using provider = await fakeProvider(answerScript);
  await using bridge = await startBridge({ routes: routeTo(provider.url, route) });
  await using tap = await openClientTap(bridge.port);
  await using home = await openCodexHome({ baseUrl: tap.url });
  await using codex = await openAppServer(home);
  const questions = ['First', 'Second', 'Third'];
  for (const question of questions) {
    expect(await codex.turn(question)).toMatchObject({ status: 'completed', text: `Answer to: ${question}` });
  }
  const direct = await runDirect({ script: () => answerScript }, async (at) => {
    await using alone = await openAppServer(at);
    for (const question of questions) await alone.turn(question);
  });
  expect(provider.requests.map(inputOf).map(({ length }) => length)).toEqual([4, 6, 8]);
  expect(comparable(provider.requests, home)).toEqual(direct.comparable);
  return { sockets: tap.sockets, notices: codex.notifications.map(({ method }) => method) };
}
