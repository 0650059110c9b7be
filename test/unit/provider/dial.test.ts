/** Real sockets: what Node announces while it connects is what is measured. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from '@jest/globals';
import { watchDial } from '../../../src/provider/dial.ts';
import { closedPort } from '../../harness/nowhere.ts';
import { openTlsFront, tlsFixture } from '../../harness/tls-front.ts';

const IDENTITY = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };

async function openServer() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((done) => server.close(() => done()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

/** Watches a socket from its beginning, as a pool does, until it is open or has failed. */
async function dialled(socket: Socket, open: 'connect' | 'secureConnect') {
  const watch = watchDial(socket, 'openai');
  const { promise, resolve } = Promise.withResolvers<Error | null>();
  socket.once(open, () => resolve(null));
  socket.once('error', resolve);
  const dial = watch.end(await promise);
  socket.destroy();
  return dial;
}

test('an address takes no look-up, and its connection all of the time', async () => {
  await using server = await openServer();
  const dial = await dialled(connect(server.port, '127.0.0.1'), 'connect');
  expect(dial).toMatchObject({ dnsMs: undefined, tlsMs: undefined, fault: undefined });
  expect(dial.tcpMs).toBeGreaterThan(0);
  expect(dial.tcpMs).toBeLessThanOrEqual(dial.endedAt - dial.startedAt);
});

test('a name is looked up first, and TLS comes last', async () => {
  await using server = await openServer();
  await using front = await openTlsFront(server.port, IDENTITY);
  const options = { port: front.port, host: 'localhost', ca: tlsFixture('ca.pem') };
  const dial = await dialled(connectTls(options), 'secureConnect');
  const parts = [dial.dnsMs, dial.tcpMs, dial.tlsMs];
  for (const ms of parts) expect(ms).toBeGreaterThan(0);
  expect(parts.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)).toBeCloseTo(dial.endedAt - dial.startedAt, 3);
});

test('a certificate that nobody vouches for fails after the connection stood', async () => {
  await using server = await openServer();
  await using front = await openTlsFront(server.port, IDENTITY);
  const dial = await dialled(connectTls({ port: front.port, host: '127.0.0.1' }), 'secureConnect');
  expect(dial.fault).toMatchObject({ code: 'tls_failed' });
  expect(dial.tcpMs).toBeGreaterThan(0);
  expect(dial.tlsMs).toBeUndefined();
});

test('where nobody listens there is a fault and no connection', async () => {
  const dial = await dialled(connect(closedPort, '127.0.0.1'), 'connect');
  expect(dial).toMatchObject({ tcpMs: undefined, tlsMs: undefined });
  expect(dial.fault).toMatchObject({ code: 'connect_failed', reason: 'ECONNREFUSED' });
});
