/** What becomes of an attempt, and of all others, when our own code throws while it listens to a provider. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
import { aProvider } from '../harness/compiled-route.ts';
import { until } from '../harness/wait-for.ts';
import {
  event,
  Heard,
  providerAt,
  requestTo,
  routeTo,
  Servers,
  sse,
  SSE_HEADERS,
} from '../unit/provider/provider-setup.ts';

const servers = new Servers();
let transport: HttpSseTransport;
let mistakes: unknown[];

beforeEach(() => {
  mistakes = [];
  transport = new HttpSseTransport({
    limits: { refusalMs: 20 },
    onMistake: (error) => mistakes.push(error),
  });
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

const OURS = new Error('a mistake of ours');

/** Throws whenever it hears that; hears everything else. */
class Throwing extends Heard {
  readonly #at: 'onAnswer' | 'onEvent' | 'onEnd';

  constructor(at: 'onAnswer' | 'onEvent' | 'onEnd') {
    super();
    this.#at = at;
  }

  override onAnswer(...args: Parameters<Heard['onAnswer']>): void {
    super.onAnswer(...args);
    this.#throwAt('onAnswer');
  }

  override onEvent(...args: Parameters<Heard['onEvent']>): void {
    super.onEvent(...args);
    this.#throwAt('onEvent');
  }

  override onEnd(...args: Parameters<Heard['onEnd']>): void {
    super.onEnd(...args);
    this.#throwAt('onEnd');
  }

  #throwAt(at: string): void {
    if (at === this.#at) {
      throw OURS;
    }
  }
}

function openThrowing(at: 'onAnswer' | 'onEvent' | 'onEnd', request: ReturnType<typeof requestTo>): Throwing {
  const heard = new Throwing(at);
  heard.attempt = transport.open(request, heard);
  return heard;
}

/** A provider whose first answer is this one; any other is one event. */
async function answeringFirst(answer: (response: ServerResponse) => void) {
  const closed = Promise.withResolvers<void>();
  let requests = 0;
  const { origin } = await servers.http((_request, response) => {
    requests += 1;
    if (requests === 1) {
      response.on('close', () => closed.resolve());
      answer(response);
    } else {
      response.writeHead(200, SSE_HEADERS).end(sse(event(0)));
    }
  });
  return { origin, closed: closed.promise };
}

/** An attempt without mistakes hears everything. */
async function expectOthersServed(origin: string): Promise<void> {
  const heard = new Heard();
  heard.attempt = transport.open(requestTo(providerAt(origin)), heard);
  expect(await heard.end()).toEqual({ kind: 'finished' });
  expect(heard.payloads).toEqual([event(0)]);
}

describe('a mistake before the end is reported, ends the attempt and its request, and nothing else', () => {
  const stream = (response: ServerResponse) => {
    response.writeHead(200, SSE_HEADERS).write(sse(event(0), event(1)));
  };
  const gzip = (response: ServerResponse) => {
    // Flushed as a whole, but not ended: the request is still under way.
    response
      .writeHead(200, { ...SSE_HEADERS, 'content-encoding': 'gzip' })
      .write(gzipSync(sse(event(0), event(1))));
  };

  test.each([
    ['the headers are told', 'onAnswer', stream],
    ['an event is told', 'onEvent', stream],
    ['an event of a compressed stream is told', 'onEvent', gzip],
  ] as const)('when %s', async (_, at, answer) => {
    const { origin, closed } = await answeringFirst(answer);
    const heard = openThrowing(at, requestTo(providerAt(origin)));
    expect(await heard.fault()).toMatchObject({
      code: 'connection_lost',
      message: 'provider openai was given up: the bridge made a mistake',
    });
    await closed;
    expect(mistakes).toEqual([OURS]);
    expect(heard.payloads).toEqual(at === 'onEvent' ? [event(0)] : []);
    expect(heard.ends).toHaveLength(1);
    await expectOthersServed(origin);
  });

  test('when an event of a JSON answer is told', async () => {
    const { origin } = await answeringFirst((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"output":[]}'),
    );
    const heard = openThrowing('onEvent', requestTo(providerAt(origin)));
    expect((await heard.fault()).code).toBe('connection_lost');
    expect(mistakes).toEqual([OURS]);
    expect(heard.types).toEqual(['response.created']);
    await expectOthersServed(origin);
  });
});

