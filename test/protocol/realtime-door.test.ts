/** Who is let in to a WebSocket of a provider, how many wait for theirs, and what is asked again before the 101. */
import { describe, expect, test } from '@jest/globals';
import { connect } from '../harness/connect.ts';
import { gate } from '../harness/fake-provider.ts';
import { until, within } from '../harness/wait-for.ts';
import { rawUpgrade } from './raw-upgrade.ts';
import { openRealtimeScene } from './realtime-scene.ts';
import { errorIn, refusedUpgrade } from './refused-upgrade.ts';
import { logged, settled } from './scene.ts';

const keyed = {
  route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } } },
  secrets: { clients: { alice: 'alice-key-1' } },
};

describe('the door', () => {
  test('is also there without /v1, and for what the route lists besides', async () => {
    await using realtime = await openRealtimeScene({
      route: { relay: { webSocketPaths: ['/realtime', '/live/*'], sharedKey: 'Allowed' } },
    });
    await using client = await connect(`http://127.0.0.1:${realtime.scene.bridge.port}/realtime?model=m`);
    client.send('hi');
    await until(async () => (await realtime.realtime.end()).texts.length === 1, 'a message');
    await realtime.pair('/live/a/b');
    expect(realtime.realtime.upgrades.map(({ url }) => url)).toEqual([
      '/v1/realtime?model=m',
      '/v1/live/a/b',
    ]);
  });

  test.each([
    '/other',
    '/live',
    '/live/../responses',
    '/live/%2e%2e/files',
    '/live/a//b',
    '/live/..%2ffiles',
  ])('is shut at %s, and no provider asked', async (path) => {
    await using realtime = await openRealtimeScene({
      route: { relay: { webSocketPaths: ['/realtime', '/live/*'], sharedKey: 'Allowed' } },
    });
    await using raw = await rawUpgrade(realtime.scene.bridge.port, { path: `/v1${path}` });
    expect((await raw.until('\r\n\r\n')).toString()).toMatch(/^HTTP\/1.1 404 /);
    expect(realtime.realtime.upgrades).toEqual([]);
  });

  test('is shut to strangers, to pages of others, and to what goes round in circles', async () => {
    await using realtime = await openRealtimeScene(keyed);
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await refusedUpgrade(realtime.open('/realtime', { headers }))).status;
    const right = { authorization: 'Bearer alice-key-1' };
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await statusOf({ ...right, origin: 'https://evil.test' })).toBe(403);
    expect(await statusOf({ ...right, 'x-turnbridge-via': 'test-bridge' })).toBe(400);
    expect(realtime.realtime.upgrades).toEqual([]);
    await realtime.pair('/realtime', { headers: right });
  });

  test('is shut to a query that cannot be read, which is the client’s mistake', async () => {
    await using realtime = await openRealtimeScene();
    expect((await refusedUpgrade(realtime.open('/realtime?model=a&model=b'))).status).toBe(400);
    const [line] = await logged(realtime.scene.bridge, 'connection.reject');
    expect(line).toMatchObject({ result: 'bad_request' });
  });

  test('is shut where WebSockets are', async () => {
    await using realtime = await openRealtimeScene({
      route: { clients: { auth: { type: 'None' }, webSocket: 'Disabled' } },
    });
    expect((await refusedUpgrade(realtime.open())).status).toBe(426);
  });

  test('does not dial for what is no handshake', async () => {
    await using realtime = await openRealtimeScene();
    for (const headers of [
      { 'sec-websocket-key': 'short' },
      { 'sec-websocket-version': '7' },
      { 'sec-websocket-protocol': 'realtime, realtime' },
      { 'sec-websocket-protocol': 'realtime, b@d()' },
      { 'sec-websocket-protocol': 'a b, realtime' },
      { 'sec-websocket-protocol': 'realtime,' },
    ]) {
      await using raw = await rawUpgrade(realtime.scene.bridge.port, { headers });
      expect((await raw.until('\r\n\r\n')).toString()).toMatch(/^HTTP\/1.1 4\d\d /);
    }
    expect(realtime.realtime.upgrades).toEqual([]);
    await settled(realtime.scene.bridge);
    expect(realtime.scene.bridge.logs().filter(({ result }) => result === 'provider_failed')).toEqual([]);
  });

  test('keeps no dial for a client that has gone, however it went', async () => {
    await using realtime = await openRealtimeScene({ realtime: { hold: new Promise(() => undefined) } });
    for (const [n, leave] of (['end', 'reset'] as const).entries()) {
      await using raw = await rawUpgrade(realtime.scene.bridge.port);
      await until(() => realtime.realtime.upgrades.length === n + 1, 'the dial');
      const { socket } = realtime.realtime.upgrades[n]!;
      const ended = new Promise<void>((resolve) => {
        socket.once('end', resolve);
        socket.once('close', () => resolve());
        socket.resume();
      });
      raw[leave]();
      await within(ended, 'the end of the dial');
    }
    await settled(realtime.scene.bridge);
    expect(realtime.scene.bridge.logs().filter(({ event }) => event === 'connection.reject')).toEqual([]);
  });

  test('lets 64 wait for a provider at a time and 256 in all, and tells the next to try again', async () => {
    await using realtime = await openRealtimeScene({ realtime: { hold: new Promise(() => undefined) } });
    const { port } = realtime.scene.bridge;
    await realtime.useRoutes(
      ...['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, match: { models: [name] } })),
    );
    await using waiting = new AsyncDisposableStack();
    const fill = async (model: string, inAll: number): Promise<void> => {
      const path = `/v1/realtime?model=${model}`;
      for (let n = 0; n < 64; n++) waiting.use(await rawUpgrade(port, { path }));
      await until(() => realtime.realtime.upgrades.length === inAll, 'the dials');
    };
    const refusalOf = (model: string) => refusedUpgrade(realtime.open(`/realtime?model=${model}`));
    await fill('a', 64);
    const refused = await refusalOf('a');
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBeDefined();
    expect(errorIn(refused.body)).toMatchObject({ code: 'too_many_connections' });
    await fill('b', 128);
    await fill('c', 192);
    await fill('d', 256);
    expect((await refusalOf('e')).status).toBe(503);
    expect(realtime.realtime.upgrades).toHaveLength(256);
  });

  test('judges again when the provider has answered: a key may be revoked meanwhile', async () => {
    const held = gate();
    await using realtime = await openRealtimeScene({ ...keyed, realtime: { hold: held.promise } });
    const opening = refusedUpgrade(
      realtime.open('/realtime', { headers: { authorization: 'Bearer alice-key-1' } }),
    );
    await until(() => realtime.realtime.upgrades.length === 1, 'the dial');
    await realtime.change(keyed.route, { clients: { bob: 'bob-key-1' } });
    await logged(realtime.scene.bridge, 'config.reload');
    held.open();
    expect((await opening).status).toBe(401);
    const end = await realtime.realtime.end();
    await within(end.closed, 'the provider’s end to be dropped');
  });

  test('judges again: a key may have become another client’s, whose connection this is not', async () => {
    const held = gate();
    await using realtime = await openRealtimeScene({ ...keyed, realtime: { hold: held.promise } });
    const opening = refusedUpgrade(
      realtime.open('/realtime', { headers: { authorization: 'Bearer alice-key-1' } }),
    );
    await until(() => realtime.realtime.upgrades.length === 1, 'the dial');
    await realtime.change(keyed.route, { clients: { bob: 'alice-key-1' } });
    await logged(realtime.scene.bridge, 'config.reload');
    held.open();
    expect((await opening).status).toBe(401);
  });

  test('judges again: its route may be gone, though another one passes the path on', async () => {
    const held = gate();
    await using realtime = await openRealtimeScene({ realtime: { hold: held.promise } });
    const [one, two] = ['one', 'two'].map((name) => ({ name, match: { models: [name] } }));
    await realtime.useRoutes(one!, two!);
    const opening = refusedUpgrade(realtime.open('/realtime?model=one'));
    await until(() => realtime.realtime.upgrades.length === 1, 'the dial');
    await realtime.useRoutes(two!);
    held.open();
    expect((await opening).status).toBe(404);
    const end = await realtime.realtime.end();
    await within(end.closed, 'the provider’s end to be dropped');
  });
});
