/** An end of a relayed WebSocket that goes, in whatever way, takes the other with it; nothing is left behind. */
import { describe, expect, test } from '@jest/globals';
import type { TestClient } from '../harness/connect.ts';
import { gate } from '../harness/fake-provider.ts';
import { openFlakyProxy, type FlakyProxy } from '../harness/flaky-proxy.ts';
import { connect } from '../harness/connect.ts';
import { until, within } from '../harness/wait-for.ts';
import { openRealtimeScene } from '../protocol/realtime-scene.ts';
import { errorIn, refusedUpgrade } from '../protocol/refused-upgrade.ts';
import { logged, reloaded, settled } from '../protocol/scene.ts';

const lost = { code: 1011, reason: 'connection to the provider lost' };

describe('a client that leaves', () => {
  test.each([
    ['a reset', (client: TestClient) => client.reset()],
    ['a FIN', (client: TestClient) => void client.socket.end()],
    ['no close frame', (client: TestClient) => client.terminate()],
  ])('with %s is told to its provider as gone', async (_, leave) => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    end.ws.send('hi');
    await client.nextFrame();
    leave(client);
    expect(await within(end.closed, 'the close')).toEqual({ code: 1001, reason: 'client went away' });
    await settled(realtime.scene.bridge);
    expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([
      { ended_by: 'client', close_code: 1006, close_initiator: 'network' },
    ]);
  });

  test('in the middle of a flood leaves nothing counted', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    for (let n = 0; n < 1000; n++) end.ws.send(Buffer.alloc(65_536));
    await client.nextFrame();
    client.reset();
    await within(end.closed, 'the end at the provider');
    await settled(realtime.scene.bridge);
    expect(realtime.scene.bridge.bridge.usedBytes).toMatchObject({ inbound: 0, clientSend: 0 });
  });

  test('without a word is found by its silence', async () => {
    await using realtime = await openRealtimeScene({ settings: { pingIntervalMs: 300 } });
    await using proxy = await openFlakyProxy(realtime.scene.bridge.port);
    await using client = await connect(`http://127.0.0.1:${proxy.port}/v1/realtime`);
    const end = await realtime.realtime.end();
    await until(() => client.pings > 0, 'a first ping');
    proxy.silence();
    expect((await within(end.closed, 'the close')).code).toBe(1001);
    expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([{ close_reason: 'no pong' }]);
  });

  test('with what is no frame is closed with 1002, and with text that is none with 1007', async () => {
    await using realtime = await openRealtimeScene();
    for (const [bytes, code] of [
      [Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), 1002],
      [Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
    ] as const) {
      const { client, end } = await realtime.pair();
      client.socket.write(bytes);
      expect((await within(client.closed, 'the close')).code).toBe(code);
      expect((await within(end.closed, 'the close at the provider')).code).toBe(1001);
    }
  });
});

describe('a provider that leaves', () => {
  test.each([
    ['a reset', (proxy: FlakyProxy) => proxy.reset()],
    ['a FIN', (proxy: FlakyProxy) => proxy.cut()],
  ])('with %s is told to its client as lost', async (_, leave) => {
    let proxy: FlakyProxy | undefined;
    const through = async (port: number): Promise<number> => (proxy = await openFlakyProxy(port)).port;
    await using realtime = await openRealtimeScene({ through });
    await using _closed = proxy!;
    const { client, end } = await realtime.pair();
    end.ws.send('hi');
    await client.nextFrame();
    leave(proxy!);
    expect(await within(client.closed, 'the close')).toEqual(lost);
    await settled(realtime.scene.bridge);
    expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([
      { ended_by: 'provider', close_code: 1011, provider_close_code: 1006 },
    ]);
  });

  test('without a word is found by its silence', async () => {
    let proxy: FlakyProxy | undefined;
    const through = async (port: number): Promise<number> => (proxy = await openFlakyProxy(port)).port;
    await using realtime = await openRealtimeScene({ through, settings: { pingIntervalMs: 300 } });
    await using _closed = proxy!;
    const { client, end } = await realtime.pair();
    await until(() => end.pings.length > 0, 'a first ping');
    proxy!.silence();
    expect(await within(client.closed, 'the close')).toEqual(lost);
    expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([
      { close_reason: 'no pong from the provider' },
    ]);
  });

  test('does not answer our close is dropped', async () => {
    await using realtime = await openRealtimeScene({ route: { limits: { maxConnections: 1 } } });
    const { client, end } = await realtime.pair();
    end.ws.pause();
    expect(await client.close(1000)).toEqual({ code: 1000, reason: '' });
    // the client is gone and waits for nobody; the provider has five seconds, and the place is taken until then
    await within(client.closed, 'the end of the client');
    expect((await refusedUpgrade(realtime.open())).status).toBe(503);
    expect(realtime.scene.bridge.logs().some(({ event }) => event === 'tunnel.close')).toBe(false);
    await settled(realtime.scene.bridge, 10_000);
    expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([{ close_code: 1000 }]);
  }, 20_000);
});

