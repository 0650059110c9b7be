/** The real Codex through the bridge to a provider's own WebSocket: the same conversations as over HTTP, byte for byte. */
import { describe, expect, test } from '@jest/globals';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import { openAppServer, type EndedTurn } from './codex-app-server.ts';
import { codexExec, complaints } from './codex-exec.ts';
import type { CodexHome } from './codex-home.ts';
import { textOf, wholeInputOf } from './comparable.ts';
import { runDirect, type RunOptions } from './run-direct.ts';
import { heardTexts, runOverSockets, type SocketRun } from './run-over-sockets.ts';
import { answerScript, compactionScript, echoScript, subAgentScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

const prompt = 'Run echo hi and report.';

/** What the user saw at the end of each turn. */
type Shown = readonly unknown[];

async function shownByExec(home: CodexHome): Promise<Shown> {
  const run = await codexExec(home, prompt);
  return [run.exitCode, run.lastMessage, complaints(run), run.events.map(({ type }) => type)];
}

/** Turns in one process. `compact` is a compaction, an object what changes with the turn. */
function shownByTurns(...questions: readonly (string | object)[]) {
  return async (home: CodexHome): Promise<Shown> => {
    await using codex = await openAppServer(home);
    const ended: (EndedTurn | string)[] = [];
    for (const question of questions) {
      if (question === 'compact') ended.push((await codex.compact()).status);
      else if (typeof question === 'string') ended.push(await codex.turn(question));
      else ended.push(await codex.turn('And this?', { ...question }));
    }
    return [ended, codex.notifications.filter(({ method }) => method === 'error')];
  };
}

const v2 = 'capabilities = { remote_compaction = "v2" }';

const conversations: readonly [
  name: string,
  options: RunOptions,
  drive: (home: CodexHome) => Promise<Shown>,
][] = [
  ['gpt-5.5 with a tool call', { script: () => echoScript }, shownByExec],
  [
    'gpt-6.1-sol, a lite model, with a tool call',
    { script: () => echoScript, home: { model: 'gpt-6.1-sol' } },
    shownByExec,
  ],
  ['three turns', { script: () => answerScript }, shownByTurns('First', 'Second', 'Third')],
  ['two turns with a tool call each', { script: () => echoScript }, shownByTurns('First', 'Second')],
  [
    'another effort, then another model',
    { script: () => answerScript },
    shownByTurns('First', { effort: 'high' }, { model: 'a-model-of-ones-own' }),
  ],
  [
    'a compaction on the client',
    { script: () => compactionScript },
    shownByTurns('First', 'compact', 'After it'),
  ],
  [
    'a compaction by a trigger item',
    { script: () => compactionScript, home: { providerLines: [v2] } },
    shownByTurns('First', 'compact', 'After it'),
  ],
];

describe.each(conversations)('%s', (_, options, drive) => {
  test('its user sees what is seen over HTTP, its model reads the same, and nobody changed a byte', async () => {
    const direct = await runDirect(options, drive);
    const run = await runOverSockets(options, drive);

    expect(run.result).toEqual(direct.result);
    expect(run.requests.map(gistOf)).toEqual(direct.requests.map(gistOf));
    expectUntouched(run);
    expect(run.far.map(({ isWebSocket }) => isWebSocket)).toEqual(run.near.map(() => true));
  });
});

test('a sub-agent has a socket of its own at the provider, as it has one here', async () => {
  const options = { script: () => subAgentScript, home: { model: 'a-model-of-ones-own' } };
  const run = await runOverSockets(options, (home) => codexExec(home, prompt));

  expect(run.result).toMatchObject({ exitCode: 0, lastMessage: 'The parent is done' });
  expect(run.far).toHaveLength(2);
  expectUntouched(run);
});

test('ten turns need one dial, and not one byte of them is changed', async () => {
  const questions = Array.from({ length: 10 }, (_, index) => `Question ${index}`);
  const run = await runOverSockets({ script: () => answerScript }, shownByTurns(...questions));

  expect(run.result).toMatchObject([
    questions.map((question) => ({ status: 'completed', text: `Answer to: ${question}` })),
    [],
  ]);
  expect(run.near).toHaveLength(1);
  expect(run.far.map(({ requestLine }) => requestLine)).toEqual(['GET /v1/responses HTTP/1.1']);
  // the warm-up and ten turns, each with nothing but what is new
  const frames = run.far[0]?.frames ?? [];
  expect(frames).toHaveLength(11);
  expect(frames.slice(2).map(({ input }) => (input as unknown[]).length)).toEqual(Array(9).fill(1));
  expectUntouched(run);
});

/** Every text of either side is the same on both legs, in the same order. */
function expectUntouched({ near, far }: SocketRun<unknown>): void {
  const asked = (connections: typeof near): string[] =>
    connections.map(({ texts }) => texts.join('\n')).sort();
  const told = (connections: typeof near): string[] =>
    connections.map((one) => heardTexts(one).join('\n')).sort();
  expect(asked(near).join('').length).toBeGreaterThan(1_000);
  expect(asked(far)).toEqual(asked(near));
  expect(told(far)).toEqual(told(near));
}

/** What a model reads, apart from ids: whether they are new or old is the transport's affair. */
function gistOf(request: RecordedRequest): unknown {
  const { model, instructions, tools, reasoning, store } = request.context;
  const items = wholeInputOf(request).map((item) => [item['type'], item['role'], textOf(item), item['name']]);
  return { model, instructions, tools, reasoning, store, items: items.map(withoutMoment) };
}

/** Folders and times are the run's own. */
function withoutMoment(item: readonly unknown[]): unknown {
  return JSON.parse(JSON.stringify(item).replaceAll(/turnbridge-codex-[^/"\\<]+/g, '<root>')) as unknown;
}
