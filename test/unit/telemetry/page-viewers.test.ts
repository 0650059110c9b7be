import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { MAX_BEHIND_MS, Viewers } from '../../../src/telemetry/page/viewers.ts';
import { manualClock, type ManualClock } from '../../harness/clock.ts';
import { openRawSocket, type RawSocket } from '../../harness/raw-http.ts';
import { until } from '../../harness/wait-for.ts';

const MIB = 1024 * 1024;
const server = createServer();
let clock: ManualClock;
let viewers: Viewers;
let gone: number;
const sockets: RawSocket[] = [];

beforeEach(async () => {
  clock = manualClock();
  viewers = new Viewers(() => clock.now());
  gone = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  viewers.close();
  for (const { socket } of sockets.splice(0)) socket.destroy();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
});

async function watch(): Promise<{ response: ServerResponse; client: RawSocket }> {
  const request = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  const { port } = server.address() as { port: number };
  const client = await openRawSocket(port);
  sockets.push(client);
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const [, response] = await request;
  response.writeHead(200);
  viewers.add(response, Buffer.from('[first]'), () => gone++);
  await client.until('[first]');
  return { response, client };
}

function never(): Buffer {
  throw new Error('everything was asked for');
}

/** Sends until the viewer, who does not read, has more than the system takes. */
async function fill(response: ServerResponse): Promise<void> {
  await until(() => {
    if (response.writableNeedDrain) return true;
    viewers.send(Buffer.alloc(MIB, 'x'), never);
    return false;
  }, 'the viewer to be full');
  // one that is only busy writes on; this one cannot
  const waiting = response.writableLength;
  await new Promise((resolve) => setImmediate(resolve));
  if (response.writableLength < waiting) await fill(response);
}

test('each viewer hears the same message, and a quiet round sends nothing', async () => {
  const one = await watch();
  const other = await watch();
  viewers.send(Buffer.from('[a]'), never);
  viewers.send(undefined, never);
  viewers.send(Buffer.from('[b]'), never);
  for (const { client } of [one, other]) {
    expect((await client.until('[b]')).toString()).not.toContain('[first]\r\n[a]\r\n[a]');
  }
  expect(viewers.count).toBe(2);
});

test('a viewer that does not read is left out, and gets everything once it reads again', async () => {
  const slow = await watch();
  const quick = await watch();
  slow.client.socket.pause();
  await fill(slow.response);
  const waiting = slow.response.writableLength;
  for (let round = 0; round < 50; round++) viewers.send(Buffer.from('[missed]'), never);
  expect(slow.response.writableLength).toBe(waiting);
  slow.client.socket.resume();
  await until(() => !slow.response.writableNeedDrain, 'the viewer to have caught up');
  viewers.send(undefined, () => Buffer.from('[everything]'));
  viewers.send(Buffer.from('[after]'), never);
  const received = (await slow.client.until('[after]')).toString();
  expect(received).toContain('[everything]');
  expect(received).not.toContain('[missed]');
  expect((await quick.client.until('[after]')).toString()).not.toContain('[everything]');
});

test('a viewer that never reads again is let go', async () => {
  const { client, response } = await watch();
  client.socket.pause();
  await fill(response);
  viewers.send(Buffer.from('[missed]'), never);
  clock.advance(MAX_BEHIND_MS);
  viewers.send(undefined, never);
  expect(viewers.count).toBe(1);
  clock.advance(1);
  viewers.send(undefined, never);
  await until(() => viewers.count === 0, 'the viewer to be gone');
  expect(gone).toBe(1);
});

test('a viewer that leaves is forgotten', async () => {
  const { client } = await watch();
  client.reset();
  await until(() => viewers.count === 0, 'the viewer to be gone');
  expect(gone).toBe(1);
});

test('closing ends the answers, and may be done twice', async () => {
  const { client } = await watch();
  viewers.close();
  viewers.close();
  expect((await client.until('0\r\n\r\n')).toString()).toContain('[first]');
  expect(viewers.count).toBe(0);
});