describe('a bridge that leaves', () => {
  test('lets a tunnel go on until the deadline', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    void realtime.scene.bridge.drain(); // the scene's end ends it
    // asked in another way: an upgrade that came before the drain would wait for the provider as well
    await until(async () => {
      const asked = await fetch(`${realtime.scene.bridge.url}/models`);
      await asked.arrayBuffer();
      return asked.status === 503;
    }, 'what is new to be refused');
    client.send('still here');
    await until(() => end.texts.includes('still here'), 'a message');
    expect(realtime.scene.bridge.bridge.connections).toBe(1);
  });

  test('closes both ends of a tunnel at the deadline, though they talk', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    const talking = setInterval(() => client.send('still here'), 50);
    void client.closed.then(() => clearInterval(talking));
    const drained = realtime.scene.bridge.drain({ deadlineMs: 100 });
    expect(await within(client.closed, 'the close')).toEqual({ code: 1012, reason: 'service restart' });
    await within(end.closed, 'the close at the provider');
    await within(drained, 'the end of the drain');
  });

  test('closes one that is silent sooner', async () => {
    await using realtime = await openRealtimeScene();
    const { client, end } = await realtime.pair();
    const drained = realtime.scene.bridge.drain();
    expect(await within(client.closed, 'the close', 15_000)).toEqual({
      code: 1012,
      reason: 'service restart',
    });
    expect(await within(end.closed, 'the close at the provider')).toEqual({ code: 1000, reason: '' });
    await within(drained, 'the end of the drain');
  }, 20_000);

  test('refuses those whose provider has not answered', async () => {
    await using realtime = await openRealtimeScene({ realtime: { hold: new Promise(() => undefined) } });
    const opening = refusedUpgrade(realtime.open());
    await until(() => realtime.realtime.upgrades.length === 1, 'the dial');
    await within(realtime.scene.bridge.drain({ deadlineMs: 100 }), 'the end of the drain');
    const refused = await opening;
    expect(refused.status).toBe(503);
    expect(errorIn(refused.body)).toMatchObject({ code: 'server_draining' });
  });

  test('refuses at the end of a dial that began before the drain', async () => {
    const held = gate();
    await using realtime = await openRealtimeScene({ realtime: { hold: held.promise } });
    const opening = refusedUpgrade(realtime.open());
    await until(() => realtime.realtime.upgrades.length === 1, 'the dial');
    const drained = realtime.scene.bridge.drain();
    // asked in another way: an upgrade that came before the drain would wait for the provider as well
    await until(async () => {
      const asked = await fetch(`${realtime.scene.bridge.url}/models`);
      await asked.arrayBuffer();
      return asked.status === 503;
    }, 'what is new to be refused');
    // the drain waits for the dial: there is still somebody who refuses
    for (let n = 0; n < 3; n++) expect((await refusedUpgrade(realtime.open())).status).toBe(503);
    held.open();
    expect((await opening).status).toBe(503);
    await within(drained, 'the end of the drain');
  });
});

test('a key that is revoked closes its tunnels with 1008, and nobody else’s', async () => {
  const route = { clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } } };
  const secrets = { clients: { alice: 'alice-key-1', bob: 'bob-key-1' } };
  await using realtime = await openRealtimeScene({ route, secrets });
  const ofKey = (key: string) => realtime.pair('/realtime', { headers: { authorization: `Bearer ${key}` } });
  const alice = await ofKey('alice-key-1');
  const bob = await ofKey('bob-key-1');
  await realtime.change(route, { clients: { bob: 'bob-key-1' } });
  await reloaded(realtime.scene.bridge);
  expect(await within(alice.client.closed, 'the close')).toEqual({ code: 1008, reason: 'key revoked' });
  await within(alice.end.closed, 'the close at the provider');
  bob.client.send('still here');
  await until(() => bob.end.texts.length === 1, 'a message');
});
