import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openFlakyProxy } from './flaky-proxy.ts';
import { closedPort } from './nowhere.ts';
import { openRawSocket } from './raw-http.ts';
import { until, within } from './wait-for.ts';

let echo: Server;
let echoPort = 0;
/** How the echo's side of each connection ended. */
let ends: string[] = [];
let sockets: Socket[] = [];

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('data', (bytes: Buffer) => socket.write(bytes));
    socket.on('end', () => {
      ends.push('end');
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? 'error'));
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  echoPort = (echo.address() as AddressInfo).port;
});
beforeEach(() => {
  ends = [];
  sockets = [];
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  echo.close();
});

describe('the flaky proxy', () => {
  test('passes everything while nothing is wrong, half-closes too', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    const much = 'x'.repeat(3_000_000);
    client.write(much);
    client.end();
    expect(await client.closed).toBe('end');
    expect(client.received().toString() === much).toBe(true);
    expect(ends).toEqual(['end']);
    expect([proxy.connections, proxy.bytesToTarget, proxy.bytesToClient]).toEqual([1, 3_000_000, 3_000_000]);
    await until(() => proxy.openConnections === 0, 'the connection to be forgotten');
  });

  test('reset sends a TCP reset to both sides', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    client.write('hello');
    await client.until('hello');
    proxy.reset();
    expect(await client.closed).toBe('reset');
    await until(() => ends.includes('ECONNRESET'), 'the target to be reset');
    expect([proxy.openConnections, proxy.endedByTarget, proxy.endedByClient]).toEqual([0, 0, 0]);
  });

  test('cut sends a FIN to both sides', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    client.write('hello');
    await client.until('hello');
    proxy.cut();
    expect(await client.closed).toBe('end');
    await until(() => ends.includes('end'), 'the target to see the end');
  });

  test('a reset of one side reaches the other one as a reset', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    client.write('hello');
    await client.until('hello');
    client.reset();
    await until(() => ends.includes('ECONNRESET'), 'the target to be reset');
    expect([proxy.endedByTarget, proxy.endedByClient]).toEqual([0, 1]); // passing it on is the proxy's doing
    await using other = await openRawSocket(proxy.port);
    other.write('hello');
    await other.until('hello');
    sockets.at(-1)?.resetAndDestroy();
    expect(await other.closed).toBe('reset');
    expect([proxy.endedByTarget, proxy.endedByClient]).toEqual([1, 1]);
  });

  test('a target that does not listen is a reset', async () => {
    await using proxy = await openFlakyProxy(closedPort);
    await using client = await openRawSocket(proxy.port);
    expect(await client.closed).toBe('reset');
  });

  test('delay keeps every byte back so long, without narrowing the line', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    client.write('a');
    await client.until('a');
    proxy.delay(100);
    const startedAt = performance.now();
    const letters = 'bcdefghijklmnopqrstuvwxyz'.repeat(4);
    for (const letter of letters) {
      client.write(letter);
      // Two turns of the event loop, so that the proxy reads the letters one by one.
      await turn();
      await turn();
    }
    await client.until(`a${letters}`);
    // There and back; a timer may be a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(198);
    // A hundred letters one after the other would take 10 s each way if the line were narrowed.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('throttle lets through so many bytes a second, each way', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    proxy.throttle(100_000);
    const startedAt = performance.now();
    client.write('x'.repeat(30_000));
    await client.until((received) => received.byteLength === 30_000);
    const tookMs = performance.now() - startedAt;
    // 300 ms each way, overlapping. Faster than half of that is no throttle.
    expect(tookMs).toBeGreaterThanOrEqual(250);
    proxy.restore();
    client.write('y');
    await client.until('y');
  });

  test('a throttled reader slows the sender', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    proxy.throttle(1000);
    client.write('x'.repeat(32_000_000));
    await until(() => proxy.bytesToTarget >= 10, 'the first bytes');
    // 32 MB do not fit in the buffers between; what is left waits at the sender.
    expect(client.socket.writableLength).toBeGreaterThan(1_000_000);
  });

  test('silence swallows bytes and ends, both ways, and keeps connections', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    client.write('a');
    await client.until('a');
    proxy.silence();
    client.write('lost');
    const target = sockets.at(-1);
    target?.write('lost as well');
    await using late = await openRawSocket(proxy.port);
    late.write('late');
    await until(() => proxy.connections === 2, 'the second connection');
    expect([proxy.openConnections, client.received().toString()]).toEqual([2, 'a']);
    await expect(within(client.closed, 'an end', 30)).rejects.toThrow('waited 30 ms for an end');
    proxy.restore();
    client.write('b');
    expect((await client.until('b')).toString()).toBe('ab');
  });

  test('refuse resets new connections and keeps old ones', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    client.write('a');
    await client.until('a');
    proxy.refuse();
    // The reset may come while the client still believes it is connecting.
    const refused = await openRawSocket(proxy.port).then(
      (raw) => raw.closed,
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).toMatch(/^(reset|ECONNRESET)$/);
    client.write('b');
    await client.until('ab');
    proxy.restore();
    await using again = await openRawSocket(proxy.port);
    again.write('c');
    await again.until('c');
  });

  test.each(['cut', 'reset', 'silence'] as const)(
    '%s at a place is exact to the byte, wherever the chunks are cut',
    async (fault) => {
      for (const parts of [['ab--', '-\nxyz'], ['ab---\nxyz'], ['ab---', '\nx', 'yz'], ['ab---\nx']]) {
        await using proxy = await openFlakyProxy(echoPort);
        const done = proxy.at({ way: 'toClient', behind: '--\n', bytes: 1 }, () => proxy[fault]());
        await using client = await openRawSocket(proxy.port);
        for (const [n, part] of parts.entries()) {
          client.write(part);
          if (n < parts.length - 1) await client.until(parts.slice(0, n + 1).join(''));
        }
        await within(done, 'the place');
        const end = fault === 'silence' ? client.until('ab---\nx').then(() => 'open') : client.closed;
        expect(await end).toBe({ cut: 'end', reset: 'reset', silence: 'open' }[fault]);
        expect(client.received().toString()).toBe('ab---\nx');
      }
    },
  );

  test('a place may be before the first byte, and what follows waits for what is done there', async () => {
    await using proxy = await openFlakyProxy(echoPort);
    let seen = -1;
    const first = proxy.at({ way: 'toTarget' }, () => (seen = proxy.bytesToTarget));
    expect(() => proxy.at({ way: 'toTarget' }, () => undefined)).toThrow('being waited for already');
    await using client = await openRawSocket(proxy.port);
    client.write('hello');
    await first;
    expect(seen).toBe(0);
    await client.until('hello');
    const second = proxy.at({ way: 'toTarget', bytes: 2 }, () => (seen = proxy.bytesToTarget));
    client.write('again');
    await second;
    expect(seen).toBe('hello'.length + 2);
    await client.until('helloagain');
    expect(proxy.endedByTarget).toBe(0);
    client.end();
    await until(() => proxy.endedByTarget === 1, 'the target to end its side');
  });

  test('close ends everything and may be called twice', async () => {
    const proxy = await openFlakyProxy(echoPort);
    await using client = await openRawSocket(proxy.port);
    proxy.silence();
    await proxy.close();
    await proxy.close();
    expect(await client.closed).toMatch(/end|reset/);
    expect([proxy.openConnections, proxy.endedByTarget, proxy.endedByClient]).toEqual([0, 0, 0]);
  });
});
