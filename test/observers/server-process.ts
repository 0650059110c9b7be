/** A server that is not ours, in a process of its own, from its start until it is gone. */
import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { until } from '../harness/wait-for.ts';

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** True once it serves, by what it printed or by asking it. Asked again and again; may throw while nobody listens. */
  readonly isReady: (log: string) => Promise<boolean>;
}

/** Owns the process. */
export interface ServerProcess {
  /** What it printed, the last part of it. */
  log(): string;
  /** Kills it. May be called twice. */
  close(): Promise<void>;
}

/** A start takes well below a second; this is for a machine that does much else. */
const startTimeoutMs = 30_000;
/** Characters; what explains a failed start is at the end. */
const maxLog = 64 * 1024;

/**
 * Starts a server and waits until it serves.
 * @throws Error with the end of its log when it ends first, or does not serve in time.
 */
export async function startServerProcess({ command, args, isReady }: ServerCommand): Promise<ServerProcess> {
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-maxLog);
    });
  }
  let gone: string | undefined;
  const ended = new Promise<void>((done) => {
    const end = (how: string): void => {
      gone ??= how;
      done();
    };
    child.once('error', ({ message }) => end(message));
    child.once('close', (code, signal) => end(`it ended with ${String(code ?? signal)}`));
  });
  const close = async (): Promise<void> => {
    if (gone !== undefined) return;
    child.kill('SIGKILL'); // asked politely, it would wait for our kept connections; it has nothing to save
    await ended;
  };
  try {
    await until(
      async () => gone !== undefined || (await isReady(log).catch(() => false)),
      `${command} to serve`,
      startTimeoutMs,
    );
    if (gone !== undefined) throw new Error(`${command}: ${gone}`);
  } catch (cause) {
    await close();
    throw new Error(`${command} did not start:\n${log.slice(-4_000)}`, { cause });
  }
  return { log: () => log, close };
}

/** A port can be taken between its choice and its use; then another is tried. */
const maxPortTries = 3;

/** Starts what has to be told its port. `start` rejects when it could not; it is then given another one. */
export async function startOnFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const isTaken = /address already in use/i.test((error as Error).message);
      if (!isTaken || tries === maxPortTries) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', done);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
