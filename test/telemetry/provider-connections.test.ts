/** What the spans tell of connections to providers: dialled or reused, with TLS, over HTTP/2. */
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { openTlsFront, tlsFixture } from '../harness/tls-front.ts';
import { ask, secretNamed } from '../protocol/scene.ts';
import { traced, turnsOf, turnTrace, type TurnTrace } from './traced.ts';

const IDENTITY = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };
const TRUSTED = { caCertificateRefs: [{ kind: 'Secret', name: 'ca' }] };
const CA = secretNamed('ca', { 'ca.crt': tlsFixture('ca.pem') });

/** The traces of the turns that asked for each model, in their order. */
async function tracesTo(
  routes: (url: string) => string,
  models: readonly string[],
): Promise<readonly TurnTrace[]> {
  const spans = await traced({ routes }, async (scene) => {
    const client = await scene.connect();
    for (const model of models) {
      // oxlint-disable-next-line no-await-in-loop -- the next one may take the connection of the one before
      await ask(client, { model });
    }
  });
  return turnsOf(spans).map(({ spanId }) => turnTrace(spans, (turn) => turn.spanId === spanId));
}

test('a connection with a name and TLS is dialled once, and its parts add up; one that nobody vouches for fails', async () => {
  await using fronts = new AsyncDisposableStack();
  const routes = async (url: string): Promise<string> => {
    const front = fronts.use(await openTlsFront(Number(new URL(url).port), IDENTITY));
    const at = `https://localhost:${front.port}/v1`;
    const named = { ...TRUSTED, serverName: 'localhost' };
    return [
      routeTo(at, { name: 'good', match: { models: ['good'] }, provider: { tls: named, http: 'HTTP1' } }),
      routeTo(at, { name: 'bad', match: { models: ['bad'] } }),
      CA,
    ].join('---\n');
  };
  const spans = await traced({ routes }, async (scene) => {
    const client = await scene.connect();
    await ask(client, { model: 'good' });
    await ask(client, { model: 'good' });
    await ask(client, { model: 'bad' });
  });
  const [first, second, third] = turnsOf(spans).map(({ spanId }) =>
    turnTrace(spans, (turn) => turn.spanId === spanId),
  );
  const {
    'turnbridge.connect.dns': dns,
    'turnbridge.connect.tcp': tcp,
    'turnbridge.connect.tls': tls,
  } = (first?.dial?.attributes ?? {}) as Record<string, number>;
  for (const seconds of [dns, tcp, tls]) expect(seconds).toBeGreaterThan(0);
  const whole = first!.dial!.endMs - first!.dial!.startMs;
  expect(Math.abs((dns! + tcp! + tls!) * 1000 - whole)).toBeLessThan(0.01);
  expect(first?.dial?.attributes).toMatchObject({
    'server.address': 'localhost',
    'network.transport': 'tcp',
  });
  expect(first?.attempt?.attributes).toMatchObject({ 'turnbridge.provider.connection': 'new' });
  expect(second?.attempt?.attributes).toMatchObject({ 'turnbridge.provider.connection': 'reused' });
  expect(second?.dial).toBeUndefined();
  expect(third?.dial).toMatchObject({ status: 'error', attributes: { 'error.type': 'tls_error' } });
  expect(third?.dial?.attributes).toHaveProperty(['turnbridge.connect.tcp']);
  expect(third?.dial?.attributes).not.toHaveProperty(['turnbridge.connect.tls']);
  expect(third?.attempt).toMatchObject({ status: 'error', attributes: { 'error.type': 'tls_error' } });
});

test('HTTP/2 is told as such, also on the connection that carries the next turn', async () => {
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer(IDENTITY);
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream) => {
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'text/event-stream', 'x-request-id': 'req-h2' });
    const response = { id: 'resp_h2', object: 'response', status: 'completed', model: 'm', output: [] };
    for (const type of ['response.created', 'response.completed'])
      stream.write(`event: ${type}\ndata: ${JSON.stringify({ type, response })}\n\n`);
    stream.end();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  await using _closing = {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
  const { port } = server.address() as AddressInfo;
  const routes = (): string =>
    [routeTo(`https://127.0.0.1:${port}/v1`, { provider: { tls: TRUSTED } }), CA].join('---\n');
  const traces = await tracesTo(routes, ['m', 'm']);
  expect(traces.map(({ turn }) => turn.attributes['turnbridge.outcome'])).toEqual(['completed', 'completed']);
  expect(traces.map(({ attempt }) => attempt?.attributes)).toMatchObject([
    {
      'network.protocol.version': '2',
      'turnbridge.provider.connection': 'new',
      'turnbridge.provider.request_id': 'req-h2',
    },
    { 'network.protocol.version': '2', 'turnbridge.provider.connection': 'reused' },
  ]);
  expect(traces.map(({ dial }) => dial?.status)).toEqual(['unset', undefined]);
  expect(sessions.size).toBe(1);
});
