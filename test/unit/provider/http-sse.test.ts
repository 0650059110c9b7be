import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { buffer } from 'node:stream/consumers';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { HttpSseTransport } from '../../../src/provider/http-sse.ts';
import { keyObstacle } from '../../../src/provider/request-headers.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { until } from '../../harness/wait-for.ts';
import {
  event,
  fields,
  open,
  providerAt,
  requestTo,
  routeTo,
  Servers,
  sse,
  SSE_HEADERS,
} from './provider-setup.ts';

const servers = new Servers();
let transport: HttpSseTransport;

beforeEach(() => {
  transport = new HttpSseTransport();
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The event loop has come round once. */
function nextLoop(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}

/** A provider that answers each request so. */
async function answering(answer: (response: ServerResponse, request: IncomingMessage) => void) {
  const { origin } = await servers.http((request, response) => answer(response, request));
  return origin;
}

/** A running attempt whose body of 5 MB nobody but the transport knows. */
function openLarge(origin: string, pieces: number) {
  const memory = new ArrayBuffer(5_000_000);
  const bytes = memory.byteLength / pieces;
  const body = Array.from({ length: pieces }, (_, n) => Buffer.from(memory, n * bytes, bytes));
  return { heard: open(transport, requestTo(providerAt(origin), { body })), body: new WeakRef(memory) };
}

/** `GET /models`, passed on. */
function relay(provider: CompiledProvider) {
  return transport.relay({
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
    const seen = Promise.withResolvers<{ request: IncomingMessage; body: string }>();
    const { origin } = await servers.http(async (request, response) => {
      seen.resolve({ request, body: (await buffer(request)).toString() });
      response.writeHead(200, SSE_HEADERS).end(sse(event(0)));
    });
    const provider = providerAt(origin, { query: 'api-version=1' });
    const heard = open(
      transport,
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
    const received = Promise.withResolvers<[string | undefined, Buffer]>();
    const { origin } = await servers.http(async (request, response) => {
      received.resolve([request.headers['content-length'], await buffer(request)]);
      response.writeHead(200, SSE_HEADERS).end();
    });
    const heard = open(transport, requestTo(providerAt(origin), { body }));
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
    const origin = await answering((response, request) => {
      request.resume().on('end', () => response.writeHead(200, SSE_HEADERS).write(sse(event(0))));
    });
    const { heard, body } = openLarge(origin, pieces);
    await heard.events(1);
    await until(() => {
      collectGarbage();
      return body.deref() === undefined;
    }, 'the collection of the body');
    expect(heard.ends).toEqual([]);
    heard.attempt.abort();
  });

  test('goes out without Nagle’s delay', async () => {
    const sockets: object[] = [];
    const onConnected = (message: unknown) => sockets.push((message as { socket: object }).socket);
    diagnostics.subscribe('undici:client:connected', onConnected);
    try {
      const origin = await answering((response) => response.writeHead(200, SSE_HEADERS).end());
      await open(transport, requestTo(providerAt(origin))).end();
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
    let requests = 0;
    const origin = await answering((response) => {
      requests += 1;
      response.end();
    });
    const provider = providerAt(origin, { limits: { maxRequestBytes: 10 } });
    const fault = await open(transport, requestTo(provider, { body: [Buffer.alloc(11)] })).fault();
    expect(fault).toMatchObject({
      code: 'request_too_large',
      message: 'provider openai takes requests of 10 bytes at most; this one has 11',
    });
    expect(requests).toBe(0);
    await open(transport, requestTo(provider, { body: [Buffer.alloc(10)] })).end();
    expect(requests).toBe(1);
  });

  test('is not made when the provider’s key cannot be sent, and the reason says what to mend', async () => {
    let requests = 0;
    const origin = await answering((response) => {
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
    expect(await open(transport, requestTo(provider)).fault()).toMatchObject(expected);
    await expect(relay(provider)).rejects.toMatchObject(expected);
    expect(requests).toBe(0);
  });
});

describe('an event stream', () => {
  test('is heard as answer, events and end, not before open has returned', async () => {
    const origin = await answering((response) => {
      response.writeHead(200, {
        ...SSE_HEADERS,
        'x-request-id': 'r',
        'x-codex-turn-state': 's',
        server: 'x',
      });
      response.end(sse(event(0), event(1), '[DONE]'));
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(heard.answers).toEqual([]);
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.answers).toEqual([
      { status: 200, httpVersion: '1.1', headers: { 'x-request-id': 'r' }, turnState: 's' },
    ]);
    expect(heard.payloads).toEqual([event(0), event(1)]);
    expect(heard.types).toEqual(['response.output_text.delta', 'response.output_text.delta']);
    expect(heard.ends).toHaveLength(1);
  });

  test('is heard event by event, as it comes', async () => {
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await answering((response) => {
      response.writeHead(200, SSE_HEADERS);
      response.flushHeaders();
      stream.resolve(response);
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    const response = await stream.promise;
    await until(() => heard.answers.length === 1, 'the answer before any event');
    for (let n = 0; n < 3; n += 1) {
      response.write(sse(event(n)));
      await heard.events(n + 1);
    }
    response.end();
    expect(await heard.end()).toEqual({ kind: 'finished' });
  });

  test('has response.done renamed, in every dialect', async () => {
    const origin = await answering((response) =>
      response
        .writeHead(200, SSE_HEADERS)
        .end(sse('{"type":"response.done","response":{"id":"r","output":[]}}')),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.end();
    expect(heard.payloads).toEqual(['{"type":"response.completed","response":{"id":"r","output":[]}}']);
    expect(heard.types).toEqual(['response.completed']);
  });

  test('of the dialect Compatible is repaired; comments are signs of life', async () => {
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await answering((response) => stream.resolve(response.writeHead(200, SSE_HEADERS)));
    const heard = open(transport, requestTo(providerAt(origin, { dialect: 'Compatible' })));
    const response = await stream.promise;
    response.write(': PROCESSING\n\n: PROCESSING\n\n');
    await heard.events(1);
    response.end(sse('{"type":"response.completed","response":{"id":"r"}}'));
    await heard.end();
    expect(heard.types).toEqual(['keepalive', 'response.created', 'response.completed']);
  });

  test('with an event above the limit ends the attempt and the connection', async () => {
    transport = new HttpSseTransport({ limits: { maxEventBytes: 100 } });
    const closed = Promise.withResolvers<void>();
    const origin = await answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, SSE_HEADERS).write(sse(event(0), 'x'.repeat(101)));
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.fault()).toMatchObject({
      code: 'protocol_error',
      message: 'provider openai sent an event above 100 bytes',
    });
    expect(heard.payloads).toEqual([event(0)]);
    await closed.promise;
  });
});

describe('an answer that is no event stream', () => {
  test('but a JSON response becomes its events', async () => {
    const origin = await answering((response) =>
      response
        .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
        .end('{"id":"r","object":"response","status":"completed","output":[]}'),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.answers).toHaveLength(1);
    expect(heard.types).toEqual(['response.created', 'response.completed']);
  });

  test('but a JSON error becomes an error event', async () => {
    const origin = await answering((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}'),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.types).toEqual(['error']);
  });

  test.each([
    [{ 'content-type': 'application/json' }, '{"id":1', /sent JSON that is neither/],
    [
      { 'content-type': 'text/html; charset=utf-8' },
      '<html>secret</html>',
      /answered 200, but with text\/html \(a web/,
    ],
    [
      { 'content-type': 'application/secret' },
      '',
      /but with another content type instead of text\/event-stream/,
    ],
    [{}, 'x', /but with no content type/],
    [{ ...SSE_HEADERS, 'content-encoding': 'rot13' }, 'x', /a content encoding that nobody asked for/],
    [{ ...SSE_HEADERS, 'content-encoding': 'gzip' }, 'not gzip', /does not decode/],
    [{ ...SSE_HEADERS, 'Content-Encoding': ['gzip', 'br'] }, 'x', /a content encoding that nobody asked for/],
    [{ 'Content-Type': ['text/html', 'text/event-stream'] }, 'x', /but with another content type/],
    [{ 'content-type': 'constructor' }, 'x', /but with another content type/],
  ])('with headers %j is a protocol error, in our words only', async (headers, body, message) => {
    const origin = await answering((response) => response.writeHead(200, headers).end(body));
    const fault = await open(transport, requestTo(providerAt(origin))).fault();
    expect(fault.code).toBe('protocol_error');
    expect(fault.message).toMatch(message);
    expect(fault.message).not.toContain('secret');
  });
});

describe('a compressed answer', () => {
  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('in %s is decoded', async (encoding, compress) => {
    const payloads = Array.from({ length: 2_000 }, (_, n) => event(n));
    const origin = await answering((response) =>
      response
        .writeHead(200, { ...SSE_HEADERS, 'content-encoding': encoding })
        .end(compress(Buffer.from(sse(...payloads)))),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual(payloads);
  });

  test.each([
    ['gzip', createGzip, constants.Z_SYNC_FLUSH],
    ['br', createBrotliCompress, constants.BROTLI_OPERATION_FLUSH],
    ['zstd', createZstdCompress, constants.ZSTD_e_flush],
  ])('in %s is decoded as it comes', async (encoding, create, flush) => {
    const compressor = create();
    const origin = await answering((response) => {
      compressor.pipe(response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': encoding }));
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    for (let n = 0; n < 3; n += 1) {
      compressor.write(sse(event(n)));
      compressor.flush(flush);
      await heard.events(n + 1);
    }
    compressor.end();
    expect(await heard.end()).toEqual({ kind: 'finished' });
  });

  test('can be paused and resumed', async () => {
    const payloads = Array.from({ length: 20_000 }, (_, n) => event(n));
    const origin = await answering((response) =>
      response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': 'gzip' }).end(gzipSync(sse(...payloads))),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    heard.onPayload = () => {
      heard.attempt.pause();
      setImmediate(() => heard.attempt.resume());
    };
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual(payloads);
  });

  test('that is a refusal is decoded too', async () => {
    const origin = await answering((response) =>
      response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{"error":{}}')),
    );
    const end = await open(transport, requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 400, body: Buffer.from('{"error":{}}') });
  });
});

describe('a refusal', () => {
  test('is heard with its status, headers and body', async () => {
    const origin = await answering((response) =>
      response
        .writeHead(429, { 'retry-after': '7', server: 'x' })
        .end('{"error":{"code":"rate_limit_exceeded"}}'),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({
      kind: 'refused',
      httpVersion: '1.1',
      status: 429,
      headers: { 'retry-after': '7' },
      body: Buffer.from('{"error":{"code":"rate_limit_exceeded"}}'),
    });
    expect(heard.answers).toEqual([]);
  });

  test('is what a redirect is: nobody follows it', async () => {
    const origin = await answering((response) => response.writeHead(307, { location: '/elsewhere' }).end());
    const end = await open(transport, requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 307 });
  });

  test('is read up to its limit', async () => {
    const closed = Promise.withResolvers<void>();
    const origin = await answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(500).write(Buffer.alloc(1_000_000, 'x'));
    });
    const end = await open(transport, requestTo(providerAt(origin))).end();
    expect(end.kind === 'refused' && end.body.length).toBe(64 * 1024);
    await closed.promise;
  });

  test('is not waited for: what came in time counts', async () => {
    transport = new HttpSseTransport({ limits: { refusalMs: 20 } });
    const closed = Promise.withResolvers<void>();
    const origin = await answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(503, { 'content-length': '100' }).write('half');
    });
    const end = await open(transport, requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 503, body: Buffer.from('half') });
    await closed.promise;
  });

  test('whose body breaks off is still that refusal', async () => {
    const origin = await answering((response) => {
      response.writeHead(503, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    const end = await open(transport, requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 503, body: Buffer.from('half') });
  });
});

describe('connections', () => {
  test('serve again after an answer, a refusal and a release', async () => {
    let completed = 0;
    const onCompleted = () => {
      completed += 1;
    };
    diagnostics.subscribe('undici:request:trailers', onCompleted);
    const ports = new Set<number | undefined>();
    const { origin } = await servers.http((request, response) => {
      ports.add(request.socket.remotePort);
      if (completed === 1) {
        response.writeHead(400).end('{}');
        return;
      }
      response.writeHead(200, SSE_HEADERS).write(sse(event(0)));
      setImmediate(() => response.end(': bye\n\n'));
    });
    try {
      for (let turn = 1; turn <= 6; turn += 1) {
        const heard = open(transport, requestTo(providerAt(origin)));
        if (turn > 2) {
          heard.onPayload = () => {
            if (turn > 4) {
              heard.attempt.pause(); // A release reads on all the same.
            }
            heard.attempt.release();
          };
        }
        await until(() => completed === turn, 'the whole answer to be read');
        await nextLoop(); // undici looks at a connection once more before it serves again.
        expect(heard.ends).toHaveLength(turn > 2 ? 0 : 1);
      }
    } finally {
      diagnostics.unsubscribe('undici:request:trailers', onCompleted);
    }
    expect(ports.size).toBe(1);
  });

  test('are kept when an attempt is aborted before it was sent on one', async () => {
    const ports: (number | undefined)[] = [];
    const { origin } = await servers.http((request, response) => {
      ports.push(request.socket.remotePort);
      response.writeHead(200, SSE_HEADERS).end();
    });
    await open(transport, requestTo(providerAt(origin))).end();
    await nextLoop();
    const aborted = open(transport, requestTo(providerAt(origin)));
    await Promise.resolve(); // Handed to undici, which looks at the idle connection once more before it writes.
    aborted.attempt.abort();
    await nextLoop();
    await open(transport, requestTo(providerAt(origin))).end();
    expect(ports).toHaveLength(2);
    expect(ports[1]).toBe(ports[0]);
    expect(aborted.ends).toEqual([]);
  });

  test('end when a released answer goes on for too long', async () => {
    transport = new HttpSseTransport({ limits: { releaseMs: 20 } });
    const closed = Promise.withResolvers<void>();
    const origin = await answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, SSE_HEADERS).write(sse(event(0)));
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    heard.attempt.release();
    await closed.promise;
    expect(heard.ends).toEqual([]);
  });

  test('end when a released answer goes on with too much', async () => {
    transport = new HttpSseTransport({ limits: { releaseMs: 60_000, maxReleaseBytes: 1_000 } });
    const closed = Promise.withResolvers<void>();
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await answering((response) => {
      response.on('close', () => closed.resolve());
      stream.resolve(response.writeHead(200, SSE_HEADERS));
      response.write(sse(event(0)));
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    heard.attempt.release();
    (await stream.promise).write(Buffer.alloc(2_000));
    await closed.promise;
    expect(heard.payloads).toHaveLength(1);
    expect(heard.ends).toEqual([]);
  });

  test('of at most so many providers are kept', async () => {
    transport = new HttpSseTransport({ maxPools: 2 });
    const closed: Promise<void>[] = [];
    for (let n = 0; n < 3; n += 1) {
      const gone = Promise.withResolvers<void>();
      closed.push(gone.promise);
      const { origin } = await servers.http((request, response) => {
        request.socket.on('close', () => gone.resolve());
        response.writeHead(200, SSE_HEADERS).end();
      });
      await open(transport, requestTo(providerAt(origin))).end();
    }
    await expect(closed[0]).resolves.toBeUndefined();
  });
});

describe('close', () => {
  test('lets a running attempt finish, takes no new one, and may be called twice', async () => {
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await answering((response) => stream.resolve(response.writeHead(200, SSE_HEADERS)));
    const request = requestTo(providerAt(origin));
    const heard = open(transport, request);
    const response = await stream.promise;
    response.write(sse(event(0)));
    await heard.events(1);
    const closed = Promise.all([transport.close(), transport.close()]);
    expect(await open(transport, request).fault()).toMatchObject({
      code: 'connect_failed',
      message: 'provider openai was not called: the bridge is shutting down',
    });
    response.end(sse(event(1)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual([event(0), event(1)]);
    await closed;
  });
});

describe('a relayed request', () => {
  test('goes to the path below the base and comes back with status, headers and body', async () => {
    const { origin } = await servers.http(async (request, response) => {
      const body = await buffer(request);
      response.writeHead(404, { 'content-type': 'text/x', 'x-request-id': 'r', server: 's' });
      response.end(
        `${request.method} ${request.url} ${request.headers['content-length']} ${body.toString()}`,
      );
    });
    const provider = providerAt(origin, { query: 'q=1' });
    const answer = await transport.relay({
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
    const origin = await answering((response, request) =>
      response.end(`${request.method} ${request.headers['transfer-encoding']}`),
    );
    const answer = await relay(providerAt(origin));
    expect((await buffer(answer.body)).toString()).toBe('GET undefined');
  });
});
