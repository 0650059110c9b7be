/** Connections to a TLS listener that become none: they cost little, hold nobody up, and are counted. */
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { openRawSocket, rawHttp, type RawSocket } from '../harness/raw-http.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, logged, typesOf } from '../protocol/scene.ts';
import { openTlsScene } from '../protocol/tls-scene.ts';
import { connect as connectTls } from 'node:tls';

const failures = (reason: string): string =>
  `turnbridge_client_tls_handshake_failures_total{reason="${reason}"}`;

test('plain HTTP to the TLS port is told in plain HTTP what to write instead', async () => {
  await using scene = await openTlsScene();
  const answer = await rawHttp(scene.bridge.port, 'GET /v1/responses HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(answer.status).toBe(400);
  expect(answer.headers['connection']).toBe('close');
  expect(answer.body).toMatch(/speaks TLS: write https:\/\//);
  expect(answer.ended).toBe('end');
  expect(await scene.bridge.metric(failures('plain_http'))).toBe(1);
  expect((await logged(scene.bridge, 'tls.handshake'))[0]).toMatchObject({
    level: 'warn',
    reason: 'plain_http',
  });
});

test('what is neither TLS nor HTTP is closed without a word', async () => {
  await using scene = await openTlsScene();
  const answer = await rawHttp(scene.bridge.port, Buffer.alloc(64, 0x01));
  expect(answer.text).not.toContain('HTTP');
  await until(async () => (await scene.bridge.metric(failures('no_tls'))) === 1, 'it to be counted');
});

test('a probe that only connects is counted, and is no warning', async () => {
  await using scene = await openTlsScene();
  const probe = await openRawSocket(scene.bridge.port);
  probe.end();
  await within(probe.closed, 'the probe to be let go');
  expect((await logged(scene.bridge, 'tls.handshake'))[0]).toMatchObject({
    level: 'debug',
    reason: 'disconnected',
  });
  expect(await scene.bridge.metric(failures('disconnected'))).toBe(1);
});

test('handshakes that stall are given up after ten seconds, and nobody else waits for them', async () => {
  await using scene = await openTlsScene();
  const stalled = await Promise.all(Array.from({ length: 200 }, () => openRawSocket(scene.bridge.port)));
  for (const raw of stalled.slice(0, 100)) raw.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])); // a hello's first bytes
  const client = await scene.connect();
  expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  expect(scene.bridge.bridge.connections).toBe(1);
  await within(Promise.all(stalled.map(({ closed }) => closed)), 'all of them to be closed', 25_000);
  expect(await scene.bridge.metric(failures('timeout'))).toBe(200);
  expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
}, 40_000);

test('of more than a thousand that stall the oldest give way, and whoever means it is served at once', async () => {
  await using scene = await openTlsScene();
  const stalled: RawSocket[] = [];
  for (let batch = 0; batch < 11; batch += 1) {
    stalled.push(...(await Promise.all(Array.from({ length: 100 }, () => openRawSocket(scene.bridge.port)))));
  }
  const client = await scene.connect();
  expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  const oldest = stalled.slice(0, 76).map(({ closed }) => closed);
  await within(Promise.all(oldest), 'the oldest to be let go');
  await until(async () => (await scene.bridge.metric(failures('crowded_out'))) >= 76, 'them to be counted');
  for (const { socket } of stalled) socket.destroy();
}, 40_000);

test('a bridge that closes waits for no handshake', async () => {
  await using scene = await openTlsScene();
  await using stalled = await openRawSocket(scene.bridge.port);
  stalled.write(Buffer.from([0x16]));
  await (await scene.connect()).close(); // later than the stalled one: that was accepted
  // in half the time that a handshake has
  await within(scene.bridge.bridge.close(), 'the bridge to close');
  expect(await within(stalled.closed, 'the stalled handshake to be dropped')).toMatch(/end|reset/);
});

test('a client may not renegotiate', async () => {
  await using scene = await openTlsScene();
  const socket = connectTls({
    port: scene.bridge.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  });
  await once(socket, 'secureConnect');
  const { promise: refused, resolve } = Promise.withResolvers<NodeJS.ErrnoException>();
  socket.once('error', resolve);
  socket.renegotiate({}, () => undefined);
  expect((await within(refused, 'the refusal')).code).toBe('ERR_SSL_NO_RENEGOTIATION');
  socket.destroy();
});
