/** `codex exec` through the bridge, compared with the same run straight to the provider over HTTP. */
import { describe, expect, test } from '@jest/globals';
import { inputOf, textOf, type ComparableRequest } from './comparable.ts';
import { codexExec, complaints, type CodexRun, type JsonObject } from './codex-exec.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { Run } from './run-direct.ts';
import { runBoth } from './run-both.ts';
import { echoScript, subAgentScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

const prompt = 'Run echo hi and report.';

describe('a run with a tool call', () => {
  test('gpt-5.5: the provider gets, request by request, what Codex sends over HTTP', async () => {
    const { direct, bridged } = await runBoth({ script: () => echoScript }, (home) =>
      codexExec(home, prompt),
    );

    expectGoodEcho(bridged.result);
    expect(bridged.requests).toHaveLength(2);
    expect(bridged.comparable).toEqual(direct.comparable);
  });

  test('gpt-5.5: the base instructions reach the model once, although the warm-up alone carried them', async () => {
    const { bridged } = await runBoth({ script: () => echoScript }, (home) => codexExec(home, prompt));

    const [socket, ...more] = bridged.connections;
    expect(more).toEqual([]);
    const frames = socket?.frames ?? [];
    expect(frames.map(({ generate }) => generate)).toEqual([false, undefined, undefined]);
    const instructions = JSON.stringify(frames[0]?.['input']).slice(1, -1);
    expect(instructions).toContain('You are Codex');
    for (const request of bridged.requests) {
      expect(JSON.stringify(request.body['input']).split(instructions)).toHaveLength(2);
    }
  });

  test('gpt-6.1-sol, a lite model: empty warm-up, tools in the input, a custom tool call', async () => {
    const options = { script: () => echoScript, home: { model: 'gpt-6.1-sol' } };
    const { direct, bridged } = await runBoth(options, (home) => codexExec(home, prompt));

    expectGoodEcho(bridged.result);
    expect(bridged.connections[0]?.frames[0]).toMatchObject({ generate: false, input: [] });
    expect(inputOf(bridged.requests[0])[0]?.['type']).toBe('additional_tools');
    for (const { headers } of bridged.requests) {
      expect(headers['x-openai-internal-codex-responses-lite']).toBe('true');
    }
    expect(bridged.comparable).toEqual(direct.comparable);
  });
});

test('a sub-agent works on a socket of its own while its parent waits', async () => {
  const options = { script: () => subAgentScript, home: { model: 'a-model-of-ones-own' } };
  const { direct, bridged } = await runBoth(options, (home) => codexExec(home, prompt));

  expect(bridged.result).toMatchObject({ exitCode: 0, lastMessage: 'The parent is done' });
  expect(complaints(bridged.result)).toEqual(complaints(direct.result)); // both: the model is unknown to Codex
  expect(bridged.connections.map(({ isWebSocket }) => isWebSocket)).toEqual([true, true]);

  const [ofParent, ofChild] = byThread(bridged);
  expect(ofParent.length).toBeGreaterThanOrEqual(3);
  expect(ofChild).toHaveLength(1);
  expect(textOf(inputOf(ofChild[0]).at(-1))).toBe('SUBTASK: do it');
  expect(ofChild[0]?.headers['session-id']).toBe(ofParent[0]?.headers['session-id']);
  expect(ofChild[0]?.headers['x-codex-parent-thread-id']).toBe(ofParent[0]?.headers['thread-id']);
  const [directParent, directChild] = byThread(direct);
  expect(spawnToWait(bridged.comparableOf(ofParent))).toEqual(spawnToWait(direct.comparableOf(directParent)));
  expect(bridged.comparableOf(ofChild)).toEqual(direct.comparableOf(directChild));
});

/** Parent and child run at the same time: which request comes first is not for us to say. */
function byThread({
  requests,
}: Run<unknown>): readonly [parent: RecordedRequest[], child: RecordedRequest[]] {
  const isChild = ({ headers }: RecordedRequest): boolean => headers['x-openai-subagent'] !== undefined;
  return [requests.filter((request) => !isChild(request)), requests.filter(isChild)];
}

/**
 * The parent's requests until it has heard of its child. Codex may tell it a second time, by a message of its own;
 * whether that still goes into the third request or makes a fourth is a race within Codex.
 */
function spawnToWait(requests: readonly ComparableRequest[]): readonly ComparableRequest[] {
  return requests.slice(0, 3).map((request) => {
    const body = request.body as { readonly input: readonly JsonObject[] };
    const input = body.input.filter((item) => !textOf(item).startsWith('<subagent_notification>'));
    return { ...request, body: { ...body, input } };
  });
}

function expectGoodEcho(run: CodexRun): void {
  expect(complaints(run)).toEqual([]);
  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
  expect(run.events.map(({ type }) => type)).toEqual([
    'thread.started',
    'turn.started',
    'item.started',
    'item.completed',
    'item.completed',
    'turn.completed',
  ]);
  expect(run.events[3]).toMatchObject({
    item: { type: 'command_execution', aggregated_output: 'hi\n', exit_code: 0 },
  });
}
