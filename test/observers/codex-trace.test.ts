/** Codex's own trace and ours are one, in a real Jaeger: who waited for whom can be read from it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openAppServer, type AppServer } from '../clients/codex-app-server.ts';
import { codexExec, complaints } from '../clients/codex-exec.ts';
import { echoScript } from '../clients/scripts.ts';
import { useClients } from '../clients/use-clients.ts';
import { textAnswer } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import type { AnswerFunction, Step } from '../../src/scripted/script.ts';
import { lineage, openCodexScene, spansOfTurn, toTrace } from './codex-scene.ts';
import { openJaeger, type Jaeger } from './jaeger.ts';
import type { ObservedSpan } from './jaeger-trace.ts';
import { useJaeger } from './use-observers.ts';

useClients();
useJaeger();

let jaeger: Jaeger;
beforeAll(async () => {
  jaeger = await openJaeger();
});
afterAll(() => jaeger.close());

describe('codex exec, with a tool call', () => {
  test('one trace leads from the user to both attempts at the provider', async () => {
    await using scene = await openCodexScene({ jaeger, script: echoScript });
    const run = await codexExec(scene.home, 'Run echo hi and report.');
    expect(complaints(run)).toEqual([]);
    expect(run.lastMessage).toBe('All done: hi');

    const first = await scene.traceOfTurn(1);
    const second = await scene.traceOfTurn(2);
    expect(second.traceId).toBe(first.traceId);
    for (const asked of [first, second]) {
      const { codex, turn, chat, attempts } = await spansOfTurn(jaeger, asked);
      const [attempt, ...more] = attempts;
      expect(more).toEqual([]);
      // those above end later, and come later
      const trace = await jaeger.waitForTrace(
        asked.traceId,
        (seen) =>
          lineage(seen, attempt as ObservedSpan).length >= 8 &&
          seen.spans.some(({ name }) => name === 'turn/start'),
      );
      // Codex may end before it has ended the spans above these: a race of its own
      expect(
        lineage(trace, attempt as ObservedSpan)
          .slice(0, 8)
          .map(toLabel),
      ).toEqual([
        'turnbridge client POST /v1/responses',
        'turnbridge client chat gpt-5.5',
        'turnbridge server response.create',
        'codex_exec internal stream_request',
        'codex_exec internal try_run_sampling_request',
        'codex_exec internal run_sampling_request',
        'codex_exec internal run_turn',
        'codex_exec internal session_task.run',
      ]);
      expect(trace.spans.map(toLabel)).toContain('codex_exec server turn/start');
      expectNested([turn, chat, attempt as ObservedSpan]);
      // two processes, two readings of one clock
      expect(turn.startUs).toBeGreaterThan(codex.startUs - 5_000);
      expect(turn.attributes).toMatchObject({
        'turnbridge.outcome': 'completed',
        'turnbridge.client.kind': 'codex',
        'turnbridge.codex.request_kind': 'turn',
        'turnbridge.attempts': 1,
      });
      expect([turn, chat, attempt].map((span) => span?.status)).toEqual(['unset', 'unset', 'unset']);
    }
  });

  test('the warm-up is part of the trace of its own start, and marked', async () => {
    await using scene = await openCodexScene({ jaeger, script: echoScript });
    await codexExec(scene.home, 'Run echo hi and report.');
    const [warmup] = scene.tap.sockets[0]?.frames ?? [];
    expect(warmup).toMatchObject({ generate: false });
    const { traceId, spanId } = toTrace(warmup ?? {});
    const ours = ({ parentId, service }: ObservedSpan): boolean =>
      parentId === spanId && service === 'turnbridge';
    const trace = await jaeger.waitForTrace(
      traceId,
      ({ spans }) => spans.some(ours) && spans.some((span) => span.spanId === spanId),
    );

    expect(trace.spans.filter(ours)).toMatchObject([
      {
        kind: 'server',
        status: 'unset',
        attributes: { 'turnbridge.warmup': true, 'turnbridge.codex.request_kind': 'prewarm' },
      },
    ]);
    expect(toLabel(trace.spans.find((span) => span.spanId === spanId) as ObservedSpan)).toBe(
      'codex_exec internal startup_prewarm',
    );
    expect((await scene.traceOfTurn(1)).traceId).not.toBe(traceId);
  });

  test('a client that speaks plain HTTP is the parent by its header', async () => {
    await using scene = await openCodexScene({ jaeger, script: echoScript, home: { webSocket: false } });
    const run = await codexExec(scene.home, 'Run echo hi and report.');
    expect(run.lastMessage).toBe('All done: hi');

    const isServer = (span: ObservedSpan): boolean => isOurs(span) && span.kind === 'server';
    const search = {
      service: 'turnbridge',
      operation: 'POST /v1/responses',
      tags: { 'span.kind': 'server' }, // attempts of other tests have the same name
    };
    const [found] = await until(
      async () => {
        const traces = await jaeger.findTraces(search);
        return traces.length > 0 && traces;
      },
      'the trace',
      20_000,
    );
    const trace = await jaeger.waitForTrace(found?.traceId ?? '', (seen) => {
      const turns = seen.spans.filter(isServer);
      return turns.length === 2 && turns.every((turn) => lineage(seen, turn).length >= 3);
    });
    for (const turn of trace.spans.filter(isServer)) {
      expect(lineage(trace, turn).slice(0, 3).map(toLabel)).toEqual([
        'turnbridge server POST /v1/responses',
        'codex_exec internal endpoint_session.stream_encoded_json_with',
        'codex_exec internal responses.stream_request',
      ]);
      expect(turn).toMatchObject({ status: 'unset', attributes: { 'turnbridge.outcome': 'completed' } });
    }
  });
});

describe('a turn that does not end well', () => {
  const beginning: readonly Step[] = [{ text: 'This will never be', unfinished: true }];
  /** No end of its own; what follows it is answered. */
  const endless: AnswerFunction = ({ number }) =>
    number === 1 ? [...beginning, { stall: true }] : textAnswer('Answer after that');
  const always =
    (...steps: Step[]): AnswerFunction =>
    () =>
      steps;

  test('an answer that new input interrupts is cancelled, which is nobody’s error', async () => {
    await using scene = await openCodexScene({ jaeger, script: endless, home: { model: 'gpt-6.1-sol' } });
    await using codex = await openAppServer(scene.home);
    const turn = await codex.startTurn('Tell a long story');
    await heardText(codex, 'This will never be');
    await codex.steer(turn, 'Stop and say bye');
    expect(await codex.endOfTurn(turn)).toMatchObject({ text: 'Answer after that' });

    const seen = await spansOfTurn(jaeger, await scene.traceOfTurn(1));
    expect(verdict(seen)).toEqual({
      outcome: 'cancelled',
      errorType: undefined,
      turn: 'unset',
      chat: 'unset',
      attempts: ['unset'],
    });
    expect(seen.turn.events.map(({ name }) => name)).toContain('cancel_received');
  });

  test('a turn whose user presses Escape is disconnected, which is nobody’s error', async () => {
    await using scene = await openCodexScene({ jaeger, script: endless });
    await using codex = await openAppServer(scene.home);
    const turn = await codex.startTurn('Tell a long story');
    await heardText(codex, 'This will never be');
    await codex.interrupt(turn);
    await codex.endOfTurn(turn);

    expect(verdict(await spansOfTurn(jaeger, await scene.traceOfTurn(1)))).toEqual({
      outcome: 'disconnected',
      errorType: undefined,
      turn: 'unset',
      chat: 'unset',
      attempts: ['unset'],
    });
  });

  test('a turn that a shutdown cuts is drained, and its spans arrive before the process has left', async () => {
    await using scene = await openCodexScene({
      jaeger,
      script: always(...beginning, { stall: true }),
      home: noRetries,
      flags: ['--drain-deadline=1', '--drain-linger=0'],
    });
    await using codex = await openAppServer(scene.home);
    await codex.startTurn('Tell a long story');
    await heardText(codex, 'This will never be');
    await scene.bridge.stop();

    const { turn } = await spansOfTurn(jaeger, await scene.traceOfTurn(1));
    expect(turn).toMatchObject({ status: 'error', attributes: { 'turnbridge.outcome': 'drained' } });
  });

  test('a provider that does not begin in time is a timeout, of turn and attempt', async () => {
    await using scene = await openCodexScene({
      jaeger,
      script: always({ open: true }, { stall: true }),
      route: { timeouts: { firstEventSeconds: 1 } },
      home: noRetries,
    });
    await using codex = await openAppServer(scene.home);
    expect(await codex.turn('Hello')).toMatchObject({ status: 'failed' });

    expect(verdict(await spansOfTurn(jaeger, await scene.traceOfTurn(1)))).toMatchObject({
      outcome: 'timeout',
      errorType: 'first_event_timeout',
      turn: 'error',
      chat: 'error',
      attempts: ['error'],
    });
  });

  test('a failure of the provider’s own is failed, with its code', async () => {
    await using scene = await openCodexScene({
      jaeger,
      script: always({ fail: { code: 'server_error', message: 'It broke.' } }),
      home: noRetries,
    });
    await using codex = await openAppServer(scene.home);
    expect(await codex.turn('Hello')).toMatchObject({ status: 'failed' });

    const seen = await spansOfTurn(jaeger, await scene.traceOfTurn(1));
    expect(verdict(seen)).toMatchObject({ outcome: 'failed', errorType: 'server_error', turn: 'error' });
    expect(JSON.stringify(seen.trace.spans.filter(isOurs))).not.toContain('It broke.');
  });

  test('a provider that refuses with 503 is a provider’s error, and the attempt says which', async () => {
    await using scene = await openCodexScene({
      jaeger,
      script: () => ({ status: { code: 503, body: { error: { code: 'no_room', message: 'No room.' } } } }),
      home: noRetries,
    });
    await using codex = await openAppServer(scene.home);
    expect(await codex.turn('Hello')).toMatchObject({ status: 'failed' });

    const seen = await spansOfTurn(jaeger, await scene.traceOfTurn(1));
    expect(verdict(seen)).toMatchObject({ outcome: 'provider_error', turn: 'error', chat: 'error' });
    for (const attempt of seen.attempts) {
      expect(attempt).toMatchObject({
        status: 'error',
        attributes: { 'http.response.status_code': 503, 'error.type': '503' },
      });
    }
  });
});

