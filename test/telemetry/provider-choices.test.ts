/**
 * What an operator sees of a turn that changed its provider or its transport: every attempt under its turn with its
 * reason, in traces, in the log, in metrics and on the page of the ops port. And of sockets that are kept.
 */
import { describe, expect, test } from '@jest/globals';
import type { WebSocketSettings } from '../../src/scripted/websocket-settings.ts';
import { routeTo } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import type { ReceivedSpan } from '../harness/otlp-spans.ts';
import { ask, logged, type JsonObject, type Scene } from '../protocol/scene.ts';
import { isChildOf, traced, turnsOf } from './traced.ts';

/** The spans of the only turn; attempts in their order, each with its dial. */
function attemptsOf(spans: readonly ReceivedSpan[]) {
  const [turn] = turnsOf(spans);
  const chat = spans.find(
    (span) => turn !== undefined && isChildOf(span, turn) && span.name.startsWith('chat '),
  );
  const attempts = spans
    .filter((span) => chat !== undefined && isChildOf(span, chat))
    .toSorted((one, other) => one.startMs - other.startMs);
  const dials = attempts.map((attempt) => spans.find((span) => isChildOf(span, attempt)));
  return { turn, chat, attempts, dials };
}

async function stateOf({ bridge }: Scene): Promise<JsonObject> {
  return (await (await fetch(`${bridge.opsUrl}/state.json`)).json()) as JsonObject;
}

test('a turn that fails over shows both attempts with their reasons, and is itself no failure', async () => {
  await using second = await fakeProvider('hello');
  const told: { state?: JsonObject; metrics?: readonly number[]; lines?: readonly object[] } = {};
  const spans = await traced(
    {
      script: () => ({ status: { code: 503, body: { error: { message: 'secret of the provider' } } } }),
      routes: (url) =>
        routeTo(url, {
          providers: [
            { name: 'first', url, transport: 'HTTP', auth: { type: 'None' } },
            { name: 'second', url: second.url, transport: 'HTTP', auth: { type: 'None' }, priority: 1 },
          ],
        }),
    },
    async (scene) => {
      const client = await scene.connect();
      expect((await ask(client, {})).at(-1)).toMatchObject({ type: 'response.completed' });
      told.lines = await logged(scene.bridge, 'turn.failover');
      told.metrics = await Promise.all(
        [
          'turnbridge_provider_failovers_total{from="first",to="second",reason="ServerError"}',
          'turnbridge_provider_attempts_total{provider="first",result="error",error_type="503"}',
          'turnbridge_provider_attempts_total{provider="second",result="ok"}',
        ].map((selector) => scene.bridge.metric(selector)),
      );
      told.state = await stateOf(scene);
    },
  );
  const { turn, chat, attempts } = attemptsOf(spans);
  expect([turn, chat, ...attempts].map((span) => span?.status)).toEqual(['unset', 'unset', 'error', 'unset']);
  expect(attempts.map(({ attributes }) => attributes)).toMatchObject([
    {
      'turnbridge.attempt': 1,
      'turnbridge.attempt.reason': 'first',
      'turnbridge.provider': 'first',
      'turnbridge.transport.reason': 'configured',
      'error.type': '503',
    },
    { 'turnbridge.attempt': 2, 'turnbridge.attempt.reason': 'failover', 'turnbridge.provider': 'second' },
  ]);
  expect(turn?.attributes).toMatchObject({
    'turnbridge.failover': true,
    'turnbridge.attempts': 2,
    'turnbridge.provider': 'second',
    'turnbridge.outcome': 'completed',
  });
  expect(turn?.events.find(({ name }) => name === 'failover')?.attributes).toEqual({
    'turnbridge.failover.from': 'first',
    'turnbridge.failover.to': 'second',
    'turnbridge.failover.reason': 'ServerError',
  });
  expect(told.lines).toMatchObject([{ from: 'first', to: 'second', cause: 'ServerError', level: 'warn' }]);
  expect(told.metrics).toEqual([1, 1, 1]);
  expect(told.state).toMatchObject({
    turns: [{ attempts: [{ provider: 'first', reason: 'first' }, { reason: 'failover' }] }],
    providers: [{ provider: 'first', failures: 1 }, { provider: 'second' }],
  });
});

test('a provider that fails in a row is left alone, and that is seen until it answers again', async () => {
  await using second = await fakeProvider('hello');
  let now: { ejected: number; ejections: number; state: JsonObject } | undefined;
  const spans = await traced(
    {
      script: () => ({ status: { code: 500, body: 'secret' } }),
      routes: (url) =>
        routeTo(url, {
          providers: [
            {
              name: 'first',
              url,
              transport: 'HTTP',
              auth: { type: 'None' },
              health: { consecutiveFailures: 1, ejectionSeconds: 300, maxEjectionSeconds: 300 },
            },
            { name: 'second', url: second.url, transport: 'HTTP', auth: { type: 'None' }, priority: 1 },
          ],
        }),
    },
    async (scene) => {
      const client = await scene.connect();
      await ask(client, {});
      await ask(client, {});
      await logged(scene.bridge, 'provider.ejected');
      now = {
        ejected: await scene.bridge.metric(
          'turnbridge_provider_ejected{route="default/test",provider="first"}',
        ),
        ejections: await scene.bridge.metric('turnbridge_provider_ejections_total{reason="failures"}'),
        state: await stateOf(scene),
      };
    },
  );
  expect(now).toMatchObject({ ejected: 1, ejections: 1 });
  expect(now?.state).toMatchObject({ providers: [{ provider: 'first', health: 'resting' }, {}] });
  expect(turnsOf(spans).map(({ attributes }) => attributes['turnbridge.attempts'])).toEqual([2, 1]);
});

