/** A client that goes away, in whatever way and at whatever moment: the provider stops working for it at once. */
import { describe, expect, test } from '@jest/globals';
import { until, within } from '../harness/wait-for.ts';
import { logged, openScene, settled, type Scene } from '../protocol/scene.ts';
import type { TestClient } from '../harness/connect.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';

/** The provider must see that it works for nobody within this time. */
const promptMs = 100;

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

/** Starts a turn and leaves in the middle of it; the provider's view of the end, and how long after. */
async function leaveDuring(scene: Scene, { after }: Moment, leave: Way['leave']): Promise<[string, number]> {
  const client = await scene.connect();
  client.create({ model: 'm' });
  const request = await scene.provider.waitForRequest();
  if (after !== undefined) await client.next(after);
  const leftAt = performance.now();
  leave(client);
  const end = await within(request.closed, 'the end of the request');
  return [end.how, end.at - leftAt];
}

describe.each(ways)('with $way', ({ leave }) => {
  test.each(moments)('$moment, the provider is stopped at once', async (moment) => {
    await using scene = await openScene({ script: moment.script });
    const [how, afterMs] = await leaveDuring(scene, moment, leave);
    expect(how).toBe('client-closed');
    expect(afterMs).toBeLessThan(promptMs);
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'disconnected' }]);
    expect(await logged(scene.bridge, 'connection.close')).toHaveLength(1);
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
    const gone = await scene.connect();
    const other = await scene.connect();
    for (const lane of ['a', 'b', 'c']) {
      gone.create({ model: 'gone', stream_id: lane });
      await gone.next('response.created', { lane });
    }
    other.create({ model: 'other' });
    await other.next('response.created');
    const leftAt = performance.now();
    leave(gone);
    for (const request of scene.provider.requests.filter(({ body }) => body.model === 'gone')) {
      const end = await within(request.closed, 'the end of the request');
      expect(end.how).toBe('client-closed');
      expect(end.at - leftAt).toBeLessThan(promptMs);
    }
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
