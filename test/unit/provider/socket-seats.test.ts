/** Whose an event is: turns that follow each other on one WebSocket, and those that leave it. Against real servers. */
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { until } from '../../harness/wait-for.ts';
import { routeTo } from './provider-setup.ts';
import { at, say, Scene, type ServedSocket, WebSocketProvider, wholeResponse } from './socket-setup.ts';

const LANES = { capabilities: new Set(['Lanes'] as const) };

const inLane = (lane: string, more: object = {}) => ({
  lane,
  body: [Buffer.from(JSON.stringify({ type: 'response.create', stream_id: lane, ...more }))],
});
const plain = (members: object, lane = '') => ({
  lane,
  body: [Buffer.from(JSON.stringify({ type: 'response.create', ...members }))],
});
const refusal = {
  type: 'error',
  status: 500,
  error: { type: 'server_error', code: 'server_error', message: 'x' },
};

describe('a route that is edited', () => {
  test('takes lanes away from a provider: its turns go out on sockets of one lane each', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    const before = at(server.origin, LANES);
    await scene.complete(before, sockets, inLane('a'));
    const after = { ...before, capabilities: new Set<never>() };
    server.answer = (socket, frame) => {
      if (frame['slow'] === undefined) wholeResponse(socket, frame);
    };
    const slow = scene.turn(after, sockets, plain({ slow: true }));
    const turn = await scene.complete(after, sockets, plain({}, 'a'));
    expect(turn.types.at(-1)).toBe('response.completed');
    expect(slow.types).toEqual([]);
    expect(server.upgrades).toHaveLength(3);
    expect(await scene.closed()).toEqual(['stale']);
  });

  test('changes how old its sockets may become: the next turn has one of that age', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    const before = at(server.origin);
    await scene.complete(before, sockets);
    const limits = { ...before.limits, maxConnectionAgeMs: before.limits.maxConnectionAgeMs / 2 };
    await scene.complete({ ...before, limits }, sockets);
    expect(server.upgrades).toHaveLength(2);
    expect(await scene.closed()).toEqual(['stale']);
  });
});

describe('after an error', () => {
  /** Sends the `response.failed` of the turn that is marked `bad` when told to. */
  const refusing = async () => {
    const server = await WebSocketProvider.open();
    const scene = new Scene();
    let tail: (() => void) | undefined;
    server.answer = (socket, frame) => {
      if (frame['bad'] === undefined) {
        if (tail === undefined) wholeResponse(socket, frame);
        return;
      }
      say(socket, refusal);
      tail = () => {
        tail = undefined;
        say(socket, {
          type: 'response.failed',
          response: { id: 'resp_bad', error: { code: 'server_error' } },
        });
      };
    };
    return { server, scene, sendTail: () => tail?.() };
  };

  test('the late end of that response is not the next turn’s, which is tried on another socket', async () => {
    const { server, scene, sendTail } = await refusing();
    await using _server = server;
    await using _scene = scene;
    const provider = at(server.origin);
    const sockets = scene.owner();
    await scene.turn(provider, sockets, plain({ bad: true })).events(1);
    const next = scene.turn(provider, sockets, plain({}));
    await until(() => server.last.received.length === 2, 'the next frame');
    sendTail();
    await until(() => next.ends.length === 1, 'the end');
    expect(next.ends).toMatchObject([{ kind: 'lost', isStale: true, fault: { code: 'socket_closed' } }]);
    expect(next.types).toEqual([]);
    expect(await scene.closed()).toEqual(['protocol']);
  });

  test('its late end on an idle socket changes nothing', async () => {
    const { server, scene, sendTail } = await refusing();
    await using _server = server;
    await using _scene = scene;
    const provider = at(server.origin);
    const sockets = scene.owner();
    await scene.turn(provider, sockets, plain({ bad: true })).events(1);
    sendTail();
    const pong = once(server.last.ws, 'pong');
    server.last.ws.ping();
    await pong; // what came before it was read
    const turn = await scene.complete(provider, sockets, plain({}));
    expect(turn.types[0]).toBe('response.created');
    await scene.complete(provider, sockets, plain({}));
    expect(server.upgrades).toHaveLength(1);
  });

  test('the next turn’s own failure passes once its response has begun', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    server.answer = (socket, frame) => {
      if (frame['bad'] !== undefined) return say(socket, refusal);
      say(socket, { type: 'codex.rate_limits' });
      say(socket, { type: 'response.created', response: { id: 'r' } });
      say(socket, { type: 'response.failed', response: { id: 'r' } });
    };
    await scene.turn(at(server.origin), sockets, plain({ bad: true })).events(1);
    const next = scene.turn(at(server.origin), sockets, plain({}));
    await next.events(3);
    expect(next.types).toEqual(['codex.rate_limits', 'response.created', 'response.failed']);
    expect(next.ends).toEqual([]);
  });
});

