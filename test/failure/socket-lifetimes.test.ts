/** How long a WebSocket to a provider lives while nobody, or everybody, uses it. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { at, say, Scene, WebSocketProvider, wholeResponse } from '../unit/provider/socket-setup.ts';

const aged = (maxConnectionAgeMs: number) => ({
  limits: { maxRequestBytes: undefined, maxWebSocketMessageBytes: 1 << 24, maxConnectionAgeMs },
});

describe('age', () => {
  test('a socket that is too old finishes its turn, and takes no further one', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const held: (() => void)[] = [];
    server.answer = (socket, frame) => held.push(() => wholeResponse(socket, frame));
    const sockets = scene.owner();
    const provider = at(server.origin, aged(50));
    const turn = scene.turn(provider, sockets);
    await until(() => held.length === 1, 'the frame');
    const openedAt = performance.now();
    await until(() => performance.now() - openedAt > 100, 'the age');
    expect(scene.reasons()).toEqual([]);
    held[0]?.();
    await turn.completed();
    expect(await scene.closed()).toEqual(['age']);
    server.answer = wholeResponse;
    await scene.complete(provider, sockets);
    expect(server.upgrades).toHaveLength(2);
  });

  test('an idle one is closed by itself', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    await scene.complete(at(server.origin, aged(50)), scene.owner());
    expect(await scene.closed()).toEqual(['age']);
    const closed = await until(() => server.last.closed, 'the close at the provider');
    expect(closed).toEqual({ code: 1000 });
  });
});

describe('idle', () => {
  test('a socket that nobody uses is closed', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { idleMs: 30 } });
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    expect(await scene.closed()).toEqual(['idle']);
    await scene.complete(at(server.origin), sockets);
    expect(server.upgrades).toHaveLength(2);
  });

  test('a provider that closes an idle socket is noticed before the next turn', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    server.last.ws.close(1001);
    expect(await scene.closed()).toEqual(['remote']);
    expect((await scene.complete(at(server.origin), sockets)).dials).toHaveLength(1);
  });

  test('a socket whose other end is gone without a word is noticed: two pings without an answer', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { pingMs: 200 } });
    const sockets = scene.owner();
    const first = await scene.complete(at(server.origin), sockets);
    let pings = 0;
    server.last.ws.on('ping', () => (pings += 1));
    await until(() => pings >= 4, 'pings that are answered');
    expect(scene.reasons()).toEqual([]);
    server.last.tcp.pause();
    expect(await scene.closed()).toEqual(['lost']);
    expect(first.ends).toEqual([]);
    await scene.complete(at(server.origin), sockets);
    expect(server.upgrades).toHaveLength(2);
  });

  test('a turn whose provider is gone without a word hears of it', async () => {
    await using server = await WebSocketProvider.open();
    server.answer = (socket) => {
      say(socket, { type: 'response.created', response: { id: 'r' } });
      socket.tcp.pause();
    };
    await using scene = new Scene({ socketLimits: { pingMs: 20 } });
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(await turn.end()).toMatchObject({
      kind: 'lost',
      isStale: false,
      fault: { code: 'connection_lost', reason: 'ETIMEDOUT' },
    });
  });

  test('a turn that does not read is no sign that its provider is gone', async () => {
    await using server = await WebSocketProvider.open();
    server.answer = (socket) => say(socket, { type: 'response.created', response: { id: 'r' } });
    await using scene = new Scene({ socketLimits: { pingMs: 200 } });
    const turn = scene.turn(at(server.origin), scene.owner());
    await turn.events(1);
    turn.attempt.pause();
    // more than is read ahead: nothing comes any more, pongs neither
    server.last.ws.send(`{"type":"x","y":"${'x'.repeat(8 << 20)}"}`);
    const pausedAt = performance.now();
    await until(() => performance.now() - pausedAt > 1200, 'many intervals');
    turn.attempt.resume();
    say(server.last, { type: 'response.completed', response: { id: 'r' } });
    await turn.completed();
    expect(scene.reasons()).toEqual([]);
  });

  test('there is a bound on idle sockets: the one unused the longest goes, busy ones never', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { maxIdleSockets: 2 } });
    server.answer = (socket) => say(socket, { type: 'response.created', response: { id: 'r' } });
    const busy = scene.turn(at(server.origin), scene.owner());
    await busy.events(1);
    server.answer = wholeResponse;
    const owners = [scene.owner(), scene.owner(), scene.owner({ entry: 'http' })];
    for (const owner of owners) await scene.complete(at(server.origin), owner);
    expect(await scene.closed()).toEqual(['pool']);
    await until(() => server.sockets[1]?.closed !== undefined, 'the oldest to be closed');
    expect(server.sockets.map(({ closed }) => closed?.code)).toEqual([undefined, 1000, undefined, undefined]);
    expect(scene.transport.connections()).toEqual([
      { provider: 'openai', route: 'ai/coding', transport: 'websocket', active: 1, idle: 2 },
    ]);
  });
});

test('shutting down lets turns finish, closes the rest, and takes nothing more', async () => {
  await using server = await WebSocketProvider.open();
  const scene = new Scene();
  await scene.complete(at(server.origin), scene.owner());
  const parked = scene.owner({ entry: 'http' });
  await scene.complete(at(server.origin), parked);
  parked.close();
  const held: (() => void)[] = [];
  server.answer = (socket, frame) => held.push(() => wholeResponse(socket, frame));
  const turn = scene.turn(at(server.origin), scene.owner());
  await until(() => held.length === 1, 'the frame');
  let isClosed = false;
  const closing = scene.transport.close().then(() => (isClosed = true));
  expect(await scene.closed(2)).toEqual(['shutdown', 'shutdown']);
  expect(await scene.turn(at(server.origin), scene.owner()).fault()).toMatchObject({
    code: 'connect_failed',
  });
  expect(isClosed).toBe(false);
  held[0]?.();
  await turn.completed();
  await closing;
  await scene.transport.close();
  expect(scene.reasons()).toEqual(['shutdown', 'shutdown', 'shutdown']);
  expect(scene.transport.connections()).toEqual([]);
});