describe('a provider with WebSockets', () => {
  /** Plays turns of one client at a provider that is reached by `transport`. */
  async function play(
    webSocket: WebSocketSettings | 'on' | 'off',
    transport: 'Auto' | 'WebSocket',
    turns: number,
    look: (scene: Scene) => Promise<void> = () => Promise.resolve(),
  ): Promise<readonly ReceivedSpan[]> {
    await using provider = await fakeProvider('hello', { webSocket });
    const routes = () => routeTo(provider.url, { provider: { transport } });
    return await traced({ routes }, async (scene) => {
      const client = await scene.connect();
      for (let count = 0; count < turns; count++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other, on the same socket
        await ask(client, {});
      }
      await look(scene);
    });
  }

  test('is dialled once: the first turn shows the dial with its upgrade, the others a socket that was there', async () => {
    let opened = 0;
    let active = -1;
    let state: JsonObject = {};
    const spans = await play('on', 'Auto', 3, async (scene) => {
      opened = await scene.bridge.metric('turnbridge_provider_websockets_opened_total{use="turns"}');
      active = await scene.bridge.metric('turnbridge_provider_connections{transport="websocket"}');
      state = await stateOf(scene);
    });
    const attempts = spans.filter(({ name }) => name === 'WS /v1/responses');
    expect(attempts.map(({ attributes }) => attributes)).toMatchObject([
      {
        'network.protocol.name': 'websocket',
        'turnbridge.transport': 'websocket',
        'turnbridge.transport.reason': 'preferred',
        'turnbridge.provider.connection': 'new',
      },
      { 'turnbridge.provider.connection': 'reused' },
      { 'turnbridge.provider.connection': 'reused' },
    ]);
    const dials = spans.filter(({ name }) => name === 'upstream connect');
    expect(dials).toHaveLength(1);
    expect(dials[0]?.attributes['turnbridge.connect.upgrade']).toBeGreaterThan(0);
    expect(turnsOf(spans).map(({ attributes }) => attributes['turnbridge.transport'])).toEqual(
      Array(3).fill('websocket'),
    );
    expect({ opened, active }).toEqual({ opened: 1, active: 1 });
    expect(state).toMatchObject({
      providers: [
        { reach: { transport: 'websocket', reason: 'preferred', sockets: { active: 0, idle: 1 } } },
      ],
    });
  });

  test('that refuses them as unknown is asked once: the turn shows both ways, the next one why it took the other', async () => {
    type Told = Record<'fallbacks' | 'failed' | 'fellBack', number>;
    let told: (Told & { lines: readonly object[]; state: JsonObject }) | undefined;
    const spans = await play('off', 'Auto', 2, async (scene) => {
      told = {
        fallbacks: await scene.bridge.metric(
          'turnbridge_provider_transport_fallbacks_total{reason="not_supported"}',
        ),
        failed: await scene.bridge.metric('turnbridge_provider_attempts_total{result="error"}'),
        fellBack: await scene.bridge.metric(
          'turnbridge_provider_attempts_total{transport="websocket",result="fallback",error_type="404"}',
        ),
        lines: await logged(scene.bridge, 'turn.transport_fallback', 2),
        state: await stateOf(scene),
      };
    });
    const attempts = spans.filter(({ name }) => /^(?:WS|POST) /.test(name));
    expect(attempts.map(({ name, status, attributes }) => [name, status, attributes])).toMatchObject([
      [
        'WS /v1/responses',
        'error',
        { 'http.response.status_code': 404, 'turnbridge.transport.reason': 'preferred' },
      ],
      [
        'POST /v1/responses',
        'unset',
        {
          'turnbridge.attempt': 2,
          'turnbridge.attempt.reason': 'transport_fallback',
          'turnbridge.transport.reason': 'not_supported',
        },
      ],
      [
        'POST /v1/responses',
        'unset',
        { 'turnbridge.attempt': 1, 'turnbridge.transport.reason': 'not_supported' },
      ],
    ]);
    for (const turn of turnsOf(spans)) {
      expect(turn.status).toBe('unset');
      expect(turn.attributes['turnbridge.transport.fallback']).toBe(true);
      expect(turn.attributes['turnbridge.transport']).toBe('http');
      expect(turn.events.map(({ name }) => name)).toContain('transport_fallback');
    }
    // the refused upgrade is no failure of the provider
    expect(told).toMatchObject({ fallbacks: 2, failed: 0, fellBack: 1 });
    expect(told?.lines).toMatchObject([
      { level: 'warn', reason: 'not_supported' },
      { level: 'debug', reason: 'not_supported' },
    ]);
    expect(told?.state).toMatchObject({
      providers: [
        { health: 'ok', reach: { transport: 'http', reason: 'not_supported', noWebSocket: { status: 404 } } },
      ],
    });
  });

  test('that has no other way shows its refusal as the failure of the turn', async () => {
    const spans = await play({ refuse: { status: 503, body: 'secret of the provider' } }, 'WebSocket', 1);
    const { turn, chat, attempts, dials } = attemptsOf(spans);
    const last = attempts.at(-1);
    expect([turn, chat, last].map((span) => span?.status)).toEqual(['error', 'error', 'error']);
    expect(last?.attributes).toMatchObject({ 'http.response.status_code': 503, 'error.type': '503' });
    expect(dials.at(-1)?.attributes['turnbridge.connect.upgrade']).toBeGreaterThan(0);
    expect(JSON.stringify(spans)).not.toContain('secret');
  });
});
