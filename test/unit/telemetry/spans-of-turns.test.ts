/** What becomes of a turn's facts as spans, where a whole bridge would hardly show it. */
import { describe, expect, test } from '@jest/globals';
import { RecentTraces } from '../../../src/telemetry/spans/recent-traces.ts';
import { TurnSpans } from '../../../src/telemetry/spans/turn-spans.ts';
import { turnAttributes, turnStatus } from '../../../src/telemetry/spans/turn-attributes.ts';
import { WallClock } from '../../../src/telemetry/spans/wall-clock.ts';
import type { AttemptRecord, TurnRecord } from '../../../src/turn/facts.ts';
import { attemptRecord, turnRecord } from './records.ts';
import { BEGAN_MS, recordSpans } from './span-recorder.ts';

function play(
  spans: TurnSpans,
  turn: TurnRecord,
  attempts: readonly AttemptRecord[],
  end: Partial<TurnRecord> = {},
) {
  spans.hear({ kind: 'turn.started', turn });
  for (const attempt of attempts) {
    spans.hear({ kind: 'attempt.started', turn, attempt });
    spans.hear({ kind: 'attempt.ended', turn, attempt });
  }
  spans.hear({ kind: 'turn.ended', turn: Object.assign(turn, end) });
}

test('a turn that failed first and succeeded then has two attempts below one inference, and only the first is an error', () => {
  const recorder = recordSpans();
  const attempts = [
    attemptRecord({ result: 'error', errorType: '429', status: 429, endedAt: 1200 }),
    attemptRecord({ number: 2, reason: 'failover', provider: 'other', startedAt: 1200 }),
  ];
  play(new TurnSpans(recorder.tools), turnRecord({ attempts: 2 }), attempts);
  const [first, second, chat, turn] = recorder.spans();
  expect([first, second, chat, turn].map((span) => [span?.name, span?.kind, span?.status])).toEqual([
    ['POST /v1/responses', 'CLIENT', 'ERROR'],
    ['POST /v1/responses', 'CLIENT', 'UNSET'],
    ['chat gpt-5.5', 'CLIENT', 'UNSET'],
    ['response.create', 'SERVER', 'UNSET'],
  ]);
  expect([first, second, chat].map((span) => span?.parentSpanId)).toEqual([
    chat?.spanId,
    chat?.spanId,
    turn?.spanId,
  ]);
  expect(attempts.map(({ trace }) => trace?.spanId)).toEqual([first?.spanId, second?.spanId]);
  expect(second?.attributes).toMatchObject({
    'turnbridge.attempt': 2,
    'turnbridge.attempt.reason': 'failover',
  });
  expect(chat?.attributes['turnbridge.attempts']).toBe(2);
});

test('a failed-over turn says so, from whom, to whom and why, and is no failure', () => {
  const recorder = recordSpans();
  const spans = new TurnSpans(recorder.tools);
  const turn = turnRecord({ attempts: 2 });
  const first = attemptRecord({
    provider: 'one',
    result: 'error',
    errorType: '503',
    status: 503,
    endedAt: 1200,
  });
  const second = attemptRecord({ provider: 'two', number: 2, reason: 'failover', startedAt: 1201 });
  spans.hear({ kind: 'turn.started', turn });
  spans.hear({ kind: 'attempt.started', turn, attempt: first });
  spans.hear({ kind: 'attempt.ended', turn, attempt: first });
  spans.hear({ kind: 'turn.failover', turn, from: 'one', to: 'two', cause: 'ServerError' });
  spans.hear({ kind: 'attempt.started', turn, attempt: second });
  spans.hear({ kind: 'attempt.ended', turn, attempt: second });
  spans.hear({ kind: 'turn.ended', turn });
  const [one, , chat, root] = recorder.spans();
  expect([one, chat, root].map((span) => span?.status)).toEqual(['ERROR', 'UNSET', 'UNSET']);
  expect(root?.attributes['turnbridge.failover']).toBe(true);
  expect(root?.attributes).not.toHaveProperty(['turnbridge.transport.fallback']);
  expect(root?.events.filter(({ name }) => name === 'failover')).toEqual([
    {
      name: 'failover',
      attributes: {
        'turnbridge.failover.from': 'one',
        'turnbridge.failover.to': 'two',
        'turnbridge.failover.reason': 'ServerError',
      },
      atMs: BEGAN_MS + 1200,
    },
  ]);
});

