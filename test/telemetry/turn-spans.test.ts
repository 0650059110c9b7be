/** The spans of a turn, as a receiver of OTLP gets them from a bridge that serves real sockets. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ATTRIBUTE_NAMES } from '../../src/telemetry/spans/attribute-names.ts';
import { Pseudonyms } from '../../src/turn/pseudonyms.ts';
import type { AnswerLike, Step } from '../../src/scripted/script.ts';
import { routeTo } from '../harness/bridge.ts';
import type { LogLine } from '../harness/bridge.ts';
import type { ReceivedSpan } from '../harness/otlp-spans.ts';
import { gate } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import { ask, codexHeaders, idOf, logged, said } from '../protocol/scene.ts';
import { clientTrace, handshakesOf, isChildOf, metadataWith, traced, turnsOf, turnTrace } from './traced.ts';

/** The key of the harness's bridges. */
const hashed = (id: string) => new Pseudonyms(Buffer.alloc(32, 1)).nameOf(id, 'Hashed');

const USAGE = {
  input_tokens: 900,
  input_tokens_details: { cached_tokens: 600, cache_write_tokens: 200 },
  output_tokens: 80,
  output_tokens_details: { reasoning_tokens: 30 },
  total_tokens: 980,
};
const counted: readonly Step[] = [{ text: 'an answer' }, { complete: { usage: USAGE } }];

/** Everything that a request may say and a span may tell. */
const EVERYTHING = {
  reasoning: { effort: 'high', summary: 'auto' },
  max_output_tokens: 4096,
  temperature: 0.5,
  top_p: 0.25,
  service_tier: 'flex',
  text: { format: { type: 'json_schema', name: 'n', schema: {} } },
  input: [said('what nobody else shall read')],
  client_metadata: {
    session_id: 'session-1',
    thread_id: 'thread-1',
    turn_id: 'turn-1',
    'x-openai-subagent': 'review',
    'x-codex-turn-metadata': JSON.stringify({
      request_kind: 'compaction',
      workspaces: { '/home/somebody': { remote: 'git@example.com:private.git' } },
    }),
  },
};

