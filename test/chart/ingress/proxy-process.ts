/** A proxy that is not ours, with all processes that it makes of itself, from its start until it is gone. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { until } from '../../harness/wait-for.ts';

export interface ProxyCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** True once it serves. Asked again and again. */
  readonly isReady: () => Promise<boolean>;
}

/** Owns the processes. */
export interface ProxyProcess extends AsyncDisposable {
  /** Of its master, where it has one. */
  readonly pid: number;
  /** What it printed, the last part of it. */
  log(): string;
  /** To the master alone, as a controller does it. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when the master is gone. */
  readonly ended: Promise<void>;
  /** Kills all of it. May be called twice. */
  close(): Promise<void>;
}

/** A start takes well below a second; this is for a machine that does much else. */
const startMs = 30_000;
/** Characters; what explains a failed start is at the end. */
const maxLog = 64 * 1024;

/**
 * Starts a proxy and waits until it serves.
 * @throws Error with the end of what it printed when it ends first, or does not serve in time.
 */
export async function startProxy({ command, args, env, isReady }: ProxyCommand): Promise<ProxyProcess> {
  // a group of its own: the workers of a killed master would live on
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: env ?? process.env,
  });
  const pid = child.pid ?? 0;
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-maxLog);
    });
  }
  let how: string | undefined;
  const ended = new Promise<void>((done) => {
    const end = (text: string): void => {
      how ??= text;
      done();
    };
    child.once('error', ({ message }) => end(message));
    child.once('exit', (code, signal) => end(`it ended with ${String(code ?? signal)}`));
  });
  const close = async (): Promise<void> => {
    if (pid !== 0) killGroup(pid);
    await ended;
  };
  try {
    await until(async () => how !== undefined || (await isReady()), `${command} to serve`, startMs);
    if (how !== undefined) throw new Error(`${command}: ${how}`);
  } catch (cause) {
    await close();
    throw new Error(`${command} did not start:\n${log.slice(-4_000)}`, { cause });
  }
  return {
    pid,
    log: () => log,
    signal: (name) => void child.kill(name),
    ended,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it is gone already
  }
}

/** Whether something listens on a port of loopback. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
