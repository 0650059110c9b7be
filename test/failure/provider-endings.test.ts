/** What breaks between the bridge and a provider over HTTP/1.1, when, and what the turn then hears. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
import type { Attempt } from '../../src/provider/provider.ts';
import {
  event,
  open,
  providerAt,
  requestTo,
  routeTo,
  Servers,
  sse,
  SSE_HEADERS,
} from '../unit/provider/provider-setup.ts';
import { closedUrl } from '../harness/nowhere.ts';
import { promptly } from '../harness/promptly.ts';
import { until } from '../harness/wait-for.ts';

const servers = new Servers();
let transport: HttpSseTransport;

beforeEach(() => {
  transport = new HttpSseTransport();
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

/** A server that only accepts connections; what becomes of the first. */
async function openTcp(onConnection: (socket: Socket) => void = () => undefined) {
  const sockets = new Set<Socket>();
  const accepted = Promise.withResolvers<Socket>();
  const closed = Promise.withResolvers<void>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => closed.resolve());
    socket.resume();
    accepted.resolve(socket);
    onConnection(socket);
  });
  const origin = await servers.tcp(server, () => sockets.forEach((socket) => socket.destroy()));
  return { origin, sockets, accepted: accepted.promise, closed: closed.promise };
}

/** A provider that begins a stream with one event and leaves the rest to the test. */
async function openStream() {
  const stream = Promise.withResolvers<ServerResponse>();
  const closed = Promise.withResolvers<void>();
  const { origin } = await servers.http((_request, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, SSE_HEADERS).write(sse(event(0)));
    stream.resolve(response);
  });
  return { origin, stream: stream.promise, closed: closed.promise };
}

/** Aborts; how long until the provider has seen it, in milliseconds. */
async function abortSeen(attempt: Attempt, closed: Promise<unknown>): Promise<number> {
  const since = performance.now();
  attempt.abort();
  await closed;
  return performance.now() - since;
}

describe('no connection', () => {
  test('where nothing listens', async () => {
    const heard = open(transport, requestTo(providerAt(closedUrl)));
    expect(await heard.fault()).toMatchObject({
      code: 'connect_failed',
      reason: 'ECONNREFUSED',
      message: 'provider openai could not be reached: ECONNREFUSED',
    });
    expect(heard.answers).toEqual([]);
  });

  test('where the name has no address', async () => {
    transport = new HttpSseTransport({
      lookup: (_host, _options, callback) =>
        callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), ''),
    });
    const fault = await open(transport, requestTo(providerAt('http://no-such-provider.example'))).fault();
    expect(fault).toMatchObject({
      code: 'dns_failed',
      reason: 'ENOTFOUND',
      message: 'provider openai could not be found: its host name has no address: ENOTFOUND',
    });
  });

  test('where the handshake does not end in time', async () => {
    const { origin, closed } = await openTcp(); // Accepts, but never speaks TLS.
    const provider = providerAt(origin.replace('http:', 'https:'));
    const heard = open(transport, requestTo(provider, { route: routeTo(provider, {}, 50) }));
    expect(await heard.fault()).toMatchObject({ code: 'connect_timeout', reason: 'UND_ERR_CONNECT_TIMEOUT' });
    await closed;
  });

  test('is heard of by all who waited for one, at once and not one after the other', async () => {
    const { origin, sockets } = await openTcp(); // Accepts, but never speaks TLS.
    const provider = providerAt(origin.replace('http:', 'https:'));
    const request = requestTo(provider, { route: routeTo(provider, {}, 50) });
    const turns = Array.from({ length: 5 }, () => open(transport, request));
    for (const heard of turns) {
      expect(await heard.fault()).toMatchObject({ code: 'connect_timeout' });
    }
    expect(sockets.size).toBe(1);
  });

  test('where the name leads to loopback and the route comes from the cluster', async () => {
    const { origin, sockets } = await openTcp();
    transport = new HttpSseTransport({
      lookup: (_host, options, callback) =>
        options.all === true
          ? callback(null, [{ address: '127.0.0.1', family: 4 }])
          : callback(null, '127.0.0.1', 4),
    });
    const named = origin.replace('127.0.0.1', 'provider.example.com');
    expect(
      await open(transport, requestTo(providerAt(named, { loopbackAllowed: false }))).fault(),
    ).toMatchObject({
      code: 'address_refused',
    });
    expect(
      await open(transport, requestTo(providerAt(origin, { loopbackAllowed: false }))).fault(),
    ).toMatchObject({
      code: 'address_refused',
    });
    expect(sockets.size).toBe(0);
  });
});