describe('a completed turn', () => {
  let spans: readonly ReceivedSpan[] = [];
  let lines: { readonly turn: LogLine; readonly close: LogLine };

  beforeAll(async () => {
    spans = await traced({ script: counted, route: { match: { models: ['m'] } } }, async (scene) => {
      const client = await scene.connect({ headers: codexHeaders });
      await ask(client, EVERYTHING);
      await client.close();
      const [turn] = await logged(scene.bridge, 'turn.end');
      const [close] = await logged(scene.bridge, 'connection.close');
      lines = { turn: turn!, close: close! };
    });
  });

  test('is a server span, one inference below it, one attempt below that, one dialled connection', () => {
    const { turn, chat, attempt, dial } = turnTrace(spans);
    const [handshake] = handshakesOf(spans);
    expect(new Set(spans)).toEqual(new Set([handshake, turn, chat, attempt, dial]));
    expect([turn, chat, attempt, dial, handshake].map((span) => `${span?.name} ${span?.kind}`)).toEqual([
      'response.create server',
      'chat m client',
      'POST /v1/responses client',
      'upstream connect client',
      'GET /v1/responses server',
    ]);
    expect(turn.parentSpanId).toBe('');
    expect(handshake?.traceId).not.toBe(turn.traceId);
    expect(turn.links).toEqual([
      {
        traceId: handshake?.traceId,
        spanId: handshake?.spanId,
        traceState: '',
        attributes: { 'turnbridge.link': 'connection' },
      },
    ]);
  });

  test('its spans lie within each other, in the time of day', () => {
    const { turn, chat, attempt, dial } = turnTrace(spans);
    for (const [inner, outer] of [
      [chat, turn],
      [attempt, chat],
      [dial, attempt],
    ] as const) {
      expect(inner!.startMs).toBeGreaterThanOrEqual(outer!.startMs);
      expect(inner!.endMs).toBeLessThanOrEqual(outer!.endMs);
      expect(inner!.endMs).toBeGreaterThanOrEqual(inner!.startMs);
    }
    expect(Math.abs(Date.now() - turn.endMs)).toBeLessThan(60_000);
  });

  test('the turn tells what the client asked for and got', () => {
    const { turn } = turnTrace(spans);
    const number: unknown = expect.any(Number);
    expect(turn.attributes).toEqual({
      'network.protocol.name': 'websocket',
      'url.path': '/v1/responses',
      'turnbridge.connection.id': expect.stringMatching(/^c-/),
      'turnbridge.turn.id': lines.turn['turn_id'],
      'turnbridge.turn.index': 1,
      'turnbridge.lane': 'default',
      'turnbridge.client.kind': 'codex',
      'turnbridge.tenant': 'anonymous',
      'turnbridge.route': 'default/test',
      'turnbridge.model': 'm',
      'turnbridge.provider': 'scripted',
      'session.id': hashed('thread-1'),
      'turnbridge.codex.turn_id': hashed('turn-1'),
      'turnbridge.codex.request_kind': 'compaction',
      'turnbridge.codex.subagent': 'review',
      'turnbridge.request.bytes': lines.turn['bytes_in'],
      'turnbridge.request.continuation': 'none',
      'turnbridge.continuation': 'none',
      'turnbridge.attempts': 1,
      'turnbridge.transport': 'http',
      'turnbridge.time_to_first_event': number,
      'turnbridge.time_to_first_output': number,
      'turnbridge.stream.events': lines.turn['events'],
      'turnbridge.stream.bytes': lines.turn['bytes_out'],
      'turnbridge.stream.max_gap': number,
      'turnbridge.overhead.duration': number,
      'turnbridge.outcome': 'completed',
      'turnbridge.response.id': 'resp_0001',
    });
  });

  test('the inference tells what was asked of the provider, and what it cost', () => {
    const { chat } = turnTrace(spans);
    expect(chat?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'scripted',
      'gen_ai.request.model': 'm',
      'gen_ai.request.stream': true,
      'gen_ai.conversation.id': hashed('thread-1'),
      'gen_ai.conversation.compacted': true,
      'gen_ai.request.reasoning.level': 'high',
      'gen_ai.request.max_tokens': 4096,
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.top_p': 0.25,
      'gen_ai.output.type': 'json',
      'openai.api.type': 'responses',
      'openai.request.service_tier': 'flex',
      'openai.response.service_tier': 'default',
      'server.address': '127.0.0.1',
      'server.port': expect.any(Number),
      'gen_ai.response.id': 'resp_0001',
      'gen_ai.response.model': 'm',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
      'gen_ai.usage.input_tokens': 900,
      'gen_ai.usage.output_tokens': 80,
      'gen_ai.usage.cache_read.input_tokens': 600,
      'gen_ai.usage.cache_write.input_tokens': 200,
      'gen_ai.usage.reasoning.output_tokens': 30,
      'turnbridge.attempts': 1,
    });
  });

  test('the attempt and its connection tell of HTTP, and of nothing that is counted elsewhere', () => {
    const { attempt, dial } = turnTrace(spans);
    const port = attempt?.attributes['server.port'];
    expect(attempt?.attributes).toEqual({
      'peer.service': 'scripted',
      'service.peer.name': 'scripted',
      'server.address': '127.0.0.1',
      'server.port': port,
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'network.protocol.name': 'http',
      'network.protocol.version': '1.1',
      'url.full': `http://127.0.0.1:${String(port)}/v1/responses`,
      'turnbridge.attempt': 1,
      'turnbridge.attempt.reason': 'first',
      'turnbridge.transport': 'http',
      'turnbridge.transport.reason': 'configured',
      'turnbridge.provider': 'scripted',
      'turnbridge.provider.connection': 'new',
      'turnbridge.provider.request_id': 'req_0001',
      'turnbridge.time_to_headers': expect.any(Number),
      'turnbridge.time_to_first_event': expect.any(Number),
      'turnbridge.stream.events': lines.turn['events'],
    });
    expect(dial?.attributes).toEqual({
      'server.address': '127.0.0.1',
      'server.port': port,
      'network.transport': 'tcp',
      'turnbridge.connect.tcp': expect.any(Number),
    });
  });

  test('every name is on the list, nothing was cut off, and the resource says no more than who we are', () => {
    const names = new Set<string>(ATTRIBUTE_NAMES);
    for (const { attributes, events, links, dropped, statusMessage, resource, scope } of spans) {
      for (const key of [attributes, ...events.map((event) => event.attributes)].flatMap(Object.keys))
        expect(names).toContain(key);
      expect(links.flatMap((link) => Object.keys(link.attributes)).every((key) => names.has(key))).toBe(true);
      expect({ dropped, statusMessage }).toEqual({ dropped: 0, statusMessage: '' });
      expect(Object.keys(resource).toSorted()).toEqual([
        'service.instance.id',
        'service.name',
        'service.version',
      ]);
      expect(scope).toEqual({ name: 'turnbridge', version: 'test' });
    }
    expect(JSON.stringify(spans)).not.toMatch(/nobody|somebody|private|thread-1|session-1|turn-1|answer/);
  });

  test('log lines carry the ids of the spans', () => {
    const { turn } = turnTrace(spans);
    const [handshake] = handshakesOf(spans);
    const idsOf = (span?: ReceivedSpan) => ({
      trace_id: span?.traceId,
      span_id: span?.spanId,
      trace_flags: '01',
    });
    expect(lines.turn).toMatchObject({ ...idsOf(turn), session: turn.attributes['session.id'] });
    expect(lines.close).toMatchObject(idsOf(handshake));
  });
});

