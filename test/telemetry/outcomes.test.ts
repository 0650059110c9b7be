/** Every way in which a turn can end, and what its three spans say of it: status, error, outcome, finish reason. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { AnswerLike } from '../../src/scripted/script.ts';
import { routeTo } from '../harness/bridge.ts';
import type { TestClient } from '../harness/connect.ts';
import { closedUrl } from '../harness/nowhere.ts';
import type { ReceivedSpan } from '../harness/otlp-spans.ts';
import { responseOf, type JsonObject, type Scene } from '../protocol/scene.ts';
import { clientTrace, metadataWith, traced, turnTrace } from './traced.ts';

/** What a span says of a failure. */
interface Verdict {
  readonly status: 'unset' | 'error';
  readonly 'error.type'?: string;
}

interface Ending {
  readonly answer: AnswerLike;
  /** Left out: a route without short limits. */
  readonly route?: 'soon' | 'idle' | 'short' | 'closed';
  readonly request?: JsonObject;
  /** Left out: reads the whole answer. */
  readonly act?: (client: TestClient, scene: Scene) => Promise<unknown>;
  readonly outcome: string;
  readonly turn: Verdict;
  /** With the finish reason. Undefined: no provider was asked. */
  readonly chat?: Verdict & { readonly finish: string };
  /** With the status of the provider's answer: 200 when left out. */
  readonly attempt?: Verdict & { readonly http?: number | undefined };
}

const FINE = { status: 'unset' } as const;
const failedWith = (type: string) => ({ status: 'error', 'error.type': type }) as const;
const begun = async (client: TestClient) => client.next('response.created');

