/** An end of a relayed WebSocket that reads slowly slows the other; what waits in between is bounded and counted. */
import { describe, expect, test } from '@jest/globals';
import { settledFigure } from '../harness/standing-still.ts';
import { until, within } from '../harness/wait-for.ts';
import { openRealtimeScene } from '../protocol/realtime-scene.ts';
import { logged, settled } from '../protocol/scene.ts';

const kib = 1024;
const mib = 1024 * kib;
const piece = Buffer.alloc(64 * kib, 1);
/** Far more than all buffers of the system together may take in on the way. */
const pieces = 1000;
const flow = { maxUnsentBytes: 256 * kib, maxStallMs: 60_000 };

describe('a client that stops reading', () => {
  test('stops its provider, within bounds, and hears everything when it goes on', async () => {
    await using realtime = await openRealtimeScene({ settings: { flow } });
    const { client, end } = await realtime.pair();
    client.stopReading();
    for (let n = 0; n < pieces; n++) end.ws.send(piece);
    const left = await settledFigure(() => end.ws.bufferedAmount);
    expect(left).toBeGreaterThan(10 * mib); // the rest is in the kernel's buffers and ours
    const { usedBytes } = realtime.scene.bridge.bridge;
    expect(usedBytes.clientSend).toBeGreaterThan(256 * kib);
    expect(usedBytes.clientSend).toBeLessThan(4 * mib);
    client.startReading();
    await until(() => client.frames.length === pieces, 'everything', 20_000);
    expect(client.frames.every(({ data }) => data.equals(piece))).toBe(true);
  }, 60_000);

  test('is closed with 1008 when it takes nothing for too long, and its provider let go', async () => {
    await using realtime = await openRealtimeScene({ settings: { flow: { ...flow, maxStallMs: 200 } } });
    const { client, end } = await realtime.pair();
    client.stopReading();
    for (let n = 0; n < pieces; n++) end.ws.send(piece);
    await within(end.closed, 'the end at the provider');
    // the close frame stands behind what the client does not read: it is dropped after five seconds
    await settled(realtime.scene.bridge, 10_000);
    expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([
      {
        close_code: 1008,
        close_initiator: 'local',
        close_reason: 'client reads too slowly',
        ended_by: 'bridge',
      },
    ]);
  }, 20_000);
});

test('a client that stops reading and leaves is let go at once, whatever it has not taken', async () => {
  await using realtime = await openRealtimeScene({ settings: { flow } });
  const { client, end } = await realtime.pair();
  client.stopReading();
  for (let n = 0; n < pieces; n++) end.ws.send(piece);
  const { bridge } = realtime.scene.bridge;
  await until(() => bridge.usedBytes.clientSend > 256 * kib, 'bytes to wait');
  client.socket.end();
  await settled(realtime.scene.bridge, 10_000);
  expect(await logged(realtime.scene.bridge, 'tunnel.close')).toMatchObject([{ ended_by: 'client' }]);
  end.ws.terminate();
}, 20_000);

test('an end that is not read because the other one is slow is not taken for lost', async () => {
  await using realtime = await openRealtimeScene({ settings: { flow, pingIntervalMs: 300 } });
  const { client, end } = await realtime.pair();
  const other = await realtime.pair();
  end.ws.pause();
  for (let n = 0; n < pieces; n++) client.send(piece);
  await until(() => realtime.scene.bridge.bridge.usedBytes.inbound > 256 * kib, 'bytes to wait');
  const before = other.client.pings;
  await until(() => other.client.pings > before + 6, 'more pings than may be missed', 15_000);
  end.ws.resume();
  await until(() => end.messages.length === pieces, 'everything', 20_000);
  expect(client.frames).toEqual([]);
}, 40_000);

describe('a provider that stops reading', () => {
  test('stops its client, within bounds, and hears everything when it goes on', async () => {
    await using realtime = await openRealtimeScene({ settings: { flow } });
    const { client, end } = await realtime.pair();
    end.ws.pause();
    for (let n = 0; n < pieces; n++) client.send(piece);
    const { bridge } = realtime.scene.bridge;
    await until(() => bridge.usedBytes.inbound > 256 * kib, 'bytes to wait');
    await settledFigure(() => client.socket.writableLength);
    expect(client.socket.writableLength).toBeGreaterThan(10 * mib);
    expect(bridge.usedBytes.inbound).toBeLessThan(4 * mib);
    end.ws.resume();
    await until(() => end.messages.length === pieces, 'everything', 20_000);
    expect(end.messages.every(({ data }) => data.equals(piece))).toBe(true);
    await until(() => bridge.usedBytes.inbound === 0, 'the budget to be given back');
  }, 60_000);

  test('is given up when it takes nothing for too long; its client may try again', async () => {
    await using realtime = await openRealtimeScene({ settings: { flow: { ...flow, maxStallMs: 200 } } });
    const { client, end } = await realtime.pair();
    end.ws.pause();
    for (let n = 0; n < pieces; n++) client.send(piece);
    expect(await within(client.closed, 'the close', 10_000)).toEqual({
      code: 1011,
      reason: 'connection to the provider lost',
    });
    const [line] = await logged(realtime.scene.bridge, 'tunnel.close');
    expect(line).toMatchObject({ close_reason: 'provider reads too slowly', ended_by: 'provider' });
    await settled(realtime.scene.bridge);
  }, 20_000);
});

test('a message for which the process has no memory is refused with 1013, and its provider let go', async () => {
  await using realtime = await openRealtimeScene({ budgets: { inboundBytes: mib } });
  const { client, end } = await realtime.pair();
  client.send(Buffer.alloc(8 * mib));
  expect(await within(client.closed, 'the close')).toMatchObject({ code: 1013 });
  await within(end.closed, 'the end at the provider');
  expect(end.messages).toEqual([]);
  await settled(realtime.scene.bridge);
});
