/** Ports for servers that go away and come back: nobody else gets one of them meanwhile. */
import type { Server } from 'node:net';

/** Below those that systems give to whoever asks for any (from 32768 on), and those that clusters give to nodes (from 30000 on). */
const minPort = 10_000;
const ports = 20_000;

/** Of twenty thousand ports some are taken; so many in a row are not. */
const maxDraws = 20;

/** Listens on loopback, on a port drawn by chance that stays its own. @returns the port */
export async function listenOnKeptPort(server: Server, random: () => number = Math.random): Promise<number> {
  for (let draw = 1; ; draw += 1) {
    const port = minPort + Math.floor(random() * ports);
    try {
      await listenOn(server, port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || draw === maxDraws) throw error;
    }
  }
}

/** So many may knock at once and be let in one after the other; what Node asks for is too few for a crowd. */
const backlog = 2048;

/** Listens on this port of loopback; 0: on any. */
export async function listenOn(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.once('listening', resolve);
  server.listen(port, '127.0.0.1', backlog);
  try {
    await promise;
  } finally {
    server.off('error', reject);
    server.off('listening', resolve);
  }
}