test('a failed attempt has its own span in its log line, and not the turn', async () => {
  let line: LogLine | undefined;
  const spans = await traced({ script: 'overloaded' }, async (scene) => {
    await ask(await scene.connect(), {});
    [line] = await logged(scene.bridge, 'attempt.fail');
  });
  const { attempt } = turnTrace(spans);
  expect(line).toMatchObject({ trace_id: attempt?.traceId, span_id: attempt?.spanId, trace_flags: '01' });
});

describe('turns of one connection', () => {
  /** Until the wait is over that makes it a wait: more than 5 ms. */
  const waited = (): Step => ({ wait: 20 });

  test('that continue each other are linked, and go out on the connection that is there', async () => {
    const spans = await traced({ script: 'tool-call' }, async (scene) => {
      const client = await scene.connect();
      const first = await ask(client, {});
      await ask(client, { previous_response_id: idOf(first), input: [said('go on')] });
    });
    const [first, second] = [1, 2].map((index) =>
      turnTrace(spans, ({ attributes }) => attributes['turnbridge.turn.index'] === index),
    );
    expect(second?.turn.traceId).not.toBe(first?.turn.traceId);
    expect(second?.turn.links.at(-1)).toMatchObject({
      traceId: first?.turn.traceId,
      spanId: first?.turn.spanId,
      attributes: { 'turnbridge.link': 'previous_response' },
    });
    expect(second?.turn.attributes).toMatchObject({
      'turnbridge.request.continuation': 'previous_response_id',
      'turnbridge.continuation': 'hit',
    });
    expect(second?.chat?.attributes['gen_ai.request.previous_response.id']).toBe(
      first?.turn.attributes['turnbridge.response.id'],
    );
    expect(second?.attempt?.attributes['turnbridge.provider.connection']).toBe('reused');
    expect(second?.dial).toBeUndefined();
    expect(first?.admission).toBeUndefined();
  });

  test('on two lanes at once are two traces, each the child of its own frame', async () => {
    const held = gate();
    const script = (): readonly Step[] => [{ begin: true }, { until: held.promise }, { text: 'now' }];
    const names = ['one', 'two'];
    const spans = await traced({ script }, async (scene) => {
      const client = await scene.connect({ headers: { traceparent: clientTrace(9).traceparent } });
      names.forEach((stream_id, n) =>
        client.create({ model: 'm', stream_id, ...metadataWith(clientTrace(n + 1).traceparent) }),
      );
      client.create({ model: 'm' });
      await Promise.all(names.map((lane) => client.next('response.created', { lane })));
      held.open();
      await Promise.all([...names, ''].map((lane) => client.events({ lane })));
    });
    names.forEach((name, n) => {
      const { traceId, spanId } = clientTrace(n + 1);
      const { turn, chat, attempt } = turnTrace(spans, (span) => span.traceId === traceId);
      expect(turn.parentSpanId).toBe(spanId);
      expect(turn.attributes['turnbridge.lane']).toBe(hashed(name));
      expect(isChildOf(chat!, turn) && isChildOf(attempt!, chat!)).toBe(true);
    });
    // the handshake's trace is its own, also where a frame has none
    const { turn } = turnTrace(spans, ({ attributes }) => attributes['turnbridge.lane'] === 'default');
    expect(turn.parentSpanId).toBe('');
    const [handshake] = handshakesOf(spans);
    expect(handshake).toMatchObject({ traceId: clientTrace(9).traceId, parentSpanId: clientTrace(9).spanId });
    expect(turnsOf(spans).map(({ traceId }) => traceId)).not.toContain(clientTrace(9).traceId);
  });

  test('that wait for each other have a span for the wait; one that never left it has no provider', async () => {
    const spans = await traced(
      {
        script: ({ number }) =>
          number === 1 ? [waited(), { text: 'slowly' }] : [{ begin: true }, { stall: true }],
      },
      async (scene) => {
        const client = await scene.connect();
        for (let n = 1; n <= 3; n++)
          client.create({ model: 'm', ...metadataWith(clientTrace(n).traceparent) });
        await client.events();
        await client.next('response.created');
        client.terminate();
        await logged(scene.bridge, 'turn.end', 3);
      },
    );
    const [first, second, third] = [1, 2, 3].map((index) =>
      turnTrace(spans, ({ attributes }) => attributes['turnbridge.turn.index'] === index),
    );
    expect(first?.admission).toBeUndefined();
    expect(second?.admission).toMatchObject({ kind: 'internal', startMs: second?.turn.startMs });
    expect(second?.admission?.endMs).toBe(second?.chat?.startMs);
    expect(second?.turn.attributes['turnbridge.queue.duration']).toBeGreaterThan(0.005);
    expect(third?.admission).toMatchObject({ endMs: third?.turn.endMs });
    expect(third?.chat).toBeUndefined();
    // its client looks for it in its own trace, though nobody had come to plan it
    [first, second, third].forEach((trace, index) => {
      const { traceId, spanId } = clientTrace(index + 1);
      expect(trace?.turn).toMatchObject({ traceId, parentSpanId: spanId });
    });
    expect(third?.turn).toMatchObject({
      status: 'unset',
      attributes: { 'turnbridge.outcome': 'disconnected', 'turnbridge.attempts': 0 },
    });
  });
});