describe('no answer', () => {
  test('because the connection is reset before it', async () => {
    const { origin } = await openTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const fault = await open(transport, requestTo(providerAt(origin))).fault();
    expect(fault).toMatchObject({ code: 'connection_lost', reason: 'ECONNRESET' });
    expect(fault.message).toContain('closed the connection before it answered');
  });

  test('because the connection is closed before it', async () => {
    const { origin } = await openTcp((socket) => socket.once('data', () => socket.end()));
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'connection_lost',
    });
  });

  test('because what comes is not HTTP', async () => {
    const { origin } = await openTcp((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n\r\n')));
    const fault = await open(transport, requestTo(providerAt(origin))).fault();
    expect(fault.code).toBe('protocol_error');
    expect(fault.message).not.toContain('SSH');
  });

  test('because its headers are beyond all measure', async () => {
    const { origin } = await openTcp((socket) =>
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`)),
    );
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'protocol_error',
    });
  });
});

describe('an answer that breaks off', () => {
  test('by a reset keeps its events and is lost', async () => {
    const { origin, stream } = await openStream();
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    (await stream).socket?.resetAndDestroy();
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost', reason: 'ECONNRESET' });
    expect(heard.payloads).toEqual([event(0)]);
  });

  test('by a close that was announced is lost all the same, if a chunk is missing', async () => {
    const { origin } = await openTcp((socket) =>
      socket.once('data', () =>
        socket.end(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n' +
            'transfer-encoding: chunked\r\n\r\n5\r\ndat',
        ),
      ),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost', reason: 'HTTP_BROKEN_OFF' });
  });

  test('by nonsense between two chunks is a protocol error', async () => {
    const { origin } = await openTcp((socket) =>
      socket.once('data', () =>
        socket.write(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nZZ',
        ),
      ),
    );
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'protocol_error',
      reason: 'HTTP_MALFORMED',
    });
  });

  test('by a close in the middle of a chunked body is lost', async () => {
    const { origin, stream } = await openStream();
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    (await stream).socket?.end();
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
  });

  test('in the middle of a paused stream is lost, once it is resumed', async () => {
    const { origin, stream } = await openStream();
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    heard.attempt.pause();
    (await stream).socket?.resetAndDestroy();
    heard.attempt.resume();
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
  });
});

describe('an abort is seen by the provider at once', () => {
  test('before the request was sent: nobody is called', async () => {
    const { origin, sockets } = await openTcp();
    const heard = open(transport, requestTo(providerAt(origin)));
    heard.attempt.abort();
    open(transport, requestTo(providerAt(origin)));
    await until(() => sockets.size > 0, 'the connection of the second attempt');
    expect(sockets.size).toBe(1);
    expect(heard.ends).toEqual([]);
  });

  test('while the connection is being opened', async () => {
    await promptly(async () => {
      const { origin, accepted, closed } = await openTcp(); // Never answers the TLS handshake.
      const heard = open(transport, requestTo(providerAt(origin.replace('http:', 'https:'))));
      await accepted;
      const tookMs = await abortSeen(heard.attempt, closed);
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('while the connection is being opened, without harm to others who wait for one', async () => {
    const { origin, sockets } = await openTcp();
    const provider = providerAt(origin.replace('http:', 'https:'), { http: 'HTTP1' });
    const first = open(transport, requestTo(provider));
    const second = open(transport, requestTo(provider));
    await until(() => sockets.size === 2, 'two connections');
    first.attempt.abort();
    await until(() => [...sockets].filter((socket) => socket.destroyed).length === 1, 'one to be closed');
    second.attempt.abort();
    await until(() => [...sockets].every((socket) => socket.destroyed), 'both to be closed');
    expect(sockets.size).toBe(2);
  });

  test('while it waits for an answer', async () => {
    await promptly(async () => {
      const asked = Promise.withResolvers<void>();
      const { origin, closed } = await openTcp((socket) => socket.once('data', () => asked.resolve()));
      const heard = open(transport, requestTo(providerAt(origin)));
      await asked.promise;
      const tookMs = await abortSeen(heard.attempt, closed);
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('while it sends a request that the provider does not read', async () => {
    const body = Array.from({ length: 100 }, () => Buffer.alloc(300_000));
    await promptly(async () => {
      const { origin, accepted, closed } = await openTcp((socket) => socket.pause());
      const heard = open(transport, requestTo(providerAt(origin), { body }));
      const socket = await accepted;
      const seen = abortSeen(heard.attempt, closed);
      socket.resume();
      const tookMs = await seen;
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('within a stream', async () => {
    await promptly(async () => {
      const { origin, closed } = await openStream();
      const heard = open(transport, requestTo(providerAt(origin)));
      await heard.events(1);
      const tookMs = await abortSeen(heard.attempt, closed);
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('from within an event, and no further event of the same read is heard', async () => {
    const closed = Promise.withResolvers<void>();
    const { origin } = await servers.http((_request, response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, SSE_HEADERS).write(sse(event(0), event(1), event(2)));
    });
    const heard = open(transport, requestTo(providerAt(origin)));
    heard.onPayload = () => heard.attempt.abort();
    await closed.promise;
    expect(heard.payloads).toEqual([event(0)]);
    expect(heard.ends).toEqual([]);
  });

  test.each([
    ['paused', 'pause'],
    ['released', 'release'],
  ] as const)('while %s', async (_, before) => {
    await promptly(async () => {
      const { origin, closed } = await openStream();
      const heard = open(transport, requestTo(providerAt(origin)));
      await heard.events(1);
      heard.attempt[before]();
      const tookMs = await abortSeen(heard.attempt, closed);
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('while a refusal’s body is read', async () => {
    await promptly(async () => {
      const { origin, accepted, closed } = await openTcp((socket) =>
        socket.once('data', () => socket.write('HTTP/1.1 500 x\r\ncontent-length: 10\r\n\r\nhalf')),
      );
      const heard = open(transport, requestTo(providerAt(origin)));
      await accepted;
      const tookMs = await abortSeen(heard.attempt, closed);
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('and a release before any answer is one', async () => {
    const { origin, accepted, closed } = await openTcp();
    const heard = open(transport, requestTo(providerAt(origin)));
    await accepted;
    heard.attempt.release();
    await closed;
    expect(heard.ends).toEqual([]);
  });

  test('after the end all calls are harmless', async () => {
    const { origin, stream } = await openStream();
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    (await stream).end();
    await heard.end();
    for (const call of ['pause', 'resume', 'release', 'abort'] as const) {
      heard.attempt[call]();
    }
    expect(heard.ends).toHaveLength(1);
  });
});

describe('a pause', () => {
  /** Sends events as fast as they are taken; how many bytes the provider could write. */
  async function flood() {
    const state = { written: 0, stalled: false };
    const { origin } = await servers.http((_request, response) => {
      response.writeHead(200, SSE_HEADERS);
      const chunk = sse(...Array.from({ length: 200 }, (_, n) => event(n)));
      const write = () => {
        while (!response.destroyed) {
          state.written += chunk.length;
          if (!response.write(chunk)) {
            state.stalled = true;
            response.once('drain', () => {
              state.stalled = false;
              write();
            });
            return;
          }
        }
      };
      write();
    });
    return { origin, state };
  }

  test('stops reading, so that the provider cannot write, and a resume goes on', async () => {
    const { origin, state } = await flood();
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(10_000);
    heard.attempt.pause();
    // The kernel's buffers fill, then nothing moves: the same count, many loops apart, with a write hanging.
    let before = -1;
    let quiet = 0;
    await until(() => {
      quiet = state.stalled && state.written === before ? quiet + 1 : 0;
      before = state.written;
      return quiet > 20;
    }, 'the provider to be held up');
    const heardBytes = heard.bytes;
    const written = state.written;
    heard.attempt.resume();
    await until(() => heard.bytes > heardBytes && state.written > written, 'the stream to go on');
    expect(heard.ends).toEqual([]);
    heard.attempt.abort();
  });

  test('before the answer holds everything back but the answer', async () => {
    const { origin } = await flood();
    const heard = open(transport, requestTo(providerAt(origin)));
    heard.attempt.pause();
    await until(() => heard.answers.length === 1, 'the answer');
    expect(heard.payloads).toEqual([]);
    heard.attempt.resume();
    await heard.events(1_000);
    heard.attempt.abort();
  });

  test('and resume of one stream from within the events of another is sound', async () => {
    const one = await flood();
    const other = await flood();
    const first = open(transport, requestTo(providerAt(one.origin)));
    const second = open(transport, requestTo(providerAt(other.origin)));
    first.onPayload = () => {
      first.attempt.pause();
      second.attempt.resume();
    };
    second.onPayload = () => {
      second.attempt.pause();
      first.attempt.resume();
    };
    await first.events(5_000);
    await second.events(5_000);
    expect(first.ends).toEqual([]);
    expect(second.ends).toEqual([]);
    first.attempt.abort();
    second.attempt.abort();
  });

  test('that outlives its attempt does not touch the next one on the connection', async () => {
    const { origin, stream } = await openStream();
    const first = open(transport, requestTo(providerAt(origin)));
    await first.events(1);
    first.attempt.pause();
    (await stream).end();
    first.attempt.release();
    first.attempt.pause();
    const second = open(transport, requestTo(providerAt(origin)));
    await second.events(1);
    first.attempt.resume();
    first.attempt.abort();
    expect(second.ends).toEqual([]);
    second.attempt.abort();
  });
});

describe('an attempt from within the events of another', () => {
  test('is opened and answered', async () => {
    const { origin } = await openStream();
    const first = open(transport, requestTo(providerAt(origin)));
    const second = Promise.withResolvers<ReturnType<typeof open>>();
    first.onPayload = () => second.resolve(open(transport, requestTo(providerAt(origin))));
    const heard = await second.promise;
    await heard.events(1);
    expect([...first.ends, ...heard.ends]).toEqual([]);
    first.attempt.abort();
    heard.attempt.abort();
  });
});

describe('a relayed request', () => {
  function relay(origin: string, signal: AbortSignal, body: Readable | null = null) {
    const provider = providerAt(origin);
    return transport.relay({
      route: routeTo(provider),
      provider,
      method: body === null ? 'GET' : 'POST',
      path: '/models',
      clientHeaders: [],
      clientQuery: '',
      via: 'v',
      body,
      signal,
    });
  }

  test('rejects with the fault where nothing listens', async () => {
    await expect(relay(closedUrl, new AbortController().signal)).rejects.toMatchObject({
      name: 'ProviderFault',
      code: 'connect_failed',
      reason: 'ECONNREFUSED',
    });
  });

  test.each(['http:', 'https:'])('over %s ends at once when its signal says so', async (scheme) => {
    await promptly(async () => {
      const { origin, accepted, closed } = await openTcp();
      const abort = new AbortController();
      const answer = relay(origin.replace('http:', scheme), abort.signal);
      await accepted;
      const reason = new Error('the client went away');
      const since = performance.now();
      abort.abort(reason);
      await expect(answer).rejects.toBe(reason);
      await closed;
      return performance.now() - since;
    });
  });

  test('ends when its body breaks', async () => {
    const { origin, closed } = await openTcp();
    const body = new Readable({ read: () => undefined });
    const answer = relay(origin, new AbortController().signal, body);
    body.push('half');
    body.destroy(new Error('the client went away'));
    await expect(answer).rejects.toMatchObject({ name: 'ProviderFault' });
    await closed;
  });
});
