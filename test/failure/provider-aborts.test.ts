/** A request that is given up, at each moment of it: the provider sees it at once, and nobody is told twice. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
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
import { abortSeen, openStream, openTcp } from './provider-scene.ts';

const servers = new Servers();
let transport: HttpSseTransport;

beforeEach(() => {
  transport = new HttpSseTransport();
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

describe('an abort is seen by the provider at once', () => {
  test('before the request was sent: nobody is called', async () => {
    const { origin, sockets } = await openTcp(servers);
    const heard = open(transport, requestTo(providerAt(origin)));
    heard.attempt.abort();
    open(transport, requestTo(providerAt(origin)));
    await until(() => sockets.size > 0, 'the connection of the second attempt');
    expect(sockets.size).toBe(1);
    expect(heard.ends).toEqual([]);
  });

  test('while the connection is being opened', async () => {
    await promptly(async () => {
      const { origin, accepted, closed } = await openTcp(servers); // Never answers the TLS handshake.
      const heard = open(transport, requestTo(providerAt(origin.replace('http:', 'https:'))));
      await accepted;
      const tookMs = await abortSeen(heard.attempt, closed);
      expect(heard.ends).toEqual([]);
      return tookMs;
    });
  });

  test('while the connection is being opened, without harm to others who wait for one', async () => {
    const { origin, sockets } = await openTcp(servers);
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
      const { origin, closed } = await openTcp(servers, (socket) =>
        socket.once('data', () => asked.resolve()),
      );
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
      const { origin, accepted, closed } = await openTcp(servers, (socket) => socket.pause());
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
      const { origin, closed } = await openStream(servers);
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
      const { origin, closed } = await openStream(servers);
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
      const { origin, accepted, closed } = await openTcp(servers, (socket) =>
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
    const { origin, accepted, closed } = await openTcp(servers);
    const heard = open(transport, requestTo(providerAt(origin)));
    await accepted;
    heard.attempt.release();
    await closed;
    expect(heard.ends).toEqual([]);
  });

  test('after the end all calls are harmless', async () => {
    const { origin, stream } = await openStream(servers);
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
      const { origin, accepted, closed } = await openTcp(servers);
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
    const { origin, closed } = await openTcp(servers);
    const body = new Readable({ read: () => undefined });
    const answer = relay(origin, new AbortController().signal, body);
    body.push('half');
    body.destroy(new Error('the client went away'));
    await expect(answer).rejects.toMatchObject({ name: 'ProviderFault' });
    await closed;
  });
});