describe('a mistake at the end is reported, and the end is told once', () => {
  test.each([
    ['of a stream', (response: ServerResponse) => response.writeHead(200, SSE_HEADERS).end(sse(event(0)))],
    [
      'of a compressed stream',
      (response: ServerResponse) =>
        response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': 'gzip' }).end(gzipSync(sse(event(0)))),
    ],
    [
      'of one that does not decode',
      (response: ServerResponse) =>
        response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': 'gzip' }).end('no gzip'),
    ],
    ['of one that is no stream', (response: ServerResponse) => response.writeHead(200).end('x')],
    ['of one that breaks off', (response: ServerResponse) => response.writeHead(200, SSE_HEADERS).destroy()],
    ['of a refusal', (response: ServerResponse) => response.writeHead(500).end('x')],
    [
      'of a refusal whose body does not end',
      (response: ServerResponse) => response.writeHead(500).write('x'),
    ],
  ])('%s', async (_, answer) => {
    const { origin } = await answeringFirst((response) => void answer(response));
    const heard = openThrowing('onEnd', requestTo(providerAt(origin)));
    await heard.end();
    await until(() => mistakes.length > 0, 'the report of the mistake');
    await expectOthersServed(origin);
    expect(mistakes).toEqual([OURS]);
    expect(heard.ends).toHaveLength(1);
  });

  test('of one that was never sent', async () => {
    const provider = providerAt('http://127.0.0.1:9', {
      limits: { ...aProvider().limits, maxRequestBytes: 1 },
    });
    const heard = openThrowing('onEnd', requestTo(provider));
    expect((await heard.fault()).code).toBe('request_too_large');
    expect(mistakes).toEqual([OURS]);
  });

  test('of each that waited for a connection which failed', async () => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket.on('error', () => undefined).resume()); // Never speaks TLS.
    });
    const origin = await servers.tcp(server, () => sockets.forEach((socket) => socket.destroy()), 'https');
    const provider = providerAt(origin);
    const request = requestTo(provider, { route: routeTo(provider, {}, 50) });
    const turns = Array.from({ length: 3 }, () => openThrowing('onEnd', request));
    for (const heard of turns) {
      expect(await heard.fault()).toMatchObject({ code: 'connect_timeout' });
    }
    await until(() => mistakes.length === 3, 'the report of all three');
  });
});

describe('settings that undici refuses', () => {
  test('fail the attempt and do not throw where it is opened', async () => {
    transport = new HttpSseTransport({
      proxy: { httpProxy: 'no address' },
      onMistake: (error) => mistakes.push(error),
    });
    const heard = new Heard();
    heard.attempt = transport.open(requestTo(providerAt('http://provider.example.com')), heard);
    expect(heard.ends).toEqual([]);
    expect(await heard.fault()).toMatchObject({
      code: 'connect_failed',
      message: expect.stringContaining('cannot set up connections to it'),
    });
    expect(mistakes).toHaveLength(1);
  });

  test('fail a relayed request in the same words', async () => {
    transport = new HttpSseTransport({ proxy: { httpProxy: 'no address' } });
    const provider = providerAt('http://provider.example.com');
    const relayed = transport.relay({
      ...requestTo(provider),
      method: 'GET',
      path: '/models',
      body: null,
      signal: new AbortController().signal,
    });
    await expect(relayed).rejects.toMatchObject({ name: 'ProviderFault', code: 'connect_failed' });
  });
});
