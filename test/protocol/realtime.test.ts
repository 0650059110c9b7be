/** A WebSocket on `/realtime` is the provider's, frame by frame. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { RouteWishes } from '../harness/bridge.ts';
import { until, within } from '../harness/wait-for.ts';
import { openRealtimeScene } from './realtime-scene.ts';
import { logged, settled } from './scene.ts';
import { ca, good, mountPair } from './tls-scene.ts';

describe('a message', () => {
  test.each([
    ['text', 'grüße, 日本', false],
    ['no text at all', '', false],
    ['bytes', randomBytes(100_000), true],
    ['no bytes', Buffer.alloc(0), true],
  ] as const)('of %s arrives as it is, both ways', async (_, content, isBinary) => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    client.send(content);
    const [message] = await until(() => end.messages.length > 0 && end.messages, 'the message');
    expect(message!.isBinary).toBe(isBinary);
    expect(message!.data.equals(Buffer.from(content))).toBe(true);
    end.ws.send(content, { binary: isBinary });
    const frame = await client.nextFrame();
    expect(frame.isBinary).toBe(isBinary);
    expect(frame.data.equals(Buffer.from(content))).toBe(true);
  });

  test('keeps its place among a thousand others, both ways at once', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    const numbers = Array.from({ length: 1000 }, (_, n) => String(n));
    for (const number of numbers) {
      client.send(number);
      end.ws.send(number);
    }
    await until(() => end.messages.length === 1000 && client.frames.length === 1000, 'all messages');
    expect(end.texts).toEqual(numbers);
    expect(client.frames.map(({ text }) => text)).toEqual(numbers);
  });

  test('in fragments arrives whole', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    for (const part of ['a', 'b', 'c']) end.ws.send(part, { fin: part === 'c' });
    expect((await client.nextFrame()).text).toBe('abc');
  });

  test('beyond limits.maxMessageBytes closes both ends', async () => {
    await using realtime = await openRealtimeScene({ route: { limits: { maxMessageBytes: 65_536 } } });
    const { client, end } = await realtime.pair();
    client.send('x'.repeat(65_536));
    await until(() => end.messages.length === 1, 'the longest message');
    client.send('x'.repeat(65_537));
    expect(await within(client.closed, 'the close')).toEqual({ code: 1009, reason: 'message too big' });
    expect((await within(end.closed, 'the close at the provider')).code).toBe(1001);
    expect(end.messages).toHaveLength(1);
  });

  test('of the provider beyond it closes both ends as well', async () => {
    await using realtime = await openRealtimeScene({ route: { limits: { maxMessageBytes: 65_536 } } });
    const { client, end } = await realtime.pair();
    end.ws.send('x'.repeat(65_537));
    await within(end.closed, 'the close at the provider');
    expect((await within(client.closed, 'the close')).code).toBe(1009);
    expect(client.frames).toEqual([]);
  });
});

test('messages of a megabyte pass through TLS, both ways', async () => {
  await using pair = await mountPair(good);
  await using realtime = await openRealtimeScene({ tlsFolder: pair.path });
  const { client, end } = await realtime.pair('/realtime', { ca });
  const content = randomBytes(1_048_576);
  for (let n = 0; n < 5; n++) {
    client.send(content);
    end.ws.send(content);
  }
  await until(() => end.messages.length === 5 && client.frames.length === 5, 'all messages');
  expect(end.messages.every(({ data }) => data.equals(content))).toBe(true);
  expect(client.frames.every(({ data }) => data.equals(content))).toBe(true);
});

describe('pings', () => {
  test('of a client reach the provider, and its pong comes back', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    client.ping();
    await until(() => client.pongs === 1, 'the pong');
    expect(end.pings).toHaveLength(1);
  });

  test('of a client that the provider does not answer are answered by nobody', async () => {
    await using realtime = await openRealtimeScene({ realtime: { answersPings: false } });
    const { client, end } = await realtime.pair();
    client.ping();
    await until(() => end.pings.length === 1, 'the ping');
    end.ws.send('after');
    await client.nextFrame();
    expect(client.pongs).toBe(0);
  });

  test('of the provider reach the client, and its pong comes back', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    end.ws.ping('are you there');
    await until(() => end.pongs.length === 1, 'the pong');
    expect(end.pongs[0]!.toString()).toBe('are you there');
    expect(client.pings).toBe(1);
  });

  test('of the bridge go to both ends, and their pongs to neither', async () => {
    await using realtime = await openRealtimeScene({ settings: { pingIntervalMs: 100 } });
    const { client, end } = await realtime.pair();
    await until(() => client.pings >= 3 && end.pings.length >= 3, 'three pings each');
    expect(client.pongs).toBe(0);
    expect(end.pongs).toEqual([]);
    client.send('still there');
    await until(() => end.texts.includes('still there'), 'a message');
  });
});

describe('a close', () => {
  test.each([
    [1000, 'done', 1000],
    [1001, '', 1001],
    [1008, 'policy', 1008],
    [1011, 'oops', 1011],
    [1013, 'later', 1013],
    [4001, 'mine', 4001],
  ])('of the provider with %i reaches the client', async (code, reason, told) => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    end.ws.send('last words');
    end.ws.close(code, reason);
    expect(await within(client.closed, 'the close')).toEqual({ code: told, reason });
    expect(client.frames.map(({ text }) => text)).toEqual(['last words']);
  });

  test('of the provider without a code is a normal one', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    end.ws.close();
    expect(await within(client.closed, 'the close')).toEqual({ code: 1000, reason: '' });
  });

  test('of a client reaches the provider, after what the client said before', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    client.send('last words');
    await client.close(4002, 'bye');
    expect(await within(end.closed, 'the close at the provider')).toEqual({ code: 4002, reason: 'bye' });
    expect(end.texts).toEqual(['last words']);
    const [line] = await logged(realtime.scene.bridge, 'tunnel.close');
    expect(line).toMatchObject({
      provider: 'scripted',
      path: '/realtime',
      close_code: 4002,
      close_initiator: 'remote',
      ended_by: 'client',
      frames_in: 1,
      bytes_in: 10,
      frames_out: 0,
      bytes_out: 0,
    });
    expect(JSON.stringify(line)).not.toContain('bye');
  });
});

const NAMED_ONE = { name: 'one', match: { models: ['one'] } };

describe('a relayed WebSocket', () => {
  test('counts as a connection, and gives everything back', async () => {
    await using realtime = await openRealtimeScene({ route: { limits: { maxConnections: 1 } } });
    const { client } = await realtime.pair();
    expect(realtime.scene.bridge.bridge.connections).toBe(1);
    await expect(realtime.open()).rejects.toMatchObject({ status: 503 });
    await client.close();
    await settled(realtime.scene.bridge);
    await realtime.pair();
  });

  test.each<[string, RouteWishes[]]>([
    ['is gone', []],
    ['passes the path on no more', [{ ...NAMED_ONE, relay: { webSocketPaths: [] } }]],
  ])('closes when its route %s, whatever others of the group pass on', async (_, changed) => {
    await using realtime = await openRealtimeScene();
    const two = { name: 'two', match: { models: ['two'] } };
    await realtime.useRoutes(NAMED_ONE, two);
    const { client, end } = await realtime.pair('/realtime?model=one');
    const other = await realtime.pair('/realtime?model=two');
    await realtime.useRoutes(...changed, two);
    const keepsOn = setInterval(() => other.client.send('on'), 100);
    // it has to be quiet for five seconds
    const closed = await within(client.closed, 'the close', 15_000).finally(() => clearInterval(keepsOn));
    expect(closed).toEqual({ code: 1012, reason: 'route removed' });
    expect((await within(end.closed, 'the provider’s end')).code).toBe(1000);
    other.client.send('still there');
    await until(() => other.end.texts.includes('still there'), 'the other one to go on');
  });

  test('closes at its age, once it is quiet', async () => {
    await using realtime = await openRealtimeScene({ route: { limits: { maxConnectionAgeSeconds: 1 } } });
    const { client, end } = await realtime.pair();
    expect(await within(client.closed, 'the close', 15_000)).toEqual({
      code: 1012,
      reason: 'maximum connection age',
    });
    expect((await within(end.closed, 'the close at the provider')).code).toBe(1000);
  });

  test('is one connection in metrics, and no turn', async () => {
    await using realtime = await openRealtimeScene();
    const { client } = await realtime.pair();
    await client.close();
    await logged(realtime.scene.bridge, 'tunnel.close');
    const { bridge } = realtime.scene;
    expect(await bridge.metric('turnbridge_client_connections_opened_total')).toBe(1);
    expect(await bridge.metric('turnbridge_client_connections_closed_total')).toBe(1);
    expect(await bridge.metric('turnbridge_turns_total')).toBe(0);
  });
});
