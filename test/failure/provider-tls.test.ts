/** Providers over TLS and HTTP/2: whom we trust, and what ends how when one connection carries many turns. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer as createH2cServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as TcpServer, Socket } from 'node:net';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
import {
  event,
  open,
  providerAt,
  requestTo,
  Servers,
  sse,
  SSE_HEADERS,
} from '../unit/provider/provider-setup.ts';
import { promptly } from '../harness/promptly.ts';
import { until } from '../harness/wait-for.ts';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
const CA = fixture('ca.pem');
const IDENTITY = { cert: fixture('server.pem'), key: fixture('server.key.pem') };
const TRUSTED = { ca: CA, serverName: undefined };

const servers = new Servers();
let transport: HttpSseTransport;

beforeEach(() => {
  transport = new HttpSseTransport();
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

/** An HTTP/2 provider; its streams in order, and how many connections it has had. */
async function openH2(
  onStream: (stream: ServerHttp2Stream, path: string) => void,
  make: () => TcpServer = () => createSecureServer(IDENTITY),
  scheme: 'http' | 'https' = 'https',
) {
  const server = make();
  const connections: Socket[] = [];
  const streams: ServerHttp2Stream[] = [];
  server.on('connection', (socket: Socket) => connections.push(socket));
  server.on('stream', (stream: ServerHttp2Stream, headers: Record<string, string>) => {
    stream.on('error', () => undefined);
    stream.resume();
    streams.push(stream);
    onStream(stream, headers[':path'] ?? '');
  });
  const origin = await servers.tcp(server, () => connections.forEach((socket) => socket.destroy()), scheme);
  return { origin, server, connections, streams };
}

const H2_HEADERS = { ':status': 200, ...SSE_HEADERS };

