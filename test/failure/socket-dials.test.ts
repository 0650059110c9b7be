/** Dialling a provider's WebSocket: what may go wrong before it is open, and the ways there. */
import { describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OutboundProxy } from '../../src/provider/provider-pool.ts';
import { closedUrl } from '../harness/nowhere.ts';
import { tlsFixture } from '../harness/tls-front.ts';
import { until } from '../harness/wait-for.ts';
import { routeTo, Servers } from '../unit/provider/provider-setup.ts';
import { at, Scene, WebSocketProvider } from '../unit/provider/socket-setup.ts';

const IDENTITY = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };

function answer(socket: Duplex, text: string): true {
  socket.end(text);
  return true;
}

describe('a refused upgrade', () => {
  test.each([200, 301, 400, 401, 403, 404, 405, 426, 429, 500, 501, 503])(
    'with %d is told with its headers and body',
    async (status) => {
      await using server = await WebSocketProvider.open();
      server.refuse = (_request, socket) =>
        answer(
          socket,
          `HTTP/1.1 ${status} No\r\nretry-after: 7\r\nlocation: /other\r\nset-cookie: a=b\r\ncontent-length: 4\r\n\r\nwhy?`,
        );
      await using scene = new Scene();
      const turn = scene.turn(at(server.origin), scene.owner());
      expect(await turn.end()).toEqual({
        kind: 'refused',
        phase: 'upgrade',
        status,
        httpVersion: '1.1',
        headers: { 'retry-after': '7' },
        body: Buffer.from('why?'),
      });
      expect(turn.answers).toEqual([]);
      expect(turn.dials).toMatchObject([{ fault: undefined }]);
      expect(server.upgrades).toHaveLength(1);
      await until(() => server.connections === 0, 'the end of the connection');
      expect(scene.facts).toEqual([]);
    },
  );

  test('is not waited for to its end: 64 KiB are enough, and a second', async () => {
    await using server = await WebSocketProvider.open();
    const head = 'HTTP/1.1 503 No\r\n\r\n';
    server.refuse = (_request, socket) => socket.write(head + 'x'.repeat(100_000)) || true;
    await using scene = new Scene({ limits: { refusalMs: 60_000 } });
    const end = await scene.turn(at(server.origin), scene.owner()).end();
    expect(end.kind === 'refused' && end.body.length).toBe(65_536);
    server.refuse = (_request, socket) => socket.write(`${head}part`) || true;
    await using impatient = new Scene({ limits: { refusalMs: 20 } });
    const cut = await impatient.turn(at(server.origin), impatient.owner()).end();
    expect(cut.kind === 'refused' && cut.body.toString()).toBe('part');
    await until(() => server.connections === 0, 'the end of the connections');
  });
});

