/** A run of a suite within a run: it does nothing for a long time, so that it can be ended in every way. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { until, within } from '../harness/wait-for.ts';

/** The kernel ends a sandbox in a fraction of a second. */
export const endMs = 20_000;

export interface NestedRunOptions {
  /** `run.ts` of a suite. */
  readonly file: string;
  /** In addition to the test's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** A control plane starts in three or four seconds, two nodes in ten; on a machine that does much else too. */
  readonly startMs: number;
}

/** Owns its processes: what should have ended by itself ends with it. */
export interface NestedRun extends AsyncDisposable {
  readonly outside: ChildProcess;
  readonly folder: string;
  /** Of the process outside. Null when a signal ended it. */
  readonly exitCode: Promise<number | null>;
  /** What it said so far, to standard error. */
  said(): string;
  /** All that were told of the folder: those of the cluster, and those of the sandbox. */
  processes(): Promise<readonly RunProcess[]>;
  /** Resolves once none of its processes is left. */
  isOver(): Promise<void>;
}

export interface RunProcess {
  readonly pid: string;
  readonly command: string;
}

/** Resolves when its cluster is ready. @throws Error with what it said when it ends too soon. */
export async function startRun({ file, env: more = {}, startMs }: NestedRunOptions): Promise<NestedRun> {
  const { KUBECONFIG: _, ...env } = process.env;
  const words = ['--exec', 'sh', '-c', 'echo "$KUBECONFIG"; exec sleep 1000'];
  const outside = spawn(process.execPath, [file, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, ...more },
  });
  let said = '';
  outside.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exitCode = new Promise<number | null>((done) => outside.once('exit', done));
  const kubeconfig = new Promise<string>((done, fail) => {
    outside.stdout.setEncoding('utf8').once('data', (line: string) => done(line.trim()));
    outside.once('exit', () => fail(new Error(`it ended too soon: ${said}`)));
  });
  // FOLDER/shared/admin.kubeconfig
  const path = await within(kubeconfig, 'a cluster', startMs, () => said).catch((cause: unknown) => {
    outside.kill('SIGKILL'); // and with it its sandbox
    throw cause;
  });
  const folder = dirname(dirname(path));
  const processes = (): Promise<readonly RunProcess[]> => processesOf(folder);
  const names = (await processes()).map(({ command }) => command);
  if (names.filter((command) => /etcd|kube-apiserver/.test(command)).length < 2) {
    throw new Error(`it has no control plane: ${names.join('\n')}`);
  }
  return {
    outside,
    folder,
    exitCode,
    said: () => said,
    processes,
    async isOver() {
      await until(async () => (await processes()).length === 0, 'no process of it', endMs);
    },
    async [Symbol.asyncDispose]() {
      for (const { pid } of await processes()) end(Number(pid));
      outside.kill('SIGKILL');
    },
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended since it was found
  }
}

async function processesOf(folder: string): Promise<readonly RunProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid, command: text.replaceAll('\0', ' ') };
    }),
  );
  return all.filter(({ command }) => command.includes(folder));
}
