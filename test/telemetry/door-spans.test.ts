/** Handshakes, refusals and turns over HTTP, as spans. */
import { describe, expect, test } from '@jest/globals';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { connect } from '../harness/connect.ts';
import { gate } from '../harness/fake-provider.ts';
import { openOtlpReceiver } from '../harness/otlp-receiver.ts';
import { until } from '../harness/wait-for.ts';
import { codexHeaders, logged, secretNamed, type Scene } from '../protocol/scene.ts';
import { clientTrace, handshakesOf, traced, turnsOf, turnTrace } from './traced.ts';

const ANONYMOUS = { auth: { type: 'None' } };

/** A group of routes below each path. */
const routes = (url: string): string =>
  [
    routeTo(url, { name: 'open', match: { paths: ['/v1'] } }),
    routeTo(url, {
      name: 'keyed',
      match: { paths: ['/keyed'] },
      clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } },
    }),
    routeTo(url, {
      name: 'no-socket',
      match: { paths: ['/no-socket'] },
      clients: { ...ANONYMOUS, webSocket: 'Disabled' },
    }),
    routeTo(url, { name: 'narrow', match: { paths: ['/narrow'] }, limits: { maxConnections: 1 } }),
    secretNamed('keys', { 'team-a': 'sk-0123456789abcdef0123456789' }),
  ].join('---\n');

/** How a handshake on a path of the scene ends: the status of its answer. */
async function statusOf(scene: Scene, path: string, headers: Record<string, string> = {}): Promise<number> {
  const opening = connect(`http://127.0.0.1:${scene.bridge.port}${path}`, { headers });
  const refused = await opening.then(
    async (client) => client.close().then(() => undefined),
    (error: unknown) => error as { readonly status: number },
  );
  return refused?.status ?? 101;
}

describe('a handshake is a short trace of its own', () => {
  const NAMED = { 'turnbridge.client.kind': 'codex', 'user_agent.original': 'codex_exec/0.169.0' };
  /** In this order. */
  const DOORS = [
    {
      path: '/keyed/responses',
      headers: { ...codexHeaders, authorization: 'Bearer sk-0123456789abcdef0123456789' },
      expected: {
        ...NAMED,
        'turnbridge.handshake.result': 'accepted',
        'turnbridge.auth.method': 'api_key',
        'turnbridge.tenant': 'team-a',
        'network.protocol.name': 'websocket',
        'http.route': '/keyed/responses',
        'http.response.status_code': 101,
      },
    },
    {
      path: '/keyed/responses?token=sk-secret',
      headers: { ...codexHeaders, authorization: 'Bearer sk-secret' },
      expected: {
        ...NAMED,
        'turnbridge.handshake.result': 'unauthorized',
        'turnbridge.auth.method': 'api_key',
        'network.protocol.name': 'http',
        'http.route': '/keyed/responses',
        'http.response.status_code': 401,
      },
    },
    {
      path: '/v1/responses',
      headers: { origin: 'https://secret.example' },
      expected: {
        'turnbridge.handshake.result': 'origin_refused',
        'turnbridge.auth.method': 'none',
        'http.route': '/v1/responses',
        'http.response.status_code': 403,
      },
    },
    {
      path: '/secret/responses',
      headers: { 'user-agent': 'a browser (secret)' },
      expected: { 'turnbridge.handshake.result': 'not_found', 'http.response.status_code': 404 },
    },
    {
      path: '/no-socket/responses',
      headers: {},
      expected: {
        'turnbridge.handshake.result': 'disabled',
        'http.route': '/no-socket/responses',
        'http.response.status_code': 426,
      },
    },
    {
      path: '/v1/responses',
      headers: { 'x-turnbridge-via': 'test-bridge' },
      expected: { 'turnbridge.handshake.result': 'bad_request', 'http.route': '/v1/responses' },
    },
    {
      path: '/narrow/responses',
      headers: {},
      expected: {
        'turnbridge.handshake.result': 'limited',
        'http.route': '/narrow/responses',
        'http.response.status_code': 503,
      },
    },
    {
      path: '/v1/responses',
      headers: {},
      expected: {
        'turnbridge.handshake.result': 'draining',
        'http.route': '/v1/responses',
        'http.response.status_code': 503,
      },
    },
  ] as const;

  test('that tells how it was answered, for which route and whom, and nothing that the client wrote freely', async () => {
    const held = gate();
    const statuses: number[] = [];
    const spans = await traced(
      { routes, script: [{ begin: true }, { until: held.promise }] },
      async (scene) => {
        await using inNarrow = await connect(`http://127.0.0.1:${scene.bridge.port}/narrow/responses`);
        const busy = await scene.connect();
        busy.create({ model: 'm' });
        await busy.next('response.created');
        for (const { path, headers, expected } of DOORS) {
          const isLast = expected['turnbridge.handshake.result'] === 'draining';
          const drained = isLast ? scene.bridge.drain() : undefined;
          if (isLast) await until(() => inNarrow.closed, 'the drain to begin');
          // oxlint-disable-next-line no-await-in-loop -- in their order
          statuses.push(await statusOf(scene, path, headers));
          if (isLast) held.open();
          // oxlint-disable-next-line no-await-in-loop
          await drained;
        }
      },
    );
    const found = handshakesOf(spans).filter(
      ({ attributes }, n) => n >= 2 || attributes['turnbridge.handshake.result'] !== 'accepted',
    );
    expect(found).toHaveLength(DOORS.length);
    DOORS.forEach(({ expected }, n) => {
      const span = found[n];
      const route = 'http.route' in expected ? expected['http.route'] : undefined;
      expect(span?.attributes).toMatchObject({
        ...expected,
        'http.request.method': 'GET',
        'client.address': '127.0.0.0',
        'http.response.status_code': statuses[n],
      });
      expect(span).toMatchObject({
        name: route === undefined ? 'GET' : `GET ${route}`,
        kind: 'server',
        parentSpanId: '',
        status: (statuses[n] ?? 0) >= 500 ? 'error' : 'unset',
      });
      expect(span?.attributes['error.type']).toBe(
        (statuses[n] ?? 0) >= 500 ? String(statuses[n]) : undefined,
      );
      expect(span?.attributes['http.route']).toBe(route);
      expect(span!.endMs).toBeGreaterThanOrEqual(span!.startMs);
    });
    expect(JSON.stringify(spans)).not.toMatch(/secret|sk-/);
  });

  test('also before there is a route', async () => {
    await using receiver = await openOtlpReceiver();
    {
      const tracing = { url: receiver.url, ratio: 1 };
      await using bridge = await startBridge({ routes: '', telemetry: { tracing } });
      await connect(`${bridge.url}/responses`).catch(() => undefined);
    }
    expect(handshakesOf(receiver.spans)).toMatchObject([
      {
        name: 'GET',
        status: 'error',
        attributes: { 'turnbridge.handshake.result': 'not_ready', 'error.type': '503' },
      },
    ]);
  });
});

