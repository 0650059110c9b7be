/** What a provider gets over HTTP: a turn’s request, and one that is passed on. Against real servers. */
import { describe, expect, test } from '@jest/globals';
import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keyObstacle } from '../../../src/provider/request-headers.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { aProvider } from '../../harness/compiled-route.ts';
import { until } from '../../harness/wait-for.ts';
import { HttpScene } from './http-setup.ts';
import { event, fields, providerAt, requestTo, routeTo, sse, SSE_HEADERS } from './provider-setup.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A running attempt whose body of 5 MB nobody but the transport knows. */
function openLarge(scene: HttpScene, origin: string, pieces: number) {
  const memory = new ArrayBuffer(5_000_000);
  const bytes = memory.byteLength / pieces;
  const body = Array.from({ length: pieces }, (_, n) => Buffer.from(memory, n * bytes, bytes));
  return { heard: scene.open(requestTo(providerAt(origin), { body })), body: new WeakRef(memory) };
}

/** `GET /models`, passed on. */
function relay(scene: HttpScene, provider: CompiledProvider) {
  return scene.transport.relay({
    route: routeTo(provider),
    provider,
    method: 'GET',
    path: '/models',
    clientHeaders: [],
    clientQuery: '',
    via: 'v',
    body: null,
    signal: new AbortController().signal,
  });
}

describe('the request', () => {
  test('is a POST to the base path with headers, query and body as configured', async () => {
    await using scene = new HttpScene();
    const seen = Promise.withResolvers<{ request: IncomingMessage; body: string }>();
    const { origin } = await scene.servers.http(async (request, response) => {
      seen.resolve({ request, body: (await buffer(request)).toString() });
      response.writeHead(200, SSE_HEADERS).end(sse(event(0)));
    });
    const provider = providerAt(origin, { query: 'api-version=1' });
    const heard = scene.open(
      requestTo(provider, {
        body: [Buffer.from('{"a":'), Buffer.from('"ü"'), Buffer.from('}')],
        clientHeaders: fields({ 'user-agent': 'codex', cookie: 'a=b' }),
        clientQuery: 'b=2',
      }),
    );
    expect(await heard.end()).toEqual({ kind: 'finished' });
    const { request, body } = await seen.promise;
    expect(request.method).toBe('POST');
    expect(request.url).toBe('/v1/responses?api-version=1&b=2');
    expect(body).toBe('{"a":"ü"}');
    expect(request.headers).toEqual({
      host: origin.slice('http://'.length),
      connection: 'keep-alive',
      'user-agent': 'codex',
      'content-type': 'application/json',
      'content-length': '10',
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
      'x-turnbridge-via': 'bridge-1',
    });
  });

  test.each([
    ['in many pieces', Array.from({ length: 5_000 }, (_, n) => Buffer.from(`${n},`.repeat(100)))],
    ['in one large piece', [Buffer.alloc(5_000_000, 'x')]],
    ['in large and small pieces', [Buffer.from('a'), Buffer.alloc(700_000, 'b'), Buffer.from('c')]],
  ])('is written whole, %s, with its length', async (_, body) => {
    await using scene = new HttpScene();
    const received = Promise.withResolvers<[string | undefined, Buffer]>();
    const { origin } = await scene.servers.http(async (request, response) => {
      received.resolve([request.headers['content-length'], await buffer(request)]);
      response.writeHead(200, SSE_HEADERS).end();
    });
    const heard = scene.open(requestTo(providerAt(origin), { body }));
    await heard.end();
    const whole = Buffer.concat(body);
    const [length, bytes] = await received.promise;
    expect(length).toBe(String(whole.length));
    expect(bytes.equals(whole)).toBe(true);
  });

  test.each([
    ['in one large piece', 1],
    ['in a few', 5],
    ['in many', 5_000],
  ])('is let go of once it is written, %s: an answer under way does not hold it', async (_, pieces) => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response, request) => {
      request.resume().on('end', () => response.writeHead(200, SSE_HEADERS).write(sse(event(0))));
    });
    const { heard, body } = openLarge(scene, origin, pieces);
    await heard.events(1);
    await until(() => {
      collectGarbage();
      return body.deref() === undefined;
    }, 'the collection of the body');
    expect(heard.ends).toEqual([]);
    heard.attempt.abort();
  });

  test('goes out without Nagle’s delay', async () => {
    await using scene = new HttpScene();
    const sockets: object[] = [];
    const onConnected = (message: unknown) => sockets.push((message as { socket: object }).socket);
    diagnostics.subscribe('undici:client:connected', onConnected);
    try {
      const origin = await scene.answering((response) => response.writeHead(200, SSE_HEADERS).end());
      await scene.open(requestTo(providerAt(origin))).end();
    } finally {
      diagnostics.unsubscribe('undici:client:connected', onConnected);
    }
    const [socket] = sockets as Record<symbol, unknown>[];
    const option = Object.getOwnPropertySymbols(socket).find(
      (symbol) => symbol.description === 'kSetNoDelay',
    );
    expect(socket?.[option as symbol]).toBe(true);
  });

  test('above the provider’s limit is refused without a connection', async () => {
    await using scene = new HttpScene();
    let requests = 0;
    const origin = await scene.answering((response) => {
      requests += 1;
      response.end();
    });
    const provider = providerAt(origin, { limits: { ...aProvider().limits, maxRequestBytes: 10 } });
    const fault = await scene.open(requestTo(provider, { body: [Buffer.alloc(11)] })).fault();
    expect(fault).toMatchObject({
      code: 'request_too_large',
      message: 'provider openai takes requests of 10 bytes at most; this one has 11',
    });
    expect(requests).toBe(0);
    await scene.open(requestTo(provider, { body: [Buffer.alloc(10)] })).end();
    expect(requests).toBe(1);
  });

  test('is not made when the provider’s key cannot be sent, and the reason says what to mend', async () => {
    await using scene = new HttpScene();
    let requests = 0;
    const origin = await scene.answering((response) => {
      requests += 1;
      response.end();
    });
    const provider = providerAt(origin, {
      auth: { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key: new Secret('sk-a\nb') },
    });
    const expected = {
      code: 'connect_failed',
      message: `provider openai ${keyObstacle(provider)}`,
    };
    expect(await scene.open(requestTo(provider)).fault()).toMatchObject(expected);
    await expect(relay(scene, provider)).rejects.toMatchObject(expected);
    expect(requests).toBe(0);
  });
});