const ENDINGS: Readonly<Record<string, Ending>> = {
  completed: {
    answer: 'hello',
    outcome: 'completed',
    turn: FINE,
    chat: { ...FINE, finish: 'stop' },
    attempt: FINE,
  },
  'completed with a tool call': {
    answer: 'tool-call',
    outcome: 'completed',
    turn: FINE,
    chat: { ...FINE, finish: 'tool_call' },
    attempt: FINE,
  },
  incomplete: {
    answer: [{ text: 'as much as I may' }, { incomplete: 'max_output_tokens' }],
    outcome: 'incomplete',
    turn: FINE,
    chat: { ...FINE, finish: 'length' },
    attempt: FINE,
  },
  'incomplete by a content filter': {
    answer: [{ text: 'no more of it' }, { incomplete: 'content_filter' }],
    outcome: 'incomplete',
    turn: FINE,
    chat: { ...FINE, finish: 'content_filter' },
    attempt: FINE,
  },
  'refused with 400': {
    answer: {
      status: { code: 400, body: { error: { code: 'context_length_exceeded', message: 'secret' } } },
    },
    outcome: 'rejected',
    turn: { ...FINE, 'error.type': 'context_length_exceeded' },
    chat: { ...failedWith('context_length_exceeded'), finish: 'error' },
    attempt: { ...failedWith('context_length_exceeded'), http: 400 },
  },
  'refused with 429': {
    answer: {
      status: {
        code: 429,
        headers: { 'retry-after': '7' },
        body: { error: { code: 'mine', message: 'secret' } },
      },
    },
    outcome: 'failed',
    turn: failedWith('429'),
    chat: { ...failedWith('429'), finish: 'error' },
    attempt: { ...failedWith('429'), http: 429 },
  },
  'refused with 500': {
    answer: { status: { code: 500, body: 'secret' } },
    outcome: 'provider_error',
    turn: failedWith('500'),
    chat: { ...failedWith('500'), finish: 'error' },
    attempt: { ...failedWith('500'), http: 500 },
  },
  'refused with 503 and a code of its own': {
    answer: { status: { code: 503, body: { error: { code: 'mine', message: 'secret' } } } },
    outcome: 'provider_error',
    turn: failedWith('503'),
    chat: { ...failedWith('503'), finish: 'error' },
    attempt: { ...failedWith('503'), http: 503 },
  },
  'response.failed': {
    answer: [{ text: 'half' }, { fail: { code: 'server_error', message: 'secret' } }],
    outcome: 'failed',
    turn: failedWith('server_error'),
    chat: { ...failedWith('server_error'), finish: 'error' },
    // the provider's answer was whole: what failed is what it tells
    attempt: FINE,
  },
  'response.failed for what was asked': {
    answer: [{ text: 'half' }, { fail: { code: 'invalid_prompt', message: 'secret' } }],
    outcome: 'rejected',
    turn: { ...FINE, 'error.type': 'invalid_prompt' },
    chat: { ...failedWith('invalid_prompt'), finish: 'error' },
    attempt: FINE,
  },
  'an error event for what was asked': {
    answer: [{ text: 'half' }, { error: { code: 'mine', message: 'secret', status: 422 } }],
    outcome: 'rejected',
    turn: { ...FINE, 'error.type': '422' },
    chat: { ...failedWith('422'), finish: 'error' },
    attempt: failedWith('422'),
  },
  'refused with 401, to a key of the bridge': {
    answer: { status: { code: 401, body: 'secret' } },
    outcome: 'failed',
    turn: failedWith('provider_unauthorized'),
    chat: { ...failedWith('provider_unauthorized'), finish: 'error' },
    attempt: { ...failedWith('provider_unauthorized'), http: 401 },
  },
  'an error event': {
    answer: [{ text: 'half' }, { error: { code: 'rate_limit_exceeded', message: 'secret', status: 429 } }],
    outcome: 'failed',
    turn: failedWith('rate_limit_exceeded'),
    chat: { ...failedWith('rate_limit_exceeded'), finish: 'error' },
    attempt: failedWith('rate_limit_exceeded'),
  },
  'a reset': {
    answer: [{ text: 'half' }, { reset: true }],
    outcome: 'provider_error',
    turn: failedWith('ECONNRESET'),
    chat: { ...failedWith('ECONNRESET'), finish: 'error' },
    attempt: failedWith('ECONNRESET'),
  },
  'a stream without an end': {
    answer: [{ text: 'half' }, { end: true }],
    outcome: 'provider_error',
    turn: failedWith('upstream_stream_ended'),
    chat: { ...failedWith('upstream_stream_ended'), finish: 'error' },
    attempt: failedWith('upstream_stream_ended'),
  },
  'a page of HTML': {
    answer: 'html',
    outcome: 'provider_error',
    turn: failedWith('upstream_protocol_error'),
    chat: { ...failedWith('upstream_protocol_error'), finish: 'error' },
    // what is no answer has no status
    attempt: { ...failedWith('upstream_protocol_error'), http: undefined },
  },
  'nobody at the address': {
    answer: 'hello',
    route: 'closed',
    outcome: 'provider_error',
    turn: failedWith('ECONNREFUSED'),
    chat: { ...failedWith('ECONNREFUSED'), finish: 'error' },
    attempt: { ...failedWith('ECONNREFUSED'), http: undefined },
  },
  'no first event in time': {
    answer: [{ stall: true }],
    route: 'soon',
    outcome: 'timeout',
    turn: failedWith('first_event_timeout'),
    chat: { ...failedWith('first_event_timeout'), finish: 'error' },
    attempt: { ...failedWith('first_event_timeout'), http: undefined },
  },
  'silence in the middle': {
    answer: [{ text: 'half', unfinished: true }, { stall: true }],
    route: 'idle',
    outcome: 'timeout',
    turn: failedWith('idle_timeout'),
    chat: { ...failedWith('idle_timeout'), finish: 'error' },
    attempt: failedWith('idle_timeout'),
  },
  'no end in time': {
    answer: [{ text: 'on and on ', repeat: 100_000, delayMs: 20 }],
    route: 'short',
    outcome: 'timeout',
    turn: failedWith('turn_timeout'),
    chat: { ...failedWith('turn_timeout'), finish: 'error' },
    attempt: failedWith('turn_timeout'),
  },
  'an unknown earlier response': {
    answer: 'hello',
    request: { previous_response_id: 'resp_nobody_knows' },
    outcome: 'rejected',
    turn: { ...FINE, 'error.type': 'previous_response_not_found' },
  },
  interrupted: {
    answer: [{ begin: true }, { text: 'half', unfinished: true }, { stall: true }],
    act: async (client) => {
      client.send({ type: 'response.interrupt', response_id: responseOf(await begun(client))['id'] });
      await client.events();
    },
    outcome: 'cancelled',
    turn: FINE,
    chat: { ...FINE, finish: 'error' },
    attempt: FINE,
  },
  disconnected: {
    answer: [{ begin: true }, { text: 'half', unfinished: true }, { stall: true }],
    act: async (client) => {
      await begun(client);
      client.terminate();
    },
    outcome: 'disconnected',
    turn: FINE,
    chat: { ...FINE, finish: 'error' },
    attempt: FINE,
  },
  // the last one: it takes the bridge with it
  drained: {
    answer: [{ begin: true }, { text: 'half', unfinished: true }, { stall: true }],
    act: async (client, scene) => {
      await begun(client);
      await scene.bridge.drain({ deadlineMs: 1 });
    },
    outcome: 'drained',
    turn: failedWith('server_draining'),
    chat: { ...failedWith('server_draining'), finish: 'error' },
    // the provider has done nothing wrong
    attempt: FINE,
  },
};

const NAMES = Object.keys(ENDINGS);
/** Names and models: the first word says the route. */
const modelOf = (name: string): string =>
  `${ENDINGS[name]?.route ?? 'plain'}-${name.replaceAll(/[^a-z0-9]/g, '-')}`;
const traceOf = (name: string) => clientTrace(NAMES.indexOf(name) + 1);

