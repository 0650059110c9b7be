/** A port for a server that a test ends: if it answers afterwards, that is the server's doing. */
import { createServer } from 'node:net';
import { listenOnKeptPort } from './kept-port.ts';

/** A free port of loopback that no system gives to anybody by chance, not even once its server is gone. */
export async function ownPort(): Promise<number> {
  const server = createServer();
  const port = await listenOnKeptPort(server);
  await new Promise((done) => server.close(done));
  return port;
}
