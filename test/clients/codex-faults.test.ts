/** What goes wrong between bridge and provider, and how the real Codex takes what the bridge makes of it. */
import { describe, expect, test } from '@jest/globals';
import type { AnswerLike } from '../../src/scripted/script.ts';
import { routeTo, startBridge, type RouteWishes, type StartOptions } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openAppServer } from './codex-app-server.ts';
import { codexExec, complaints, type CodexRun } from './codex-exec.ts';
import { openCodexHome, type CodexHomeOptions } from './codex-home.ts';
import { openClientTap, type TappedConnection } from './client-tap.ts';
import { comparable, inputOf } from './comparable.ts';
import { runDirect } from './run-direct.ts';
import { answerScript, echoScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

describe('a fault that a retry mends: the user sees the answer and nothing else', () => {
  test.each<[string, AnswerLike]>([
    ['a stream cut without its end', 'cut'],
    ['a reset in mid stream', 'reset'],
    ['429 with retry-after', 'rate-limited'],
    ['503 server_is_overloaded, which is fatal to Codex without a time to wait', 'overloaded'],
    [
      '503 with retry-after',
      {
        status: {
          code: 503,
          headers: { 'retry-after': '1' },
          body: { error: { message: 'try again', type: 'server_error', code: null } },
        },
      },
    ],
    [
      '500',
      { status: { code: 500, body: { error: { message: 'oops', type: 'server_error', code: null } } } },
    ],
    ['an HTML page of a proxy', 'html'],
  ])('%s', async (_, fault) => {
    const { run, requests } = await execWithFault((number) => (number === 1 ? fault : undefined));

    expect(complaints(run)).toEqual([]);
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
    // the same question again, the tool's output, and nothing more
    expect(requests).toHaveLength(3);
    expect(requests[1]).toEqual(requests[0]);
  });
});

describe('a fault that no retry mends: the turn fails at once with the provider’s own words', () => {
  test.each([['bad-request'], ['quota']])('%s', async (fault) => {
    const { run, requests } = await execWithFault(() => fault);

    expect(run.exitCode).toBe(1);
    expect(run.events.at(-1)).toMatchObject({ type: 'turn.failed' });
    expect(requests).toHaveLength(1);
    expect(run.ms).toBeLessThan(3_000); // five retries would take six seconds
  });

  test('bad-request: the message is the one that the provider wrote', async () => {
    const message = 'The model does not take images of cats.';
    const error = { message, type: 'invalid_request_error', param: null, code: 'no_cats' };
    const { run } = await execWithFault(() => ({ status: { code: 400, body: { error } } }));
    expect(JSON.stringify(run.events.at(-1))).toContain(message);
  });
});

test('a provider that thinks for longer than Codex would wait: the keep-alive bridges it', async () => {
  const { run, requests } = await execWithFault(
    (number) => (number === 1 ? [{ wait: 3_000 }, { text: 'Thought about it' }] : undefined),
    { settings: { keepaliveMs: 500 } },
    { streamIdleTimeoutMs: 1_500 },
  );
  expect(complaints(run)).toEqual([]);
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Thought about it' });
  expect(requests).toHaveLength(1);
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

/** A run with a tool call whose n-th request meets a fault, if one is named for it. */
async function execWithFault(
  fault: (requestNumber: number) => AnswerLike | undefined,
  bridgeOptions: Partial<StartOptions> = {},
  homeOptions: Partial<CodexHomeOptions> = {},
): Promise<{ run: CodexRun; requests: readonly unknown[] }> {
  await using provider = await fakeProvider((request) => fault(request.number) ?? echoScript(request));
  await using bridge = await startBridge({ routes: routeTo(provider.url), ...bridgeOptions });
  await using home = await openCodexHome({ ...homeOptions, baseUrl: bridge.url });
  const run = await codexExec(home, 'Run echo hi and report.');
  return { run, requests: provider.requests.map(({ body }) => body['input']) };
}

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