describe('over TLS', () => {
  async function openHttps() {
    const names: (string | false | undefined)[] = [];
    const sockets = new Set<Socket>();
    const server = createHttpsServer(IDENTITY, (_request, response) => {
      response.writeHead(200, SSE_HEADERS).end(sse(event(0)));
    });
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.on('secureConnection', (socket: { servername?: string | false }) => names.push(socket.servername));
    const origin = await servers.tcp(server, () => sockets.forEach((socket) => socket.destroy()), 'https');
    return { origin, names };
  }

  test('a private CA of the route is trusted', async () => {
    const { origin } = await openHttps();
    const heard = open(transport, requestTo(providerAt(origin, { tls: TRUSTED })));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual([event(0)]);
  });

  test('a certificate that nobody vouches for is refused', async () => {
    const { origin } = await openHttps();
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'tls_failed',
      reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      message: expect.stringMatching(/^provider openai was reached, but its certificate or TLS handshake/),
    });
  });

  test('the server name of the route is asked for and checked', async () => {
    const { origin, names } = await openHttps();
    const named = (serverName: string) => requestTo(providerAt(origin, { tls: { ca: CA, serverName } }));
    expect(await open(transport, named('provider.test')).end()).toEqual({ kind: 'finished' });
    expect(names).toEqual(['provider.test']);
    expect(await open(transport, named('other.test')).fault()).toMatchObject({
      code: 'tls_failed',
      reason: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('a server that speaks no TLS is a failure of TLS', async () => {
    const { origin } = await servers.http((_request, response) => response.end());
    const provider = providerAt(origin.replace('http:', 'https:'), { tls: TRUSTED });
    expect(await open(transport, requestTo(provider)).fault()).toMatchObject({
      code: 'tls_failed',
      message:
        'provider openai was reached, but speaks no TLS there (if that is meant, its url has to begin with http:// or ws://): ERR_SSL_WRONG_VERSION_NUMBER',
    });
  });
});

describe('over HTTP/2', () => {
  test.each(['Auto', 'HTTP2'] as const)('with http: %s turns share one connection', async (http) => {
    const { origin, connections, streams } = await openH2((stream) => {
      stream.respond(H2_HEADERS);
      stream.write(sse(event(0)));
    });
    const provider = providerAt(origin, { http, tls: TRUSTED });
    const turns = [1, 2, 3].map(() => open(transport, requestTo(provider)));
    await Promise.all(turns.map((heard) => heard.events(1)));
    streams.forEach((stream) => stream.end());
    for (const heard of turns) {
      expect(await heard.end()).toEqual({ kind: 'finished' });
    }
    expect(connections).toHaveLength(1);
  });

  test('with http: HTTP1 a server that has both is spoken to in HTTP/1.1', async () => {
    const server = createSecureServer({ ...IDENTITY, allowHTTP1: true }, (request, response) => {
      response.writeHead(200, { ...SSE_HEADERS, 'x-request-id': request.httpVersion });
      response.end();
    });
    const origin = await servers.tcp(server, () => undefined, 'https');
    const versions: (string | undefined)[] = [];
    for (const http of ['HTTP1', 'HTTP2'] as const) {
      const heard = open(transport, requestTo(providerAt(origin, { http, tls: TRUSTED })));
      await heard.end();
      versions.push(heard.answers[0]?.headers['x-request-id']);
    }
    await transport.close();
    expect(versions).toEqual(['1.1', '2.0']);
  });

  test('without TLS, where the route says HTTP2', async () => {
    const { origin } = await openH2(
      (stream, path) => {
        stream.respond({ ...H2_HEADERS, 'x-request-id': path });
        stream.end(sse(event(0)));
      },
      () => createH2cServer(),
      'http',
    );
    const heard = open(transport, requestTo(providerAt(origin, { http: 'HTTP2' })));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.answers[0]?.headers).toEqual({ 'x-request-id': '/v1/responses' });
    expect(heard.payloads).toEqual([event(0)]);
  });

  test('an abort resets its stream alone', async () => {
    const { origin, connections, streams } = await openH2((stream) => {
      stream.respond(H2_HEADERS);
      stream.write(sse(event(0)));
    });
    const provider = providerAt(origin, { tls: TRUSTED });
    await promptly(async () => {
      const [first, second] = [open(transport, requestTo(provider)), open(transport, requestTo(provider))];
      await Promise.all([first.events(1), second.events(1)]);
      const mine = streams.slice(-2);
      const since = performance.now();
      first.attempt.abort();
      await until(() => mine.filter((stream) => stream.closed).length === 1, 'the stream to be reset');
      const tookMs = performance.now() - since;
      const alive = mine.find((stream) => !stream.closed);
      alive?.end(sse(event(1)));
      expect(await second.end()).toEqual({ kind: 'finished' });
      expect(second.payloads).toEqual([event(0), event(1)]);
      expect(first.ends).toEqual([]);
      return tookMs;
    });
    expect(connections).toHaveLength(1);
  });

  test('an abort while all wait for one connection leaves it to the others', async () => {
    const { origin, server, connections, streams } = await openH2((stream) => {
      stream.respond(H2_HEADERS);
      stream.end(sse(event(0)));
    });
    const provider = providerAt(origin, { tls: TRUSTED });
    const [first, second] = [open(transport, requestTo(provider)), open(transport, requestTo(provider))];
    server.once('connection', () => first.attempt.abort()); // before the TLS handshake
    expect(await second.end()).toEqual({ kind: 'finished' });
    expect(connections).toHaveLength(1);
    expect(streams).toHaveLength(1);
    expect(first.ends).toEqual([]);
  });

  test('a stream that the provider resets is lost', async () => {
    const { origin, streams } = await openH2((stream) => {
      stream.respond(H2_HEADERS);
      stream.write(sse(event(0)));
    });
    const heard = open(transport, requestTo(providerAt(origin, { tls: TRUSTED })));
    await heard.events(1);
    streams[0]?.destroy(new Error('broken'));
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
  });

  test('a connection that goes takes its streams with it, and the next turn gets a new one', async () => {
    const { origin, connections } = await openH2((stream) => {
      stream.respond(H2_HEADERS);
      stream.write(sse(event(0)));
    });
    const provider = providerAt(origin, { tls: TRUSTED });
    const turns = [1, 2].map(() => open(transport, requestTo(provider)));
    await Promise.all(turns.map((heard) => heard.events(1)));
    connections[0]?.resetAndDestroy();
    for (const heard of turns) {
      expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
    }
    const next = open(transport, requestTo(provider));
    await next.events(1);
    expect(connections).toHaveLength(2);
    next.attempt.abort();
  });

  test('a pause holds back its own stream only', async () => {
    const { origin, streams } = await openH2((stream) => stream.respond(H2_HEADERS));
    const provider = providerAt(origin, { tls: TRUSTED });
    const [held, free] = [open(transport, requestTo(provider)), open(transport, requestTo(provider))];
    await until(() => held.answers.length + free.answers.length === 2, 'both answers');
    held.attempt.pause();
    const lots = sse(...Array.from({ length: 20_000 }, (_, n) => event(n)));
    streams.forEach((stream) => stream.end(lots));
    expect(await free.end()).toEqual({ kind: 'finished' });
    expect(held.payloads.length).toBeLessThan(10_000);
    expect(held.ends).toEqual([]);
    held.attempt.resume();
    expect(await held.end()).toEqual({ kind: 'finished' });
    expect(held.payloads).toHaveLength(20_000);
  });
});