test('a turn that fell back to HTTP shows the upgrade that was refused, and that it is not the way it was to go', () => {
  const recorder = recordSpans();
  const spans = new TurnSpans(recorder.tools);
  const turn = turnRecord({ attempts: 2 });
  const socket = attemptRecord({
    transport: 'websocket',
    transportReason: 'preferred',
    origin: 'https://provider.example:8443',
    result: 'fallback',
    errorType: '404',
    status: 404,
    httpVersion: undefined,
    answeredAt: undefined,
    firstEventAt: undefined,
    events: 0,
    dial: {
      startedAt: 1010,
      endedAt: 1040,
      dnsMs: 1,
      tcpMs: 2,
      tlsMs: 3,
      upgradeMs: 24,
      errorType: undefined,
    },
    endedAt: 1040,
  });
  const http = attemptRecord({ number: 2, reason: 'transport_fallback', transportReason: 'not_supported' });
  spans.hear({ kind: 'turn.started', turn });
  spans.hear({ kind: 'attempt.started', turn, attempt: socket });
  spans.hear({ kind: 'attempt.ended', turn, attempt: socket });
  spans.hear({
    kind: 'turn.transport-fallback',
    turn,
    provider: 'openai',
    known: 'now',
    reason: 'not_supported',
  });
  spans.hear({ kind: 'attempt.started', turn, attempt: http });
  spans.hear({ kind: 'attempt.ended', turn, attempt: http });
  spans.hear({ kind: 'turn.ended', turn });
  const [connect, upgrade, post, chat, root] = recorder.spans();
  expect([connect, upgrade, post, chat, root].map((span) => [span?.name, span?.status])).toEqual([
    ['upstream connect', 'UNSET'],
    ['WS /v1/responses', 'ERROR'],
    ['POST /v1/responses', 'UNSET'],
    ['chat gpt-5.5', 'UNSET'],
    ['response.create', 'UNSET'],
  ]);
  expect(connect?.attributes['turnbridge.connect.upgrade']).toBe(0.024);
  expect(upgrade?.attributes).toMatchObject({
    'network.protocol.name': 'websocket',
    'network.protocol.version': '13',
    'url.full': 'wss://provider.example:8443/v1/responses',
    'http.response.status_code': 404,
    'turnbridge.transport': 'websocket',
    'turnbridge.transport.reason': 'preferred',
    'turnbridge.provider.connection': 'new',
    'error.type': '404',
  });
  expect(upgrade?.attributes).not.toHaveProperty(['http.request.method']);
  expect(post?.attributes).toMatchObject({
    'turnbridge.attempt.reason': 'transport_fallback',
    'turnbridge.transport': 'http',
    'turnbridge.transport.reason': 'not_supported',
  });
  expect(root?.attributes['turnbridge.transport.fallback']).toBe(true);
  expect(root?.attributes).not.toHaveProperty(['turnbridge.failover']);
  expect(root?.events[0]).toMatchObject({
    name: 'transport_fallback',
    attributes: { 'turnbridge.provider': 'openai', 'turnbridge.transport.reason': 'not_supported' },
  });
});

test.each([
  ['', 101],
  [', not even that of an error event', 503],
])('a turn over a WebSocket that was there has no status of HTTP%s, and a reused connection', (_, status) => {
  const recorder = recordSpans();
  const attempt = attemptRecord({ transport: 'websocket', status, httpVersion: undefined });
  play(new TurnSpans(recorder.tools), turnRecord({ transport: 'websocket' }), [attempt]);
  const [span, , root] = recorder.spans();
  expect(span?.attributes).toMatchObject({ 'turnbridge.provider.connection': 'reused' });
  expect(span?.attributes).not.toHaveProperty(['http.response.status_code']);
  expect(root?.attributes['turnbridge.transport']).toBe('websocket');
});

test('a failover that was denied leaves its reason with the turn', () => {
  const recorder = recordSpans();
  const spans = new TurnSpans(recorder.tools);
  const turn = turnRecord({ outcome: 'provider_error', errorType: '503' });
  spans.hear({ kind: 'turn.started', turn });
  spans.hear({ kind: 'turn.failover-denied', turn, provider: 'one', providers: 2, reason: 'pinned' });
  spans.hear({ kind: 'turn.ended', turn });
  const [root] = recorder.spans();
  expect(root?.events[0]).toMatchObject({
    name: 'failover_denied',
    attributes: { 'turnbridge.failover.from': 'one', 'turnbridge.failover.reason': 'pinned' },
  });
  expect(root?.attributes).not.toHaveProperty(['turnbridge.failover']);
});

