/** Clients over TLS: the same turns, and a certificate that changes without anybody noticing. */
import { request } from 'node:https';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import { ask, logged, openScene, textOf, typesOf } from './scene.ts';
import {
  ca,
  good,
  mountPair,
  openTlsScene,
  other,
  shakeHands,
  strayKey,
  type TlsFiles,
} from './tls-scene.ts';

const NEW_ONE = /2021/; // when the other certificate ended

describe('a client over TLS', () => {
  test('runs turns on a socket and by HTTP', async () => {
    await using scene = await openTlsScene();
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    const post = request(`${scene.bridge.url}/responses`, { method: 'POST', ca, agent: false });
    post.end(JSON.stringify({ model: 'm', input: 'hello', stream: true }));
    const [answer] = (await once(post, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    expect(await text(answer)).toContain('event: response.completed');
    expect(scene.provider.requests).toHaveLength(2);
  });

  test('agrees on TLS 1.2 or newer, and on HTTP/1.1', async () => {
    await using scene = await openTlsScene();
    expect(await shakeHands(scene.bridge.port)).toMatchObject({ protocol: 'TLSv1.3' });
    const older = { maxVersion: 'TLSv1.2', ALPNProtocols: ['h2', 'http/1.1'] } as const;
    expect(await shakeHands(scene.bridge.port, older)).toMatchObject({
      protocol: 'TLSv1.2',
      alpn: 'http/1.1',
    });
    await expect(shakeHands(scene.bridge.port, { ALPNProtocols: ['h2'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    });
    const outdated = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(shakeHands(scene.bridge.port, outdated)).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    const failed = 'turnbridge_client_tls_handshake_failures_total{reason="not_agreed"}';
    await until(async () => (await scene.bridge.metric(failed)) === 2, 'both to be counted');
  });

  test('that reads nothing is let go as on a plain socket', async () => {
    await using scene = await openTlsScene({
      script: [{ text: 'x'.repeat(64 * 1024), repeat: 1500, unfinished: true }],
      settings: { flow: { maxUnsentBytes: 256 * 1024, maxStallMs: 200 } },
    });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.output_text.delta');
    client.stopReading();
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ error_type: 'slow_consumer' }]);
    await until(() => scene.bridge.bridge.connections === 0, 'the connection to be gone', 10_000);
    await until(() => scene.bridge.bridge.usedBytes.clientSend === 0, 'its bytes to be given back');
  });
});

test('a client over TLS that takes one large event slowly is waited for', async () => {
  const eventBytes = 32 * 1_048_576;
  await using scene = await openTlsScene({
    script: ({ number }) => (number === 1 ? [{ text: 'x'.repeat(eventBytes), unfinished: true }] : 'hello'),
    settings: { flow: { maxUnsentBytes: 256 * 1024, maxStallMs: 8000 } },
  });
  const client = await scene.connect();
  client.create({ model: 'm' });
  await client.next('response.created');
  let taken = 0;
  const onBytes = (chunk: Buffer): void => {
    taken += chunk.length;
    if (taken > 512 * 1024) client.stopReading();
  };
  client.socket.on('data', onBytes);
  // the pace of a slow reader: in all, longer than nothing at all may be taken
  for (let round = 1; round <= 40; round++) {
    taken = 0;
    client.startReading();
    await until(() => taken > 512 * 1024, 'some more of it', 10_000);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  client.socket.off('data', onBytes);
  client.startReading();
  expect(typesOf(await client.events({ timeoutMs: 20_000 })).at(-1)).toBe('response.completed');
  expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed'); // it was not closed meanwhile
}, 60_000);

describe('a certificate that changes', () => {
  test('in the middle of a turn is seen by the next client; the turn and its socket go on', async () => {
    const held = gate();
    await using scene = await openTlsScene({
      script: [{ begin: true }, { until: held.promise }, { text: 'whole' }],
    });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    await scene.mount.swap(other);
    expect((await logged(scene.bridge, 'tls.certificate'))[0]).toMatchObject({
      level: 'info',
      valid_until: '2021-01-01T00:00:00.000Z',
    });
    expect((await shakeHands(scene.bridge.port)).validTo).toMatch(NEW_ONE);
    held.open();
    expect(textOf(await client.events())).toBe('whole');
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    expect(await scene.bridge.metric('turnbridge_tls_certificate_reloads_total{result="success"}')).toBe(1);
    expect(await scene.bridge.metric('turnbridge_tls_certificate_expiry_timestamp_seconds')).toBe(
      Date.UTC(2021, 0, 1) / 1000,
    );
  });

  test('and has ended is served all the same, and said once', async () => {
    await using scene = await openTlsScene();
    await scene.mount.swap(other);
    const lines = await logged(scene.bridge, 'tls.certificate', 2);
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['info', 'certificate changed'],
      ['error', 'certificate has ended: clients refuse it'],
    ]);
  });

  test.each<[string, Partial<TlsFiles>, RegExp]>([
    [
      'has another key',
      { cert: good.cert, key: strayKey },
      /tls\.key is not the key of the first certificate/,
    ],
    ['is no PEM', { cert: 'hello', key: good.key }, /tls\.crt holds no certificate/],
    ['has no key', { cert: good.cert }, /tls\.key is not there/],
  ])('and %s is refused: the last good one stays, until it is mended', async (_, files, reason) => {
    await using scene = await openTlsScene();
    const isInUse = 'turnbridge_tls_certificate_last_reload_successful';
    expect(await scene.bridge.metric(isInUse)).toBe(1);
    await scene.mount.swap(files);
    const [line] = await logged(scene.bridge, 'tls.certificate');
    expect(line).toMatchObject({ level: 'error', reason: expect.stringMatching(reason) });
    expect(JSON.stringify(line)).not.toContain('BEGIN PRIVATE');
    expect(await scene.bridge.metric(isInUse)).toBe(0);
    expect(await scene.bridge.metric('turnbridge_tls_certificate_reloads_total{result="failure"}')).toBe(1);
    expect((await shakeHands(scene.bridge.port)).validTo).not.toMatch(NEW_ONE);
    await scene.mount.swap(other);
    await logged(scene.bridge, 'tls.certificate', 2);
    expect((await shakeHands(scene.bridge.port)).validTo).toMatch(NEW_ONE);
    expect(await scene.bridge.metric(isInUse)).toBe(1);
  });
});

describe('a bridge', () => {
  test.each<[string, Partial<TlsFiles>, RegExp]>([
    [
      'certificate',
      { key: good.key },
      /tls\.crt is not there: name a folder that holds tls\.crt and tls\.key/,
    ],
    ['key', { cert: good.cert }, /tls\.key is not there/],
    ['PEM of a key', { cert: good.cert, key: 'x' }, /tls\.key holds no private key: write PEM/],
    ['key that fits', { cert: good.cert, key: strayKey }, /tls\.key is not the key of the first certificate/],
  ])('without a %s does not start, and says which file and what to do', async (_, files, sentence) => {
    await using mount = await mountPair(files);
    const failed: unknown = await openScene({ tlsFolder: mount.path }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ name: 'BrokenTls', message: expect.stringMatching(sentence) });
  });

  test('without TLS shows no certificate in its metrics', async () => {
    await using scene = await openScene();
    const metrics = await (await fetch(`${scene.bridge.opsUrl}/metrics`)).text();
    expect(metrics).not.toMatch(/^turnbridge_tls_certificate_expiry_timestamp_seconds/m);
    expect(metrics).toContain('turnbridge_client_tls_handshake_failures_total{reason="timeout"} 0');
  });
});
