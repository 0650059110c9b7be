/** A client that talks on and does not read: its answers do not pile up, and it is judged by what it takes. */
import { describe, expect, test } from '@jest/globals';
import type { TestClient } from '../harness/connect.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, logged, openScene, said, typesOf } from '../protocol/scene.ts';
import type { Step } from '../../src/scripted/script.ts';

const mib = 1_048_576;
/** Far more than the system's buffers take in on the way there and back. */
const frames = 1_000;
const echoed = 'x'.repeat(60_000);

/** Writes the frames as fast as they are taken; the first figure is how many were. */
function talk(client: TestClient): { sent: () => number } {
  let sent = 0;
  const more = (): void => {
    while (sent < frames) {
      client.send({ type: 'response.steer', previous_response_id: 'resp_1', input: echoed });
      sent++;
      if (client.socket.writableLength > mib) {
        client.socket.once('drain', more);
        return;
      }
    }
  };
  more();
  return { sent: () => sent };
}

describe('a client that talks and does not read', () => {
  test('is not read either, until it reads; then every frame has its answer', async () => {
    await using scene = await openScene({ settings: { flow: { maxUnsentBytes: mib, maxStallMs: 60_000 } } });
    const client = await scene.connect();
    client.stopReading();
    const talking = talk(client);
    let most = 0;
    let sent = -1;
    let looks = 0;
    await until(
      () => {
        most = Math.max(most, scene.bridge.bridge.usedBytes.clientSend);
        looks = sent === talking.sent() ? looks + 1 : 0;
        sent = talking.sent();
        return looks > 100;
      },
      'the bridge to take no more',
      20_000,
    );
    expect(sent).toBeLessThan(frames);
    expect(most).toBeGreaterThan(mib);
    expect(most).toBeLessThan(4 * mib);

    client.startReading();
    await until(() => client.frames.length === frames, 'an answer to each frame', 20_000);
    expect(new Set(typesOf(client.frames.map(({ json }) => json!)))).toEqual(
      new Set(['response.steer.failed']),
    );
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  }, 60_000);

  test('is closed when it takes nothing for too long', async () => {
    await using scene = await openScene({ settings: { flow: { maxUnsentBytes: mib, maxStallMs: 300 } } });
    const client = await scene.connect();
    client.stopReading();
    talk(client);
    await until(() => scene.bridge.bridge.connections === 0, 'the connection to be gone', 20_000);
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([
      { close_code: 1008, close_reason: 'client reads too slowly' },
    ]);
  }, 30_000);
});

describe('pings', () => {
  const flood: readonly Step[] = [{ text: 'x'.repeat(65_536), repeat: 1_500, unfinished: true }];

  test('that a slow reader cannot see do not count against it: what it takes does', async () => {
    await using scene = await openScene({
      script: flood,
      settings: { pingIntervalMs: 100, flow: { maxUnsentBytes: mib, maxStallMs: 2_000 } },
    });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.output_text.delta');
    client.stopReading();
    await within(scene.provider.requests[0]!.closed, 'the end of the request', 10_000);
    client.startReading();
    expect(await within(client.closed, 'the close')).toEqual({
      code: 1008,
      reason: 'client reads too slowly',
    });
  }, 20_000);
});

test('a large input of a refused steer is not given back, and the message says so', async () => {
  await using scene = await openScene();
  const client = await scene.connect();
  for (const kind of ['steer', 'inject']) {
    client.send({ type: `response.${kind}`, input: [said('x'.repeat(64 * 1024))] });
    const { data } = await client.nextFrame();
    expect(data.length).toBeLessThan(1_000);
    expect(data.toString()).toMatch(/not given back: it has 65\d{3} bytes, more than 65536/);
    client.send(`{"type":"response.${kind}","input":[1,,2]}`);
    const frame = await client.nextFrame();
    expect(frame.json).toMatchObject({ type: `response.${kind}.failed` });
    expect(frame.text).toContain('"input":null');
    expect(frame.text).toContain('it is not valid JSON');
  }
});
