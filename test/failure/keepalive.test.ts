/** Text that keeps a waiting Codex from giving up: while its turn waits, and never at any other time. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { ask, codexHeaders, openScene, typesOf } from '../protocol/scene.ts';

const settings = { keepaliveMs: 200, pingIntervalMs: 400 };
const keepalive = { type: 'keepalive' };

describe('a client that speaks like Codex', () => {
  test('hears a keep-alive before the provider has answered, and then the turn as if nothing had been', async () => {
    const held = gate();
    await using scene = await openScene({ settings, script: [{ until: held.promise }, { text: 'at last' }] });
    const client = await scene.connect({ headers: codexHeaders });
    client.create({ model: 'm' });
    expect(await client.next()).toEqual(keepalive);
    expect(await client.next()).toEqual(keepalive);
    held.open();
    const events = await client.events();
    const own = events.filter(({ type }) => type !== 'keepalive');
    expect(own.map((event) => event['sequence_number'])).toEqual(own.map((_, n) => n));
    expect(typesOf(own).at(-1)).toBe('response.completed');
  });

  test('hears one in the middle of a silent answer', async () => {
    await using scene = await openScene({ settings, script: [{ text: 'x' }, { stall: true }] });
    const client = await scene.connect({ headers: codexHeaders });
    client.create({ model: 'm' });
    await client.next('response.output_item.done');
    expect(await client.next()).toEqual(keepalive);
  });

  test('can still be refused after one: it commits to nothing', async () => {
    const held = gate();
    await using scene = await openScene({
      settings,
      script: async () => {
        await held.promise;
        return 'rate-limited';
      },
    });
    const client = await scene.connect({ headers: codexHeaders });
    client.create({ model: 'm' });
    expect(await client.next()).toEqual(keepalive);
    held.open();
    expect(await client.next('error')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  });

  test('hears one for turns that wait in a queue', async () => {
    await using scene = await openScene({
      settings,
      script: ({ body }) => (body.model === 'first' ? [{ begin: true }, { stall: true }] : 'hello'),
      route: { limits: { maxTurnsInFlight: 1 } },
    });
    const client = await scene.connect({ headers: codexHeaders });
    client.create({ model: 'first', stream_id: 'a' });
    client.create({ model: 'second', stream_id: 'b' });
    await client.next('response.in_progress', { lane: 'a' });
    expect(await client.next()).toEqual(keepalive);
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('hears not a word between turns', async () => {
    await using scene = await openScene({ settings });
    const client = await scene.connect({ headers: codexHeaders });
    await ask(client, {});
    const seen = client.frames.length;
    const pings = client.pings;
    await until(() => client.pings >= pings + 3, 'three pings, which take longer than the keep-alive time');
    expect(client.frames).toHaveLength(seen);
  });

  test('may switch them off', async () => {
    await using scene = await openScene({
      settings: { ...settings, keepaliveMs: 0 },
      script: [{ begin: true }, { stall: true }],
    });
    const client = await scene.connect({ headers: codexHeaders });
    client.create({ model: 'm' });
    await until(() => client.pings >= 3, 'three pings');
    expect(typesOf(client.frames.map(({ json }) => json!))).toEqual([
      'response.created',
      'response.in_progress',
    ]);
  });
});

test('other clients on a socket hear none: an unknown event might be too much for them', async () => {
  await using scene = await openScene({ settings, script: [{ begin: true }, { stall: true }] });
  const client = await scene.connect();
  client.create({ model: 'm' });
  await until(() => client.pings >= 3, 'three pings, which take longer than the keep-alive time');
  expect(typesOf(client.frames.map(({ json }) => json!))).toEqual([
    'response.created',
    'response.in_progress',
  ]);
});

test('a quiet stream over HTTP gets a comment, which no client sees and every proxy does', async () => {
  await using scene = await openScene({ settings, script: [{ begin: true }, { stall: true }] });
  await using raw = await openRawSocket(scene.bridge.port);
  const body = '{"model":"m","stream":true}';
  raw.write(`POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const received = (await raw.until(': keepalive\n\n')).toString();
  expect(received).not.toContain('"type":"keepalive"');
});