test('a refused request over HTTP is one too; an accepted one is a turn and nothing else', async () => {
  const spans = await traced({ routes }, async ({ bridge }) => {
    const post = (path: string) =>
      fetch(`http://127.0.0.1:${bridge.port}${path}`, { method: 'POST', body: '{}' });
    expect((await post('/keyed/responses')).status).toBe(401);
  });
  expect(spans).toMatchObject([
    {
      name: 'POST /keyed/responses',
      attributes: {
        'http.request.method': 'POST',
        'turnbridge.handshake.result': 'unauthorized',
        'network.protocol.name': 'http',
        'network.protocol.version': '1.1',
      },
    },
  ]);
});

describe('a turn over HTTP', () => {
  const send = (scene: Scene, body: object, headers: Record<string, string> = {}) =>
    fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'm', input: 'hi', ...body }),
    });

  test.each([
    { what: 'as a stream', stream: true, script: 'hello', status: 200, outcome: 'completed' },
    { what: 'as one body', stream: false, script: 'hello', status: 200, outcome: 'completed' },
    { what: 'that is refused', stream: true, script: 'rate-limited', status: 429, outcome: 'failed' },
    {
      what: 'that fails in its stream',
      stream: true,
      script: 'failed',
      status: undefined,
      outcome: 'failed',
    },
  ] as const)(
    '$what is the same trace under the name of the request',
    async ({ stream, script, status, outcome }) => {
      const { traceId, spanId, traceparent } = clientTrace(3);
      const spans = await traced({ script }, async (scene) => {
        const answer = await send(scene, { stream }, { traceparent, 'session-id': 'mine' });
        expect(answer.status).toBe(status ?? 200);
        await answer.text();
        await logged(scene.bridge, 'turn.end');
      });
      const { turn, chat, attempt } = turnTrace(spans);
      expect(turn).toMatchObject({
        name: 'POST /v1/responses',
        kind: 'server',
        traceId,
        parentSpanId: spanId,
      });
      expect(turn.attributes).toMatchObject({
        'network.protocol.name': 'http',
        'http.request.method': 'POST',
        'http.route': '/v1/responses',
        'url.path': '/v1/responses',
        'turnbridge.outcome': outcome,
      });
      expect(turn.attributes['http.response.status_code']).toBe(status);
      expect(turn.links).toEqual([]);
      expect(chat?.attributes['gen_ai.conversation.id']).toBe(turn.attributes['session.id']);
      expect(attempt?.traceId).toBe(traceId);
      expect(handshakesOf(spans)).toEqual([]);
    },
  );

  test('whose client goes away has no status, and no error', async () => {
    const spans = await traced({ script: [{ begin: true }, { stall: true }] }, async (scene) => {
      const gone = new AbortController();
      const answer = await fetch(`${scene.bridge.url}/responses`, {
        method: 'POST',
        body: JSON.stringify({ model: 'm', input: 'hi', stream: true }),
        signal: gone.signal,
      });
      expect(answer.status).toBe(200);
      gone.abort();
      await logged(scene.bridge, 'turn.end');
    });
    const { turn } = turnTrace(spans);
    expect(turn).toMatchObject({ status: 'unset', attributes: { 'turnbridge.outcome': 'disconnected' } });
    expect(turn.attributes).not.toHaveProperty(['http.response.status_code']);
    expect(turnsOf(spans)).toHaveLength(1);
  });
});
