/** WebSockets of providers that are passed on whole: what passes, and how each end is told of the other. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { encodeFrame, Opcode } from '../harness/raw-websocket.ts';
import {
  TunnelRefused,
  type Tunnel,
  type TunnelListener,
  type TunnelRequest,
} from '../../src/provider/tunnel.ts';
import { fields, routeTo } from '../unit/provider/provider-setup.ts';
import { at, Scene, WebSocketProvider } from '../unit/provider/socket-setup.ts';

/** A client's side that notes what it hears. */
class Ear implements TunnelListener {
  readonly heard: string[] = [];
  drains = 0;
  bytes = 0;
  readonly ends: { code: number; reason: string }[] = [];

  onMessage(data: Buffer, isBinary: boolean): void {
    this.bytes += data.length;
    this.heard.push(`${isBinary ? 'binary' : 'text'} ${data.subarray(0, 20).toString()}`);
  }

  onPing(data: Buffer): void {
    this.heard.push(`ping ${data.toString()}`);
  }

  onPong(data: Buffer): void {
    this.heard.push(`pong ${data.toString()}`);
  }

  onDrain(): void {
    this.drains += 1;
  }

  onClose(code: number, reason: string): void {
    this.ends.push({ code, reason });
  }

  async end() {
    return until(() => this.ends[0], 'the end of the tunnel');
  }
}

function ask(scene: Scene, server: WebSocketProvider, changes: Partial<TunnelRequest> = {}): Promise<Tunnel> {
  const provider = at(server.origin);
  return scene.transport.openTunnel({
    route: routeTo(provider),
    provider,
    path: '/realtime',
    clientHeaders: [],
    clientQuery: 'model=m',
    via: 'bridge-1',
    protocols: [],
    maxMessageBytes: 1_000_000,
    signal: new AbortController().signal,
    ...changes,
  });
}

async function open(scene: Scene, server: WebSocketProvider, changes: Partial<TunnelRequest> = {}) {
  server.answer = () => undefined;
  const tunnel = await ask(scene, server, changes);
  const ear = new Ear();
  tunnel.listen(ear);
  return { tunnel, ear, far: server.last.ws };
}

describe('what passes', () => {
  test('text, binary, pings and pongs, both ways, and none is answered here', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const { tunnel, ear, far } = await open(scene, server);
    const there: string[] = [];
    far.removeAllListeners('message');
    far.on('message', (data: Buffer, isBinary) =>
      there.push(`${isBinary ? 'binary' : 'text'} ${data.toString()}`),
    );
    far.on('ping', (data: Buffer) => there.push(`ping ${data.toString()}`));
    far.on('pong', (data: Buffer) => there.push(`pong ${data.toString()}`));
    tunnel.send(Buffer.from('a'), false);
    tunnel.send(Buffer.from('b'), true);
    tunnel.ping(Buffer.from('c'));
    tunnel.pong(Buffer.from('d'));
    await until(() => there.length === 4, 'four frames there');
    far.send('1');
    far.send(Buffer.from('2'));
    far.ping('3');
    await until(() => ear.heard.length === 4, 'four frames here');
    expect(there).toEqual(['text a', 'binary b', 'ping c', 'pong d']);
    expect(ear.heard).toEqual(['pong c', 'text 1', 'binary 2', 'ping 3']);
    expect(there).toHaveLength(4); // no pong of ours
  });

  test('nothing is lost that comes before somebody listens', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.onConnect = ({ ws }) => {
      ws.send('early');
      ws.close(4000, 'bye');
    };
    const tunnel = await ask(scene, server);
    const openedAt = performance.now();
    await until(() => performance.now() - openedAt > 100, 'time in which both could have come');
    const ear = new Ear();
    tunnel.listen(ear);
    expect(await ear.end()).toEqual({ code: 4000, reason: 'bye' });
    expect(ear.heard).toEqual(['text early']);
  });

  test('an end before somebody listens is told then', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const tunnel = await ask(scene, server);
    server.last.tcp.resetAndDestroy();
    expect(await scene.closed()).toEqual(['lost']);
    const ear = new Ear();
    tunnel.listen(ear);
    expect(await ear.end()).toMatchObject({ code: 1006 });
  });

  test("the path, the policy's headers, and the subprotocol that the provider chose", async () => {
    await using server = await WebSocketProvider.open();
    server.headers = ['x-request-id: r', 'set-cookie: a=b'];
    await using scene = new Scene();
    const clientHeaders = fields({
      cookie: 'no',
      'user-agent': 'me',
      'sec-websocket-protocol': 'openai-insecure-api-key.k',
    });
    const { tunnel } = await open(scene, server, { protocols: ['realtime', 'b'], clientHeaders });
    expect(tunnel.protocol).toBe('realtime');
    expect(tunnel.headers).toEqual({ 'x-request-id': 'r' });
    const { url, headers } = server.upgrades[0]!;
    expect(url).toBe('/v1/realtime?model=m');
    expect(headers).toMatchObject({ 'user-agent': 'me', 'sec-websocket-protocol': 'realtime,b' });
    expect(headers).not.toHaveProperty('cookie');
  });
});