test('a lane that was abandoned and is then refused serves again on the same socket', async () => {
  await using server = await WebSocketProvider.open();
  await using scene = new Scene();
  const sockets = scene.owner();
  const provider = at(server.origin, LANES);
  server.answer = (socket, frame) => {
    if (frame['slow'] === undefined) wholeResponse(socket, frame);
  };
  const kept = scene.turn(provider, sockets, inLane('kept', { slow: true }));
  const left = scene.turn(provider, sockets, inLane('left', { slow: true }));
  await until(() => server.sockets[0]?.received.length === 2, 'both frames');
  left.attempt.abort();
  say(server.last, refusal, { stream_id: 'left' });
  say(server.last, { type: 'response.created', response: { id: 'r' } }, { stream_id: 'kept' });
  await kept.events(1);
  expect(sockets.holds({ route: routeTo(provider), provider, lane: 'left' }, 'r')).toBe(false);
  await scene.complete(provider, sockets, inLane('left'));
  expect(server.upgrades).toHaveLength(1);
});

test('a turn that leaves when it hears of its dial leaves no socket behind', async () => {
  await using server = await WebSocketProvider.open();
  await using scene = new Scene();
  const turn = scene.turn(at(server.origin), scene.owner());
  turn.onDialled = () => turn.attempt.abort();
  await until(() => server.sockets.length === 1 && server.connections === 0, 'the socket is gone');
  expect(scene.facts).toEqual([]);
  expect(turn.ends).toEqual([]);
});

test('with lanes, none of the turns that waited for a new socket takes its end for that of an old one', async () => {
  await using server = await WebSocketProvider.open();
  await using scene = new Scene();
  server.answer = (socket) => {
    if (socket.received.length === 2) socket.ws.close(1001);
  };
  const sockets = scene.owner();
  const provider = at(server.origin, LANES);
  const turns = ['a', 'b'].map((lane) => scene.turn(provider, sockets, inLane(lane)));
  await until(() => turns.every(({ ends }) => ends.length === 1), 'both ends');
  expect(turns.flatMap(({ ends }) => ends)).toMatchObject([{ isStale: false }, { isStale: false }]);
  expect(turns.map(({ dials }) => dials.length)).toEqual([1, 0]);
});

describe('a provider that does not read', () => {
  const MIB = 1 << 20;
  const steer = Buffer.alloc(8 * MIB, 'x');
  const stuck = async (budget?: { free: number }) => {
    const server = await WebSocketProvider.open();
    const answers = budget && {
      take: (bytes: number) => bytes <= budget.free && ((budget.free -= bytes), true),
      give: (bytes: number) => void (budget.free += bytes),
    };
    const scene = new Scene(answers === undefined ? {} : { answers });
    server.answer = (socket: ServedSocket) => {
      socket.tcp.pause();
      say(socket, { type: 'response.created', response: { id: 'r' } });
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    await turn.events(1);
    return { server, scene, turn };
  };

  test('has one large frame of a client’s waiting for it, and no second', async () => {
    const { server, scene, turn } = await stuck();
    await using _server = server;
    await using _scene = scene;
    const told = [turn.attempt.send(steer), turn.attempt.send(steer), turn.attempt.send(Buffer.from('{}'))];
    expect(told).toEqual(['sent', 'full', 'full']);
    server.last.tcp.resume();
    await until(() => turn.attempt.send(Buffer.from('{}')) === 'sent', 'room again');
  });

  test('is sent no more than the budget has room for, and what was sent is given back', async () => {
    const budget = { free: 10 * MIB };
    const { server, scene, turn } = await stuck(budget);
    await using _server = server;
    await using _scene = scene;
    expect(turn.attempt.send(steer)).toBe('sent');
    expect(budget.free).toBeLessThan(3 * MIB);
    const other = scene.turn(at(server.origin), scene.owner(), { body: [steer] });
    expect(await other.fault()).toMatchObject({ code: 'no_room' });
    server.last.tcp.resume();
    server.sockets[0]?.tcp.resume();
    await until(() => budget.free === 10 * MIB, 'all of it is free');
  });
});
