/** Ports for programs that have to be told theirs. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range that the kernel takes for outgoing connections and for whoever asks for any port: until a program
 * sits on its port, and while it is down, nobody else may sit down there. Above the ports that kubelets and kube-proxies of
 * nodes have, which come later.
 */
const firstPort = 11_000;
const lastPort = 30_000;
/** Nearly all are free. */
const maxPortTries = 100;

/** So many that nobody has, and that no system gives to anybody by chance. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries += 1) {
    if (tries === maxPortTries) throw new Error(`no free port between ${firstPort} and ${lastPort}`);
    const port = randomInt(firstPort, lastPort);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((done) => {
    server.once('error', () => done(false));
    server.listen(port, '0.0.0.0', () => done(true));
  });
  await new Promise((done) => server.close(done));
  return isListening;
}