test('our own mistake leaves no span open and is an error of all', () => {
  const recorder = recordSpans();
  const spans = new TurnSpans(recorder.tools);
  const turn = turnRecord();
  spans.hear({ kind: 'turn.started', turn });
  spans.hear({ kind: 'attempt.started', turn, attempt: attemptRecord() });
  Object.assign(turn, { outcome: 'bridge_error', errorType: 'internal_error', usage: undefined });
  spans.hear({ kind: 'turn.ended', turn });
  const ended = recorder.spans();
  expect(ended.map(({ name, status }) => [name, status])).toEqual([
    ['POST /v1/responses', 'ERROR'],
    ['chat gpt-5.5', 'ERROR'],
    ['response.create', 'ERROR'],
  ]);
  expect(ended.slice(1).map(({ attributes }) => attributes['error.type'])).toEqual([
    'internal_error',
    'internal_error',
  ]);
  expect(ended.map(({ endMs }) => endMs)).toEqual(Array(3).fill(BEGAN_MS + 3500));
});

test('no span of a turn ends before its last attempt does: who samples at the tail waits from the first one on', () => {
  const recorder = recordSpans();
  const spans = new TurnSpans(recorder.tools);
  const [turn, attempt] = [turnRecord({ startedAt: 1800 }), attemptRecord({ startedAt: 1800 })];
  spans.hear({ kind: 'turn.started', turn });
  spans.hear({ kind: 'attempt.started', turn, attempt });
  expect(recorder.spans()).toEqual([]);
  spans.hear({ kind: 'attempt.ended', turn, attempt });
  spans.hear({ kind: 'turn.ended', turn });
  expect(recorder.spans().find(({ name }) => name === 'admission')).toMatchObject({
    startMs: BEGAN_MS + 1000,
    endMs: BEGAN_MS + 1800,
    parentSpanId: recorder.spans().find(({ name }) => name === 'response.create')?.spanId,
  });
});

test('a clock of the day that is set while a turn runs bends no span of it, and is followed from the next turn on', () => {
  let wall = BEGAN_MS + 1000;
  const clock = new WallClock(
    () => 1000,
    () => wall,
    BEGAN_MS,
  );
  const recorder = recordSpans({ clock });
  const spans = new TurnSpans(recorder.tools);
  const [early, late] = [turnRecord(), turnRecord()];
  spans.hear({ kind: 'turn.started', turn: early });
  wall -= 3_600_000;
  spans.hear({ kind: 'turn.started', turn: late });
  for (const turn of [early, late]) spans.hear({ kind: 'turn.ended', turn });
  expect(recorder.spans().map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
    [BEGAN_MS + 1000, BEGAN_MS + 3500],
    [BEGAN_MS + 1000 - 3_600_000, BEGAN_MS + 3500 - 3_600_000],
  ]);
});

test('a trace that is not kept has ids for the log, and nothing else', () => {
  const recorder = recordSpans({}, 0);
  const turn = turnRecord();
  const attempt = attemptRecord();
  play(new TurnSpans(recorder.tools), turn, [attempt]);
  expect(recorder.spans()).toEqual([]);
  expect(turn.trace).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/), isSampled: false });
  expect(attempt.trace).toMatchObject({ traceId: turn.trace?.traceId, isSampled: false });
});

test('of a thousand models that clients think of, a hundred are names of spans, and the others one', () => {
  const recorder = recordSpans();
  const spans = new TurnSpans(recorder.tools);
  const asked = (providerModel: string) => {
    const details = { providerModel } as unknown as NonNullable<TurnRecord['details']>;
    play(spans, turnRecord({ model: 'other', details }), [attemptRecord()]);
  };
  for (let n = 0; n < 1000; n++) asked(`made-up-${n}`);
  asked('made-up-0');
  const names = recorder.spans().flatMap(({ name }) => (name.startsWith('chat ') ? [name] : []));
  expect(new Set(names).size).toBe(101);
  expect(names.filter((name) => name === 'chat other')).toHaveLength(900);
  expect(names.at(-1)).toBe('chat made-up-0');
  const models = recorder.spans().map(({ attributes }) => attributes['turnbridge.model']);
  expect(new Set(models)).toEqual(new Set(['other', undefined]));
});

test('an id that a provider chose is shown only if it looks like one', () => {
  const recorder = recordSpans();
  const hostile = 'resp_1 and the words of a person';
  const attempt = attemptRecord({ requestId: 'x'.repeat(129) });
  play(new TurnSpans(recorder.tools), turnRecord({ responseId: hostile }), [attempt]);
  const keys = recorder.spans().flatMap(({ attributes }) => Object.keys(attributes));
  for (const key of ['turnbridge.response.id', 'gen_ai.response.id', 'turnbridge.provider.request_id'])
    expect(keys).not.toContain(key);
  expect(JSON.stringify(recorder.spans())).not.toContain('words');
});

