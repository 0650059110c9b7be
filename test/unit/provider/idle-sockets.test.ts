/** WebSockets to providers between two turns: whose go when there are too many, and what is left of the turn before. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../../harness/wait-for.ts';
import { fields, routeTo } from './provider-setup.ts';
import { at, say, Scene, type ServedSocket, WebSocketProvider, wholeResponse } from './socket-setup.ts';

const onlyCreated = (socket: ServedSocket, frame: Record<string, unknown>): void =>
  say(socket, { type: 'response.created', response: { id: 'begun' } }, frame);

/** One request of an HTTP client whose headers are not those of the one before. */
async function post(scene: Scene, server: WebSocketProvider, tenant: string, agent: string): Promise<void> {
  const clientHeaders = fields({ 'user-agent': agent });
  const owner = scene.owner({ entry: 'http', tenant, clientHeaders });
  await scene.complete(at(server.origin), owner);
  owner.close();
}

describe('too many idle sockets', () => {
  test('those that wait for HTTP clients go before those of open connections', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { maxIdleSockets: 3, keptChains: 1 } });
    const connections = [scene.owner(), scene.owner()];
    for (const owner of connections) await scene.complete(at(server.origin), owner);
    for (const tenant of ['a', 'b', 'c', 'd']) await post(scene, server, tenant, 'sdk');
    expect(await scene.closed(3)).toEqual(['pool', 'pool', 'pool']);
    for (const owner of connections) await scene.complete(at(server.origin), owner);
    expect(server.upgrades).toHaveLength(6);
    await post(scene, server, 'd', 'sdk'); // the latest of them still waits
    expect(server.upgrades).toHaveLength(6);
  });

  test('one tenant’s HTTP clients leave only so many, and push out no other tenant’s', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { maxParkedSockets: 2, keptChains: 1 } });
    await post(scene, server, 'other', 'sdk');
    for (const agent of ['one', 'two', 'three']) await post(scene, server, 'tenant', agent);
    expect(await scene.closed()).toEqual(['pool']);
    await until(() => server.sockets[1]?.closed !== undefined, 'the oldest to be closed');
    for (const agent of ['two', 'three']) await post(scene, server, 'tenant', agent);
    await post(scene, server, 'other', 'sdk');
    expect(server.upgrades).toHaveLength(4);
    expect(scene.reasons()).toEqual(['pool']);
  });

  test('one that was idle and has a turn again is none of them', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { maxIdleSockets: 1 } });
    const [busy, idle, latest] = [scene.owner(), scene.owner(), scene.owner()];
    await scene.complete(at(server.origin), busy);
    server.answer = onlyCreated;
    const turn = scene.turn(at(server.origin), busy);
    await turn.events(1);
    server.answer = wholeResponse;
    for (const owner of [idle, latest]) await scene.complete(at(server.origin), owner);
    expect(await scene.closed()).toEqual(['pool']);
    say(server.sockets[0]!, { type: 'response.completed', response: { id: 'begun' } });
    await turn.completed();
  });
});

describe('after a turn', () => {
  test('that was paused when it ended the next one is read', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const owner = scene.owner();
    const turn = scene.turn(at(server.origin), owner);
    turn.onType = (type) => {
      if (type === 'response.completed') turn.attempt.pause();
    };
    await turn.completed();
    await scene.complete(at(server.origin), owner);
    expect(server.upgrades).toHaveLength(1);
  });

  test('that was given up the response before it is remembered no more', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    const provider = at(server.origin, { capabilities: new Set(['Lanes'] as const) });
    const inLane = (lane: string) => ({
      lane,
      body: [Buffer.from(`{"type":"response.create","stream_id":"${lane}"}`)],
    });
    const { responseId } = await scene.complete(provider, sockets, inLane('left'));
    server.answer = onlyCreated;
    const left = scene.turn(provider, sockets, inLane('left'));
    const kept = scene.turn(provider, sockets, inLane('kept'));
    for (const turn of [left, kept]) await turn.events(1);
    left.attempt.abort();
    for (const stream_id of ['left', 'kept']) say(server.last, { type: 'response.completed' }, { stream_id });
    await kept.completed();
    const target = { route: routeTo(provider), provider, lane: 'left' };
    expect(sockets.holds(target, 'begun')).toBe(true); // of the other lane: the socket is as it was
    expect(sockets.holds(target, responseId!)).toBe(false);
  });
});