describe('it is not opened', () => {
  test('a refusal is told whole', async () => {
    await using server = await WebSocketProvider.open();
    server.refuse = (_request, socket) => {
      socket.end(
        'HTTP/1.1 429 No\r\nretry-after: 3\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
      );
      return true;
    };
    await using scene = new Scene();
    const refused = await ask(scene, server).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TunnelRefused);
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '3' },
      body: Buffer.from('{}'),
    });
  });

  test('a stall ends in time; a client that leaves ends the dial', async () => {
    await using server = await WebSocketProvider.open();
    server.refuse = () => true;
    await using scene = new Scene();
    // long enough for the connection itself: a hiccup before it is there would be another fault
    await expect(ask(scene, server, { route: routeTo(at(server.origin), {}, 300) })).rejects.toMatchObject({
      code: 'handshake_timeout',
    });
    const gone = new AbortController();
    const asked = ask(scene, server, { signal: gone.signal });
    await until(() => server.upgrades.length === 2, 'the upgrade');
    gone.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await until(() => server.connections === 0, 'the end of both connections');
  });

  test('not after the transport was closed', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const { ear } = await open(scene, server);
    await scene.transport.close();
    expect(scene.reasons()).toEqual(['shutdown']);
    expect(ear.ends).toEqual([]);
    await expect(ask(scene, server)).rejects.toMatchObject({ code: 'connect_failed' });
  });
});

describe('it ends', () => {
  test.each([
    [1000, 1000],
    [1001, 1001],
    [1005, 1000],
    [1006, 1011],
    [1014, 1011],
    [1015, 1011],
    [2999, 1011],
    [3000, 3000],
    [4999, 4999],
  ])('our close with %d is sent as %d, and its answer is the end', async (code, sent) => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const { tunnel, ear } = await open(scene, server);
    tunnel.pause();
    tunnel.close(code, 'é'.repeat(200));
    tunnel.close(code, 'again');
    await until(() => server.last.closed?.code === sent, `a close with ${sent}`);
    expect((await ear.end()).code).toBe(sent);
    expect(await scene.closed()).toEqual(['owner']);
    expect(ear.ends).toHaveLength(1);
  });

  test('a message beyond the limit is 1009, bytes that are no frame 1002', async () => {
    for (const [misbehave, code] of [
      [(server: WebSocketProvider) => server.last.ws.send('x'.repeat(2_000)), 1009],
      [
        (server: WebSocketProvider) => server.last.tcp.write(encodeFrame({ opcode: 3, isMasked: false })),
        1002,
      ],
      [
        (server: WebSocketProvider) =>
          server.last.tcp.write(
            encodeFrame({ opcode: Opcode.text, payload: Buffer.of(0xff), isMasked: false }),
          ),
        1007,
      ],
      [(server: WebSocketProvider) => server.last.tcp.resetAndDestroy(), 1006],
    ] as const) {
      await using server = await WebSocketProvider.open();
      await using scene = new Scene();
      const { ear } = await open(scene, server, { maxMessageBytes: 1_000 });
      misbehave(server);
      expect((await ear.end()).code).toBe(code);
      expect(ear.ends).toHaveLength(1);
    }
  });

  test('a message for which the process has no room is 1013, and nothing stays counted', async () => {
    await using server = await WebSocketProvider.open();
    let taken = 0;
    const answers = {
      take: (bytes: number) => (taken + bytes > 100_000 ? false : ((taken += bytes), true)),
      give: (bytes: number) => void (taken -= bytes),
    };
    await using scene = new Scene({ answers });
    const { ear, far } = await open(scene, server);
    far.send('x'.repeat(120_000));
    await until(() => ear.bytes === 120_000, 'a message that fits');
    expect(taken).toBe(0);
    far.send('x'.repeat(900_000));
    expect((await ear.end()).code).toBe(1013);
    expect(await scene.closed()).toEqual(['protocol']);
    expect(taken).toBe(0);
  });

  test('terminated it says nothing more', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const { tunnel, ear } = await open(scene, server);
    tunnel.terminate();
    expect(await scene.closed()).toEqual(['owner']);
    tunnel.send(Buffer.from('late'), false);
    tunnel.ping(Buffer.alloc(0));
    expect(ear.ends).toEqual([]);
  });
});

describe('a side that does not read', () => {
  test('the provider: what waits is counted as it shrinks, and its drain is told', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const { tunnel, ear, far } = await open(scene, server);
    far.pause();
    const megabyte = Buffer.alloc(1 << 20);
    for (let n = 0; n < 32; n += 1) tunnel.send(megabyte, true);
    await until(() => tunnel.bufferedBytes > 1 << 20 && tunnel.bufferedBytes < 32 << 20, 'bytes that wait');
    expect(ear.drains).toBe(0);
    far.resume();
    await until(() => ear.drains === 1, 'the drain');
    expect(tunnel.bufferedBytes).toBeLessThan(64 * 1024);
  });

  test('the client: the provider is held back', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const { tunnel, ear, far } = await open(scene, server);
    tunnel.pause();
    for (let n = 0; n < 40; n += 1) far.send(Buffer.alloc(1 << 19));
    await until(() => far.bufferedAmount > 0, 'the provider to be held back');
    expect(ear.bytes).toBeLessThan(10 << 19);
    tunnel.resume();
    await until(() => ear.bytes === 40 << 19, 'everything');
  });
});