const noRetries = { requestMaxRetries: 0, streamMaxRetries: 0 };

const isOurs = ({ service }: ObservedSpan): boolean => service === 'turnbridge';

function toLabel({ service, kind, name }: ObservedSpan): string {
  return `${service} ${kind} ${name}`;
}

/** What an operator reads first. */
function verdict({ turn, chat, attempts }: Awaited<ReturnType<typeof spansOfTurn>>): object {
  return {
    outcome: turn.attributes['turnbridge.outcome'],
    errorType: turn.attributes['error.type'],
    turn: turn.status,
    chat: chat.status,
    attempts: attempts.map(({ status }) => status),
  };
}

/** Each begins and ends within the one before it. */
function expectNested(spans: readonly ObservedSpan[]): void {
  for (const [outer, inner] of spans.slice(1).map((span, index) => [spans[index], span] as const)) {
    if (outer === undefined) continue;
    expect(inner.startUs).toBeGreaterThanOrEqual(outer.startUs);
    expect(inner.startUs + inner.durationUs).toBeLessThanOrEqual(outer.startUs + outer.durationUs);
  }
}

async function heardText(codex: AppServer, text: string): Promise<void> {
  let heard = '';
  await codex.waitFor(`the text "${text}"`, ({ method, params }) => {
    if (method === 'item/agentMessage/delta') heard += String(params['delta']);
    return heard.includes(text);
  });
}