test.each([
  ['https://api.openai.com', 'openai', 'api.openai.com', 443],
  ['https://mine.openai.azure.com:8443', 'azure.ai.openai', 'mine.openai.azure.com', 8443],
  ['http://vllm.models.svc', 'configured', 'vllm.models.svc', 80],
  // a name that only begins like a known one is nobody's
  ['https://api.openai.com.evil.test', 'configured', 'api.openai.com.evil.test', 443],
])('a provider at %s is called %s', (origin, name, address, port) => {
  const recorder = recordSpans();
  play(new TurnSpans(recorder.tools), turnRecord(), [attemptRecord({ origin, provider: 'configured' })]);
  const [attempt, chat] = recorder.spans();
  expect(chat?.attributes).toMatchObject({
    'gen_ai.provider.name': name,
    'server.address': address,
    'server.port': port,
  });
  expect(attempt?.attributes).toMatchObject({ 'peer.service': 'configured', 'server.address': address });
});

test.each([
  ['completed', undefined, 'UNSET'],
  ['incomplete', undefined, 'UNSET'],
  ['failed', 400, 'ERROR'],
  ['failed', 429, 'ERROR'],
  ['failed', 500, 'ERROR'],
  ['failed', undefined, 'ERROR'],
  ['provider_error', 502, 'ERROR'],
  ['timeout', 504, 'ERROR'],
  ['rejected', 400, 'UNSET'],
  ['rejected', undefined, 'UNSET'],
  ['cancelled', undefined, 'UNSET'],
  ['disconnected', undefined, 'UNSET'],
  ['drained', 503, 'ERROR'],
  ['bridge_error', 500, 'ERROR'],
  [undefined, undefined, 'ERROR'],
] as const)('the outcome %s with the status %s is %s', (outcome, status, expected) => {
  const code = turnStatus(turnRecord({ outcome, status })).code;
  expect(code).toBe(expected === 'ERROR' ? 2 : 0);
});

test.each(['cancelled', 'disconnected'] as const)('%s is no failure, whatever was under way', (outcome) => {
  expect(turnAttributes(turnRecord({ outcome, errorType: 'ECONNRESET' }))['error.type']).toBeUndefined();
});

describe('what a turn is linked to', () => {
  const context = (spanId: string, traceFlags = 1) => ({ traceId: 'a'.repeat(32), spanId, traceFlags });
  const linked = (recent: RecentTraces, previousResponseId?: string, connectionId = 'c-1') =>
    recent
      .linksOf(
        turnRecord({
          connectionId,
          details: { previousResponseId } as unknown as NonNullable<TurnRecord['details']>,
        }),
      )
      .map(({ context: { spanId }, attributes }) => [spanId, attributes?.['turnbridge.link']]);

  test('the handshake is linked while the connection is open, and only if it is kept', () => {
    const recent = new RecentTraces();
    recent.opened('c-1', context('1'));
    recent.opened('c-2', context('2', 0));
    expect(linked(recent)).toEqual([['1', 'connection']]);
    expect(linked(recent, undefined, 'c-2')).toEqual([]);
    expect(recent.handshakeOf('c-2')?.spanId).toBe('2');
    recent.closed('c-1');
    expect(linked(recent)).toEqual([]);
  });

  test('a response of another tenant is linked by nobody, whatever id is asked for', () => {
    const recent = new RecentTraces();
    recent.turnEnded(turnRecord({ tenant: 'team-b', responseId: 'resp_1' }), context('b'));
    expect(linked(recent, 'resp_1')).toEqual([]);
    recent.turnEnded(turnRecord({ tenant: 'team-a', responseId: 'resp_1' }), context('a'));
    expect(linked(recent, 'resp_1')).toEqual([['a', 'previous_response']]);
  });

  test('4,096 responses are remembered, the oldest forgotten first', () => {
    const recent = new RecentTraces();
    for (let n = 0; n <= 4096; n++)
      recent.turnEnded(turnRecord({ responseId: `resp_${n}` }), context(String(n)));
    recent.turnEnded(turnRecord({ responseId: undefined }), context('none'));
    expect(linked(recent, 'resp_0')).toEqual([]);
    expect(linked(recent, 'resp_1')).toEqual([['1', 'previous_response']]);
    expect(linked(recent, 'resp_4096')).toEqual([['4096', 'previous_response']]);
    expect(linked(recent, 'resp_nobody')).toEqual([]);
  });
});