describe('no answer to the upgrade', () => {
  test('a stall ends with the time for connecting, and is told apart from a connection that never came', async () => {
    await using server = await WebSocketProvider.open();
    server.refuse = () => true;
    await using scene = new Scene();
    const provider = at(server.origin);
    // long enough for the connection itself: a hiccup before it is there would be another fault
    const turn = scene.turn(provider, scene.owner(), { route: routeTo(provider, {}, 300) });
    expect(await turn.end()).toMatchObject({
      kind: 'lost',
      isStale: false,
      fault: { code: 'handshake_timeout' },
    });
    expect(turn.dials).toMatchObject([{ fault: { code: 'handshake_timeout' } }]);
    await until(() => server.connections === 0, 'the end of the connection');
  });

  test.each<[string, (socket: Duplex) => boolean, string]>([
    ['a reset', (socket) => ((socket as Socket).resetAndDestroy(), true), 'connection_lost'],
    ['an end', (socket) => (socket.end(), true), 'connection_lost'],
    ['an end within the headers', (socket) => answer(socket, 'HTTP/1.1 101 Swi'), 'connection_lost'],
    ['no HTTP', (socket) => answer(socket, 'SSH-2.0-OpenSSH\r\n\r\n'), 'protocol_error'],
    [
      'a 101 that is no handshake',
      (socket) =>
        answer(
          socket,
          'HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: wrong\r\n\r\n',
        ),
      'protocol_error',
    ],
  ])('%s is %s', async (_what, misbehave, code) => {
    await using server = await WebSocketProvider.open();
    server.refuse = (_request, socket) => misbehave(socket);
    await using scene = new Scene();
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(await turn.end()).toMatchObject({ kind: 'lost', isStale: false, fault: { code } });
    expect(turn.answers).toEqual([]);
  });

  test('nobody listens, no such name, a name that leads to this machine', async () => {
    await using scene = new Scene();
    const fault = async (from: Scene, url: string, loopbackAllowed = true) => {
      const turn = from.turn(at(url, { loopbackAllowed }), from.owner());
      return (await turn.fault()).code;
    };
    expect(await fault(scene, closedUrl)).toBe('connect_failed');
    const none: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), '', 4);
    await using nowhere = new Scene({ lookup: none });
    expect(await fault(nowhere, 'http://provider.test')).toBe('dns_failed');
    expect(await fault(scene, closedUrl, false)).toBe('address_refused');
    const local: LookupFunction = (_host, options, callback) =>
      options.all === true
        ? callback(null, [{ address: '127.0.0.1', family: 4 }])
        : callback(null, '127.0.0.1', 4);
    await using tricked = new Scene({ lookup: local });
    expect(await fault(tricked, closedUrl.replace('127.0.0.1', 'provider.test'), false)).toBe(
      'address_refused',
    );
  });

  test('several lanes that wait for one socket all hear that it failed', async () => {
    await using server = await WebSocketProvider.open();
    server.refuse = (_request, socket) => answer(socket, 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n');
    await using scene = new Scene();
    const provider = at(server.origin, { capabilities: new Set(['Lanes'] as const) });
    const sockets = scene.owner();
    const turns = ['', 'a', 'b'].map((lane) => scene.turn(provider, sockets, { lane }));
    for (const turn of turns) expect(await turn.end()).toMatchObject({ kind: 'refused', status: 503 });
    expect(server.upgrades).toHaveLength(1);
    expect(turns.map(({ dials }) => dials.length)).toEqual([1, 0, 0]);
  });

  test('a frame above what the provider takes is never sent', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const provider = at(server.origin, {
      limits: { maxRequestBytes: undefined, maxWebSocketMessageBytes: 10, maxConnectionAgeMs: 1e6 },
    });
    const fault = await scene.turn(provider, scene.owner()).fault();
    expect(fault).toMatchObject({ code: 'request_too_large', closeCode: undefined });
    expect(fault.message).toContain('10 bytes');
    expect(server.upgrades).toHaveLength(0);
  });
});

describe('TLS', () => {
  test('a provider with an authority and a name of its own', async () => {
    await using server = await WebSocketProvider.open(IDENTITY);
    await using scene = new Scene();
    const tls = { ca: tlsFixture('ca.pem'), serverName: 'localhost' };
    const turn = await scene.complete(at(server.origin, { tls }), scene.owner());
    expect(turn.dials[0]?.tlsMs).toBeGreaterThan(0);
    expect(server.upgrades[0]?.headers['sec-websocket-version']).toBe('13');
  });

  test.each([
    ['an authority that nobody knows', { ca: undefined, serverName: 'localhost' }],
    ['another name', { ca: tlsFixture('ca.pem'), serverName: 'other.test' }],
  ])('%s is refused', async (_what, tls) => {
    await using server = await WebSocketProvider.open(IDENTITY);
    await using scene = new Scene();
    expect((await scene.turn(at(server.origin, { tls }), scene.owner()).fault()).code).toBe('tls_failed');
    expect(server.upgrades).toHaveLength(0);
  });
});

/** A proxy that leads every host to this machine, what it was asked for, and how many tunnels it holds. */
class Proxy {
  readonly asked: string[] = [];
  readonly authorizations: (string | undefined)[] = [];
  readonly #sockets = new Set<Duplex>();
  readonly #servers = new Servers();
  status = 200;
  origin = '';