describe('a relayed request', () => {
  test('goes to the path below the base and comes back with status, headers and body', async () => {
    await using scene = new HttpScene();
    const { origin } = await scene.servers.http(async (request, response) => {
      const body = await buffer(request);
      response.writeHead(404, { 'content-type': 'text/x', 'x-request-id': 'r', server: 's' });
      response.end(
        `${request.method} ${request.url} ${request.headers['content-length']} ${body.toString()}`,
      );
    });
    const provider = providerAt(origin, { query: 'q=1' });
    const answer = await scene.transport.relay({
      route: routeTo(provider),
      provider,
      method: 'POST',
      path: '/responses/compact',
      clientHeaders: fields({ 'content-length': '5', 'content-type': 'text/plain' }),
      clientQuery: '',
      via: 'v',
      body: Readable.from([Buffer.from('hello')]),
      signal: new AbortController().signal,
    });
    expect(answer.status).toBe(404);
    expect(answer.headers).toEqual({ 'content-type': 'text/x', 'x-request-id': 'r' });
    expect((await buffer(answer.body)).toString()).toBe('POST /v1/responses/compact?q=1 5 hello');
  });

  test('of GET has no body', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response, request) =>
      response.end(`${request.method} ${request.headers['transfer-encoding']}`),
    );
    const answer = await relay(scene, providerAt(origin));
    expect((await buffer(answer.body)).toString()).toBe('GET undefined');
  });
});
