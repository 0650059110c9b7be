/** A client whose network is gone without a word is found by its silence; one that is merely quiet stays. */
import { describe, expect, test } from '@jest/globals';
import { connect } from '../harness/connect.ts';
import { openFlakyProxy } from '../harness/flaky-proxy.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, logged, openScene, typesOf } from '../protocol/scene.ts';

const settings = { pingIntervalMs: 400 };

describe('pings', () => {
  test('a connection that does not answer two of them is given up, and its provider stopped', async () => {
    await using scene = await openScene({ settings, script: [{ begin: true }, { stall: true }] });
    await using proxy = await openFlakyProxy(scene.bridge.port);
    await using client = await connect(`http://127.0.0.1:${proxy.port}/v1/responses`);
    client.create({ model: 'm' });
    await client.next('response.created');
    await until(() => client.pings > 0, 'a first ping');
    proxy.silence();
    const end = await within(scene.provider.requests[0]!.closed, 'the end of the request');
    expect(end.how).toBe('client-closed');
    await until(() => scene.bridge.bridge.connections === 0, 'the connection to be gone');
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([{ close_reason: 'no pong' }]);
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'disconnected' }]);
  });

  test('a quiet connection that answers stays, and hears no text', async () => {
    await using scene = await openScene({ settings });
    const client = await scene.connect();
    await until(() => client.pings >= 4, 'four pings');
    expect(client.frames).toEqual([]);
    expect(scene.bridge.bridge.connections).toBe(1);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    expect(await scene.bridge.metric('turnbridge_client_ping_rtt_seconds_count')).toBeGreaterThanOrEqual(3);
  });

  test('go on while a turn runs', async () => {
    await using scene = await openScene({ settings, script: [{ begin: true }, { stall: true }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    const before = client.pings;
    await until(() => client.pings >= before + 2, 'two more pings');
    expect(typesOf(client.frames.map(({ json }) => json!))).toEqual([
      'response.created',
      'response.in_progress',
    ]);
  });
});
