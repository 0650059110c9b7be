import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { listenOn, listenOnKeptPort } from './kept-port.ts';

const servers = [createServer(), createServer()] as const;

afterEach(async () => {
  for (const server of servers) {
    if (!server.listening) continue;
    server.close();
    await once(server, 'close');
  }
});

test('a port that somebody has is not taken for free: another one is drawn', async () => {
  const [first, second] = servers;
  const taken = await listenOnKeptPort(first);
  const same = drawOf(taken);
  const draws = [same, same, (same + 0.5) % 1];
  const port = await listenOnKeptPort(second, () => draws.shift() ?? Math.random());
  expect(draws.length).toBeLessThan(1);
  expect(port).not.toBe(taken);
  expect(second.address()).toMatchObject({ address: '127.0.0.1', port });
});

test('it is none of those that a system gives away, and is there again for whoever has left it', async () => {
  const [server] = servers;
  const port = await listenOnKeptPort(server);
  expect(port).toBeGreaterThanOrEqual(1024);
  expect(port).toBeLessThan(32_768);
  server.close();
  await once(server, 'close');
  await listenOn(server, port);
  expect(server.address()).toMatchObject({ port });
});

test('what cannot be had at all is said, and not tried for ever', async () => {
  const [first, second] = servers;
  const taken = await listenOnKeptPort(first);
  const always = () => drawOf(taken);
  await expect(listenOnKeptPort(second, always)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

/** The draw by which that port is had: the middle of its share, since a quotient may be a little less than it should be. */
function drawOf(port: number): number {
  return (port - 10_000 + 0.5) / 20_000;
}
