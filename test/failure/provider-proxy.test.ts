/** Providers behind an outbound proxy. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
import type { OutboundProxy } from '../../src/provider/provider-pool.ts';
import { closedUrl } from '../harness/nowhere.ts';
import {
  event,
  open,
  providerAt,
  requestTo,
  Servers,
  sse,
  SSE_HEADERS,
} from '../unit/provider/provider-setup.ts';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
const servers = new Servers();
const transports: HttpSseTransport[] = [];

afterEach(async () => {
  await servers.close();
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
});

function through(proxy: OutboundProxy): HttpSseTransport {
  const transport = new HttpSseTransport({ proxy });
  transports.push(transport);
  return transport;
}

/** A proxy that leads every host to this machine, and what it was asked for. */
async function openProxy() {
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { port, pathname } = new URL(request.url ?? '');
    const onward = httpRequest(
      { port, host: '127.0.0.1', path: pathname, method: request.method },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('connect', (request, client: Duplex) => {
    asked.push(`CONNECT ${request.url}`);
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(onward).pipe(client);
    });
    sockets.add(onward);
    onward.on('error', () => client.destroy());
    client.on('error', () => onward.destroy());
  });
  const origin = await servers.tcp(server, () => sockets.forEach((socket) => socket.destroy()));
  return { origin, asked };
}

async function openProvider() {
  return servers.http((_request, response) => response.writeHead(200, SSE_HEADERS).end(sse(event(0))));
}

async function openHttpsProvider() {
  const sockets = new Set<Socket>();
  const server = createHttpsServer(
    { cert: fixture('server.pem'), key: fixture('server.key.pem') },
    (_request, response) => response.writeHead(200, SSE_HEADERS).end(sse(event(0))),
  );
  server.on('connection', (socket: Socket) => sockets.add(socket));
  return servers.tcp(server, () => sockets.forEach((socket) => socket.destroy()), 'https');
}

test('an http: provider is asked through the proxy', async () => {
  const proxy = await openProxy();
  const { origin } = await openProvider();
  const named = origin.replace('127.0.0.1', 'provider.test');
  const heard = open(through({ httpProxy: proxy.origin }), requestTo(providerAt(named)));
  expect(await heard.end()).toEqual({ kind: 'finished' });
  expect(heard.payloads).toEqual([event(0)]);
  expect(proxy.asked).toEqual([`POST ${named}/v1/responses`]);
});

test('an https: provider is reached by a tunnel, and its certificate is checked at its end', async () => {
  const proxy = await openProxy();
  const named = (await openHttpsProvider()).replace('127.0.0.1', 'provider.test');
  const transport = through({ httpsProxy: proxy.origin });
  const trusted = providerAt(named, { tls: { ca: fixture('ca.pem'), serverName: undefined } });
  const heard = open(transport, requestTo(trusted));
  expect(await heard.end()).toEqual({ kind: 'finished' });
  expect(heard.payloads).toEqual([event(0)]);
  expect(proxy.asked).toEqual([`CONNECT ${new URL(named).host}`]);
  expect(await open(transport, requestTo(providerAt(named))).fault()).toMatchObject({ code: 'tls_failed' });
});

test('a host of noProxy is reached directly, and guarded as any', async () => {
  const proxy = await openProxy();
  const { origin } = await openProvider();
  const transport = through({ httpProxy: proxy.origin, noProxy: '127.0.0.1,.example.com' });
  expect(await open(transport, requestTo(providerAt(origin))).end()).toEqual({ kind: 'finished' });
  expect(
    await open(transport, requestTo(providerAt(origin, { loopbackAllowed: false }))).fault(),
  ).toMatchObject({
    code: 'address_refused',
  });
  expect(proxy.asked).toEqual([]);
});

test('a forbidden name is not asked for through the proxy either', async () => {
  const proxy = await openProxy();
  const provider = providerAt('http://metadata.google.internal', { loopbackAllowed: false });
  expect(await open(through({ httpProxy: proxy.origin }), requestTo(provider)).fault()).toMatchObject({
    code: 'address_refused',
  });
  expect(proxy.asked).toEqual([]);
});

describe('a proxy that does not serve', () => {
  test('is a provider that cannot be reached', async () => {
    const heard = open(through({ httpProxy: closedUrl }), requestTo(providerAt('http://provider.test')));
    expect(await heard.fault()).toMatchObject({ code: 'connect_failed', reason: 'ECONNREFUSED' });
  });

  test('because it refuses the tunnel, likewise', async () => {
    const { origin } = await servers.http((_request, response) => response.end());
    const refusing = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'));
    });
    const proxy = await servers.tcp(refusing);
    const provider = providerAt(origin.replace('http:', 'https:'));
    const fault = await open(through({ httpsProxy: proxy }), requestTo(provider)).fault();
    expect(fault).toMatchObject({ code: 'connect_failed' });
  });

  test('because it wants credentials, likewise', async () => {
    const { origin } = await servers.http((_request, response) =>
      response.writeHead(407).end('who are you?'),
    );
    const heard = open(through({ httpProxy: origin }), requestTo(providerAt('http://provider.test')));
    expect(await heard.fault()).toMatchObject({ code: 'connect_failed' });
    expect(heard.ends).toHaveLength(1);
  });

  test('and an abort while it hesitates closes the connection to it', async () => {
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const silent = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => asked.resolve());
      socket.on('close', () => closed.resolve());
    });
    const proxy = await servers.tcp(silent);
    const transport = through({ httpsProxy: proxy });
    const heard = open(transport, requestTo(providerAt('https://provider.test')));
    await asked.promise;
    heard.attempt.abort();
    await closed.promise;
    expect(heard.ends).toEqual([]);
  });
});