test('a warm-up is one span that says so, and no turn', async () => {
  const { traceId, spanId, traceparent } = clientTrace(1);
  const spans = await traced({}, async (scene) => {
    await ask(await scene.connect(), { generate: false, ...metadataWith(traceparent) });
    expect(await scene.bridge.metric('turnbridge_turns_total')).toBe(0);
  });
  const { turn, chat } = turnTrace(spans);
  expect(turn).toMatchObject({ name: 'response.create', traceId, parentSpanId: spanId, status: 'unset' });
  expect(turn.attributes).toMatchObject({ 'turnbridge.warmup': true, 'turnbridge.outcome': 'completed' });
  expect(chat).toBeUndefined();
  expect(spans.filter((span) => span.traceId === traceId)).toEqual([turn]);
});

test('a warm-up that is refused is counted like a turn, and its span says what it was', async () => {
  const routes = (url: string): string => routeTo(url, { match: { models: ['m'] } });
  const { traceId, spanId, traceparent } = clientTrace(1);
  const spans = await traced({ routes }, async (scene) => {
    const warmup = { model: 'nobody-has-it', generate: false, ...metadataWith(traceparent) };
    expect(await ask(await scene.connect(), warmup)).toMatchObject([{ type: 'error' }]);
    expect(await scene.bridge.metric('turnbridge_turns_total')).toBe(1);
    expect(await scene.bridge.metric('turnbridge_turns_started_total')).toBe(0);
    expect(await scene.bridge.metric('turnbridge_warmups_total')).toBe(0);
  });
  const { turn, chat } = turnTrace(spans);
  expect(turn).toMatchObject({ name: 'response.create', traceId, parentSpanId: spanId, status: 'unset' });
  expect(turn.attributes).toMatchObject({ 'turnbridge.warmup': true, 'turnbridge.outcome': 'rejected' });
  expect(chat).toBeUndefined();
});

