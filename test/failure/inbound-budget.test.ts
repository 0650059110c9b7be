/** How much all clients together may have on its way into the process. */
import { describe, expect, test } from '@jest/globals';
import { until, within } from '../harness/wait-for.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import type { TestClient } from '../harness/connect.ts';
import { ask, logged, openScene, said, settled, typesOf } from '../protocol/scene.ts';

/** A masked text frame's head that promises so many bytes; the mask is zero. */
function headOfFrame(bytes: number): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}

/** Sends so many bytes of a frame that will not be finished. */
function sendPart(client: TestClient, bytes: number): void {
  client.socket.write(Buffer.concat([headOfFrame(1_000_000), Buffer.alloc(bytes, 0x20)]));
}

describe('when the memory for what comes in is used up', () => {
  test('whoever goes on sending is closed with 1013, and everybody else is served', async () => {
    await using scene = await openScene({ budgets: { inboundBytes: 300_000 } });
    const modest = await scene.connect();
    const greedy = await scene.connect();
    greedy.create({ model: 'm', input: [said('x'.repeat(2_000_000))] });
    expect(await within(greedy.closed, 'the close')).toEqual({
      code: 1013,
      reason: 'out of memory for inbound messages (--inbound-budget)',
    });
    await until(() => scene.bridge.bridge.usedBytes.inbound === 0, 'the memory to be given back');
    expect(typesOf(await ask(modest, {})).at(-1)).toBe('response.completed');
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('requests that wait count too, until their turn has begun', async () => {
    await using scene = await openScene({
      budgets: { inboundBytes: 300_000 },
      script: [{ begin: true }, { stall: true }],
    });
    const client = await scene.connect();
    client.create({ model: 'm', input: [said('x'.repeat(100_000))] });
    await client.next('response.created');
    expect(scene.bridge.bridge.usedBytes.inbound).toBe(0);
    client.create({ model: 'm', input: [said('x'.repeat(100_000))] });
    await until(() => scene.bridge.bridge.usedBytes.inbound > 100_000, 'the waiting request to be counted');
    expect(await scene.bridge.metric('turnbridge_queued_bytes{place="lane_queue"}')).toBeGreaterThan(100_000);
    client.create({ model: 'm', input: [said('x'.repeat(250_000))] });
    expect((await within(client.closed, 'the close')).code).toBe(1013);
    await settled(scene.bridge);
  });

  test('a client that sends little keeps its socket, and is told to try again', async () => {
    await using scene = await openScene({ budgets: { inboundBytes: 300_000 } });
    const modest = await scene.connect();
    const many = await Promise.all(Array.from({ length: 6 }, () => scene.connect()));
    for (const client of many) sendPart(client, 60_000);
    await until(() => scene.bridge.bridge.usedBytes.inbound > 300_000, 'the memory to be used up');
    expect(await ask(modest, {})).toMatchObject([
      {
        type: 'error',
        status: 503,
        error: { code: 'slow_down', message: expect.stringContaining('(--inbound-budget); try again') },
      },
    ]);
    for (const client of many) client.terminate();
    await until(() => scene.bridge.bridge.usedBytes.inbound === 0, 'the memory to be given back');
    expect(typesOf(await ask(modest, {})).at(-1)).toBe('response.completed');
  });

  test('bytes that nobody keeps are not counted: a message beyond its limit starves nobody', async () => {
    await using scene = await openScene({
      budgets: { inboundBytes: 300_000 },
      route: { limits: { maxMessageBytes: 10_000 } },
    });
    const modest = await scene.connect();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(
      'GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await raw.until('\r\n\r\n');
    raw.write(headOfFrame(20_000_000));
    for (let n = 0; n < 20; n++) raw.write(Buffer.alloc(100_000));
    expect(await within(raw.closed, 'the end of the connection')).toBe('end');
    // a close frame of 17 bytes: 1009 and the reason
    const close = Buffer.concat([Buffer.from([0x88, 17, 0x03, 0xf1]), Buffer.from('message too big')]);
    expect(raw.received().includes(close)).toBe(true);
    expect(scene.bridge.bridge.usedBytes.inbound).toBeLessThan(100_000);
    expect(typesOf(await ask(modest, {})).at(-1)).toBe('response.completed');
    raw.end();
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([
      { close_code: 1009, close_initiator: 'local', close_reason: 'message too big' },
    ]);
  });
});
