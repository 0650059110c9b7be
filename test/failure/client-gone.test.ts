/** A client that goes away, in whatever way and at whatever moment: the provider stops working for it at once. */
import { describe, expect, test } from '@jest/globals';
import { promptly } from '../harness/promptly.ts';
import { until, within } from '../harness/wait-for.ts';
import { logged, openScene, settled, type Scene } from '../protocol/scene.ts';
import type { TestClient } from '../harness/connect.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';

interface Way {
  readonly way: string;
  readonly leave: (client: TestClient) => void;
}

const ways: readonly Way[] = [
  { way: 'a FIN, as Codex does', leave: (client) => void client.socket.end() },
  { way: 'a reset', leave: (client) => client.reset() },
  { way: 'a close frame', leave: (client) => void client.close(1000) },
];

interface Moment {
  readonly moment: string;
  readonly script: ScriptLike;
  /** The event after which the client leaves; none: as soon as the provider has the request. */
  readonly after?: string;
}

const moments: readonly Moment[] = [
  { moment: 'before the provider has answered', script: [{ stall: true }] },
  { moment: 'between headers and first event', script: [{ open: true }, { stall: true }] },
  {
    moment: 'while the provider is silent',
    script: [{ begin: true }, { stall: true }],
    after: 'response.created',
  },
  {
    moment: 'while the provider streams',
    script: [{ text: 'on and on ', repeat: 100_000, delayMs: 1 }],
    after: 'response.output_text.delta',
  },
];

/** Starts a turn and leaves in the middle of it; how long until the provider has seen it, in milliseconds. */
async function leaveDuring(scene: Scene, { after }: Moment, leave: Way['leave']): Promise<number> {
  const before = scene.provider.requests.length;
  const client = await scene.connect();
  client.create({ model: 'm' });
  const request = await scene.provider.waitForRequest(({ number }) => number > before);
  if (after !== undefined) await client.next(after);
  const leftAt = performance.now();
  leave(client);
  const end = await within(request.closed, 'the end of the request');
  expect(end.how).toBe('client-closed');
  return end.at - leftAt;
}

describe.each(ways)('with $way', ({ leave }) => {
  test.each(moments)('$moment, the provider is stopped at once', async (moment) => {
    await using scene = await openScene({ script: moment.script });
    let left = 0;
    await promptly(async () => {
      left += 1;
      return leaveDuring(scene, moment, leave);
    });
    const ends = await logged(scene.bridge, 'turn.end', left);
    expect(ends.map(({ outcome }) => outcome)).toEqual(Array(left).fill('disconnected'));
    expect(await logged(scene.bridge, 'connection.close', left)).toHaveLength(left);
    await settled(scene.bridge);
  });

  test('turns that wait never start', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
    const client = await scene.connect();
    for (let n = 0; n < 3; n++) client.create({ model: 'm' });
    await client.next('response.created');
    await until(
      async () => (await scene.bridge.metric('turnbridge_turn_queue_depth')) === 2,
      'two turns to wait',
    );
    leave(client);
    const lines = await logged(scene.bridge, 'turn.end', 3);
    expect(lines.map(({ outcome }) => outcome)).toEqual(['disconnected', 'disconnected', 'disconnected']);
    await settled(scene.bridge);
    expect(scene.provider.requests).toHaveLength(1);
    expect(await scene.bridge.metric('turnbridge_turn_queue_depth')).toBe(0);
    expect(await scene.bridge.metric('turnbridge_turns_active')).toBe(0);
  });

  test('every lane is stopped, and nothing of another client', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
    const other = await scene.connect();
    other.create({ model: 'other' });
    await other.next('response.created');
    await promptly(async () => {
      const gone = await scene.connect();
      const before = scene.provider.requests.length;
      for (const lane of ['a', 'b', 'c']) {
        gone.create({ model: 'gone', stream_id: lane });
        await gone.next('response.created', { lane });
      }
      const requests = scene.provider.requests.slice(before);
      expect(requests).toHaveLength(3);
      const leftAt = performance.now();
      leave(gone);
      const ends = await within(
        Promise.all(requests.map(({ closed }) => closed)),
        'the ends of the requests',
      );
      expect(ends.map(({ how }) => how)).toEqual(Array(3).fill('client-closed'));
      return Math.max(...ends.map(({ at }) => at)) - leftAt;
    });
    expect(scene.bridge.bridge.connections).toBe(1);
    expect(scene.provider.openConnections).toBe(1);
  });
});

test('a client that leaves in the middle of a frame leaves nothing behind', async () => {
  await using scene = await openScene();
  const client = await scene.connect();
  // the head of a text frame of 60,000 bytes, and a few of them
  client.socket.write(Buffer.from([0x81, 0xfe, 0xea, 0x60, 0, 0, 0, 0, 0x7b, 0x22, 0x61]));
  await until(() => scene.bridge.bridge.usedBytes.inbound > 0, 'the first bytes to be counted');
  client.reset();
  await settled(scene.bridge);
  expect(scene.provider.requests).toEqual([]);
});