test('each route says how the sessions of its clients are named, in spans and in the log', async () => {
  const policies = ['Hashed', 'Raw', 'None'] as const;
  const routes = (url: string): string =>
    policies
      .map((sessionIds) =>
        routeTo(url, {
          name: sessionIds.toLowerCase(),
          match: { models: [sessionIds] },
          telemetry: { sessionIds },
        }),
      )
      .join('---\n');
  let lines: readonly LogLine[] = [];
  const spans = await traced({ routes }, async (scene) => {
    const client = await scene.connect({ headers: { 'session-id': 'of-the-handshake' } });
    for (const model of policies)
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as their lines
      await ask(client, { model, stream_id: 'my-lane', client_metadata: { turn_id: 'turn-1' } });
    lines = await logged(scene.bridge, 'turn.end', 3);
  });
  const told = (n: number) => {
    const model = policies[n];
    const { turn, chat } = turnTrace(spans, ({ attributes }) => attributes['turnbridge.model'] === model);
    const {
      'session.id': session,
      'turnbridge.lane': lane,
      'turnbridge.codex.turn_id': id,
    } = turn.attributes;
    expect(chat?.attributes['gen_ai.conversation.id']).toBe(session);
    expect(lines[n]?.['session']).toBe(session);
    return [session, lane, id];
  };
  expect(told(0)).toEqual([hashed('of-the-handshake'), hashed('my-lane'), hashed('turn-1')]);
  expect(told(1)).toEqual(['of-the-handshake', 'my-lane', 'turn-1']);
  expect(told(2)).toEqual([undefined, 'named', undefined]);
});

test('with --semconv v1.41 the names are those of that version, and of no other', async () => {
  const spans = await traced({ script: counted, telemetry: { semconv: 'v1.41' } }, async (scene) => {
    await ask(await scene.connect(), EVERYTHING);
  });
  const keys = Object.keys(turnTrace(spans).chat?.attributes ?? {});
  expect(keys).toContain('gen_ai.usage.cache_creation.input_tokens');
  for (const later of [
    'gen_ai.usage.cache_write.input_tokens',
    'gen_ai.conversation.compacted',
    'gen_ai.request.reasoning.level',
    'gen_ai.request.previous_response.id',
  ])
    expect(keys).not.toContain(later);
});

test('keep-alives and pauses are events of the turn, once each, and figures', async () => {
  const keepalive: Step = { event: { type: 'keepalive' } };
  const flood: AnswerLike = [
    { begin: true },
    keepalive,
    keepalive,
    { text: 'x'.repeat(65_536), repeat: 300, unfinished: true },
  ];
  const settings = { flow: { maxUnsentBytes: 65_536, maxStallMs: 60_000 } };
  const spans = await traced({ script: flood, settings }, async (scene) => {
    const client = await scene.connect({ headers: codexHeaders });
    client.create({ model: 'm' });
    await client.next('response.output_text.delta');
    client.stopReading();
    await until(
      () => scene.bridge.bridge.usedBytes.clientSend > settings.flow.maxUnsentBytes,
      'more to wait for the client than may',
    );
    client.startReading();
    await client.events();
  });
  const { turn } = turnTrace(spans);
  expect(turn.events.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['first_event', 'first_output', 'first_keepalive', 'backpressure']),
  );
  expect(turn.events).toHaveLength(4);
  expect(turn.attributes['turnbridge.stream.keepalives']).toBe(2);
  expect(turn.attributes['turnbridge.backpressure.duration']).toBeGreaterThan(0);
});
