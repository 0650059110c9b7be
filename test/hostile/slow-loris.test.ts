/** Clients that send their requests a byte at a time: they are ended in time, and all others are served meanwhile. */
import { expect, test } from '@jest/globals';
import { openRawSocket, type RawSocket } from '../harness/raw-http.ts';
import { until, within } from '../harness/wait-for.ts';
import { refusedUpgrade } from '../protocol/refused-upgrade.ts';
import { ask, openScene, typesOf, type Scene } from '../protocol/scene.ts';

const upgradeHead =
  'GET /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** TCP connections; twenty at a time, since a listener's backlog is no part of this. */
async function openRawSockets({ bridge }: Scene, count: number): Promise<RawSocket[]> {
  const sockets: RawSocket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(20, count - sockets.length) }, () =>
      openRawSocket(bridge.port),
    );
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other is the point
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

/** Writes the text a byte at a time to all of them, and `more` for ever after it. Returns what stops it. */
function trickle(sockets: readonly RawSocket[], text: string, more: string): () => void {
  let at = 0;
  const timer = setInterval(() => {
    const byte = text[at++] ?? more;
    for (const { socket } of sockets) if (socket.writable) socket.write(byte);
  }, 100);
  return () => clearInterval(timer);
}

test('five hundred upgrades byte by byte are ended after ten seconds, count nowhere, and keep nobody waiting', async () => {
  await using scene = await openScene({ maxConnections: 2 });
  const loris = await openRawSockets(scene, 500);
  const startedAt = performance.now();
  const stop = trickle(loris, `${upgradeHead}x-slow: `, 'a');
  try {
    const client = await scene.connect();
    let turns = 0;
    while (loris.some((raw) => raw.received().length === 0)) {
      // oxlint-disable-next-line no-await-in-loop -- one turn after the other is the point
      expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
      turns++;
      expect(scene.bridge.bridge.connections).toBe(1);
      expect(performance.now() - startedAt).toBeLessThan(25_000);
    }
    await within(Promise.all(loris.map((raw) => raw.closed)), 'all of them to be closed');
    expect(turns).toBeGreaterThan(20);
  } finally {
    stop();
    for (const { socket } of loris) socket.destroy();
  }
  for (const raw of loris) expect(raw.received().toString()).toMatch(/^HTTP\/1\.1 408 /);
}, 40_000);

test('as many sockets without a word as may be: those that are connected go on, and it is served again when they go', async () => {
  await using scene = await openScene({ maxConnections: 2 });
  const client = await scene.connect();
  const silent = await openRawSockets(scene, 1_025); // 1,024 beside --max-connections, one place of which is taken
  try {
    await using late = await openRawSocket(scene.bridge.port);
    expect(await within(late.closed, 'the socket that is one too many to be closed')).toBeDefined();
    expect(late.received()).toHaveLength(0);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  } finally {
    for (const { socket } of silent) socket.destroy();
  }
  const next = await until(() => scene.connect().catch(() => undefined), 'another client to be let in');
  expect(typesOf(await ask(next, {})).at(-1)).toBe('response.completed');
}, 30_000);

test('bodies byte by byte count as connections, hold their bytes alone, and are served when they are whole', async () => {
  await using scene = await openScene({ maxConnections: 101, budgets: { inboundBytes: 100_000 } });
  const bodies = await openRawSockets(scene, 100);
  const body = '{"model":"m","input":"hi"}';
  const chunked = body.split('').map((byte) => `1\r\n${byte}\r\n`);
  try {
    for (const raw of bodies)
      raw.write('POST /v1/responses HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    await until(() => scene.bridge.bridge.connections === 100, 'all of them to be counted');
    for (const piece of chunked.slice(0, -1)) {
      for (const raw of bodies) raw.write(piece);
      // oxlint-disable-next-line no-await-in-loop -- a byte at a time is the point
      await new Promise((resolve) => setImmediate(resolve));
    }
    const held = 100 * (body.length - 1);
    await until(() => scene.bridge.bridge.usedBytes.inbound === held, 'every byte to be counted');
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    expect((await refusedUpgrade(scene.connect())).status).toBe(503);
    for (const raw of bodies) raw.write(`${chunked.at(-1)!}0\r\n\r\n`);
    for (const raw of bodies) {
      // oxlint-disable-next-line no-await-in-loop -- they have all been asked already
      expect((await raw.until('"completed"', 15_000)).toString()).toMatch(/^HTTP\/1\.1 200 /);
    }
  } finally {
    for (const { socket } of bodies) socket.destroy();
  }
}, 30_000);