let wasSentByTheDrain = false;
let spans: readonly ReceivedSpan[] = [];
const traceNamed = (name: string) => turnTrace(spans, ({ traceId }) => traceId === traceOf(name).traceId);

beforeAll(async () => {
  const routes = (url: string): string =>
    [
      routeTo(url, { name: 'plain', match: { models: ['plain-*'] } }),
      routeTo(url, { name: 'soon', match: { models: ['soon-*'] }, timeouts: { firstEventSeconds: 1 } }),
      routeTo(url, { name: 'idle', match: { models: ['idle-*'] }, timeouts: { idleSeconds: 1 } }),
      routeTo(url, { name: 'short', match: { models: ['short-*'] }, timeouts: { turnDeadlineSeconds: 3 } }),
      routeTo(`${closedUrl}/v1`, { name: 'closed', match: { models: ['closed-*'] } }),
    ].join('---\n');
  const answers = new Map(NAMES.map((name) => [modelOf(name), ENDINGS[name]?.answer]));
  const script = ({ body }: { readonly body: JsonObject }): AnswerLike =>
    answers.get(String(body['model'])) ?? 'hello';
  spans = await traced({ routes, script }, async (scene, receiver) => {
    const play = async (name: string): Promise<void> => {
      const { act, request } = ENDINGS[name] ?? {};
      const client = await scene.connect();
      client.create({ model: modelOf(name), ...metadataWith(traceOf(name).traceparent), ...request });
      await (act === undefined ? client.events() : act(client, scene));
    };
    await Promise.all(NAMES.slice(0, -1).map(play));
    await play('drained');
    wasSentByTheDrain = receiver.spans.some(({ traceId }) => traceId === traceOf('drained').traceId);
  });
});

test.each(NAMES)('%s: three spans say how the turn ended', (name) => {
  const { outcome, turn, chat, attempt } = ENDINGS[name]!;
  const trace = traceNamed(name);
  const verdict = (span: ReceivedSpan | undefined) =>
    span && { status: span.status, 'error.type': span.attributes['error.type'] };
  expect({ outcome: trace.turn.attributes['turnbridge.outcome'], ...verdict(trace.turn) }).toEqual({
    outcome,
    ...turn,
  });
  expect(
    trace.chat && { ...verdict(trace.chat), finish: trace.chat.attributes['gen_ai.response.finish_reasons'] },
  ).toEqual(chat && { ...chat, finish: [chat.finish] });
  expect(verdict(trace.attempt)).toEqual(
    attempt && { status: attempt.status, 'error.type': attempt['error.type'] },
  );
  const status = attempt && 'http' in attempt ? attempt.http : attempt && 200;
  expect(trace.attempt?.attributes['http.response.status_code']).toBe(status);
  expect(trace.turn.parentSpanId).toBe(traceOf(name).spanId);
});

describe('all of them', () => {
  test('a trace has the spans of its turn and no others', () => {
    for (const name of NAMES) {
      const { turn, chat, attempt, dial } = traceNamed(name);
      const known = [turn, chat, attempt, dial].filter((span) => span !== undefined);
      const found = spans.filter(({ traceId }) => traceId === turn.traceId);
      expect(new Set(found)).toEqual(new Set(known));
      expect(known.length).toBeGreaterThanOrEqual(chat === undefined ? 1 : 3);
    }
  });

  test('a connection that could not be opened is a span that failed', () => {
    const { dial, attempt } = traceNamed('nobody at the address');
    expect(dial).toMatchObject({ status: 'error', attributes: { 'error.type': 'ECONNREFUSED' } });
    expect(dial?.attributes).not.toHaveProperty(['turnbridge.connect.tcp']);
    expect(attempt?.attributes).toMatchObject({ 'turnbridge.provider.connection': 'new' });
    expect(attempt?.attributes).not.toHaveProperty(['http.response.status_code']);
  });

  test('a provider that says when to come again is quoted with the seconds', () => {
    const { turn, attempt } = traceNamed('refused with 429');
    expect(attempt?.attributes['turnbridge.retry_after']).toBe(7);
    expect(turn.attributes['turnbridge.code']).toBe('_OTHER');
  });

  test('who went away and who interrupted is an event, with its time', () => {
    const eventsOf = (name: string) => traceNamed(name).turn.events.map((event) => event.name);
    expect(eventsOf('interrupted')).toEqual(['first_event', 'first_output', 'cancel_received']);
    expect(eventsOf('disconnected')).toContain('client_gone');
    expect(eventsOf('completed')).toEqual(['first_event', 'first_output']);
    expect(eventsOf('refused with 400')).toEqual([]);
  });

  test('what a drain ended is with the receiver before the drain is over', () => {
    expect(wasSentByTheDrain).toBe(true);
  });

  test('no text of a provider is in any span', () => {
    expect(JSON.stringify(spans)).not.toMatch(/secret|half|on and on|mine/);
    expect(spans.filter(({ statusMessage }) => statusMessage !== '')).toEqual([]);
  });
});