  static async open(): Promise<Proxy> {
    const proxy = new Proxy();
    const server: Server = createServer();
    server.on('connect', (request, client: Duplex) => {
      proxy.asked.push(request.url ?? '');
      proxy.authorizations.push(request.headers['proxy-authorization']);
      if (proxy.status !== 200)
        return void client.end(`HTTP/1.1 ${proxy.status} No\r\ncontent-length: 0\r\n\r\n`);
      const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(onward).pipe(client);
      });
      for (const socket of [client, onward]) proxy.#sockets.add(socket.on('error', () => undefined));
    });
    proxy.origin = await proxy.#servers.tcp(server, () =>
      proxy.#sockets.forEach((socket) => socket.destroy()),
    );
    return proxy;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#servers.close();
  }
}

describe('behind an outbound proxy', () => {
  test('the way is asked for with CONNECT, with and without TLS', async () => {
    await using plain = await WebSocketProvider.open();
    await using secure = await WebSocketProvider.open(IDENTITY);
    await using proxy = await Proxy.open();
    const httpProxy = proxy.origin.replace('//', '//user:p%40ss@');
    await using scene = new Scene({ proxy: { httpProxy } });
    await scene.complete(at(`http://provider.test:${plain.port}`), scene.owner());
    const tls = { ca: tlsFixture('ca.pem'), serverName: 'localhost' };
    const turn = await scene.complete(at(`https://secure.test:${secure.port}`, { tls }), scene.owner());
    expect(turn.dials[0]?.tlsMs).toBeGreaterThan(0);
    expect(proxy.asked).toEqual([`provider.test:${plain.port}`, `secure.test:${secure.port}`]);
    expect(proxy.authorizations).toEqual(
      Array(2).fill(`Basic ${Buffer.from('user:p@ss').toString('base64')}`),
    );
  });

  test.each<[string, boolean]>([
    ['', true],
    ['other.test', true],
    ['localhost', false],
    ['LOCALHOST.', false],
    ['*', false],
    ['x.test, localhost', false],
    ['localhost:1', true],
    ['*.localhost', true],
  ])('NO_PROXY %j: through the proxy is %p', async (noProxy, isProxied) => {
    await using server = await WebSocketProvider.open();
    await using proxy = await Proxy.open();
    const outbound: OutboundProxy = { httpProxy: proxy.origin, noProxy };
    const lookup: LookupFunction = (_host, options, callback) =>
      options.all === true
        ? callback(null, [{ address: '127.0.0.1', family: 4 }])
        : callback(null, '127.0.0.1', 4);
    await using scene = new Scene({ proxy: outbound, lookup });
    await scene.complete(at(`http://localhost:${server.port}`), scene.owner());
    expect(proxy.asked).toHaveLength(isProxied ? 1 : 0);
  });

  test('a proxy that refuses is a provider that cannot be reached', async () => {
    await using proxy = await Proxy.open();
    proxy.status = 407;
    await using scene = new Scene({ proxy: { httpProxy: proxy.origin } });
    const fault = await scene.turn(at('http://provider.test:1'), scene.owner()).fault();
    expect(fault.code).toBe('connect_failed');
    expect(fault.message).toContain('407');
    expect(fault.message).not.toContain(proxy.origin);
    await using other = new Scene({ proxy: { httpProxy: 'socks5://proxy.test' } });
    expect(await other.turn(at('http://provider.test:1'), other.owner()).fault()).toMatchObject({
      code: 'connect_failed',
      message: expect.stringContaining('transport: HTTP'),
    });
  });

  test('what a route may not reach it does not reach through a proxy either', async () => {
    await using proxy = await Proxy.open();
    await using scene = new Scene({ proxy: { httpProxy: proxy.origin } });
    const provider = at('http://127.0.0.1:1', { loopbackAllowed: false });
    expect((await scene.turn(provider, scene.owner()).fault()).code).toBe('address_refused');
    expect(proxy.asked).toEqual([]);
  });
});
