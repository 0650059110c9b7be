/** What the rows do to a run while it goes on. */
import { createServer as createHttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { until, within } from '../../harness/wait-for.ts';
import type { Stage } from './fault-row.ts';

/** A turn against loopback; generous, since all of this shares two cores. */
const waitMs = 30_000;

/** The provider has begun to answer its first request. */
export async function firstRequest({ provider }: Pick<Stage, 'provider'>): Promise<void> {
  await provider.waitForRequest(() => true, waitMs);
}

/** Codex has received an event of this type. */
export async function codexHears({ tap }: Stage, type: string): Promise<void> {
  await until(
    () =>
      tap.sockets.some(({ heard }) =>
        heard.some((one) => one.kind === 'frame' && one.frame['type'] === type),
      ),
    `Codex to hear ${type}`,
    waitMs,
  );
}

/** Codex has shaken hands so many times, or tried to. */
export async function handshakes({ tap }: Stage, count: number): Promise<void> {
  await until(() => tap.sockets.length >= count, `${count} handshakes`, waitMs);
}

/** The first socket was ended by the other side. */
export async function firstSocketEnds({ tap }: Stage): Promise<void> {
  await until(
    () => tap.sockets[0]?.heard.some(({ kind }) => kind === 'close' || kind === 'end' || kind === 'reset'),
    'the first socket to be closed',
    waitMs,
  );
}

/** Another route file is in effect. */
export async function reload(stage: Stage, routes: string): Promise<void> {
  await stage.bridge.setRoutes(routes);
  await until(
    () => stage.bridge.logs().find(({ msg }) => msg === 'routes changed'),
    'the routes to be changed',
    waitMs,
  );
}

/** New connections go to another bridge, and this one drains. */
export async function drainAndMove(stage: Stage, deadlineMs?: number): Promise<void> {
  const next = await stage.openNext();
  stage.tap.retarget(next.port);
  await within(
    stage.bridge.drain(deadlineMs === undefined ? {} : { deadlineMs }),
    'the drain to end',
    waitMs,
  );
}

/** The bridge takes nothing new any more. */
export async function refusesWhatIsNew({ bridge }: Pick<Stage, 'bridge'>): Promise<void> {
  const isRefused = async (): Promise<boolean> => {
    // the drain closes the idle connection of the attempt before: then the next attempt tells
    const response = await fetch(`${bridge.url}/responses`, { method: 'POST' }).catch(() => undefined);
    return response?.status === 503;
  };
  await until(isRefused, 'the bridge to refuse what is new', waitMs);
}

/** Address of a server that accepts and never says a word, so that TLS is never agreed on. */
export async function speechless(stack: AsyncDisposableStack): Promise<string> {
  return `https://127.0.0.1:${await listening(createServer(), stack)}/v1`;
}

/** Address of a server whose certificate nobody here trusts. */
export async function untrusted(stack: AsyncDisposableStack): Promise<string> {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8');
  const server = createHttpsServer({ cert: fixture('server.pem'), key: fixture('server.key.pem') });
  return `https://127.0.0.1:${await listening(server, stack)}/v1`;
}

/** Opens the server; the stack closes it and its connections. */
async function listening(server: Server, stack: AsyncDisposableStack): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // a client that goes away
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}
