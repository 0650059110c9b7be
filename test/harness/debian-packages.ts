/** Programs that come as Debian packages. */
import { setTimeout as delay } from 'node:timers/promises';
import { installOnce } from './install-lock.ts';
import { mustRun, runCommand, type CommandOptions } from './run-command.ts';

/** Chromium is about 100 MB with its libraries; this is for a slow line. */
export const aptTimeoutMs = 5 * 60_000;

/** How long another apt is waited for; one of a machine that has just started reads its lists for minutes. */
export interface LockWait {
  readonly everyMs: number;
  readonly forMs: number;
}

const patience: LockWait = { everyMs: 5_000, forMs: 5 * 60_000 };

/**
 * Installs a package unless the program is there already. Needs root for that.
 * @throws Error that names the package, with apt's output.
 */
export async function ensureProgram(program: string, packageName: string): Promise<void> {
  await installOnce({
    of: `debian package ${packageName}`,
    isInstalled: async () => (await findProgram(program)) !== undefined,
    install: () => aptGet(['install', '-y', '--no-install-recommends', packageName]),
  });
}

/** The path of a program, or undefined when PATH has none of that name. */
export async function findProgram(program: string): Promise<string | undefined> {
  const { code, stdout } = await runCommand('sh', ['-c', 'command -v "$1"', 'sh', program]);
  return code === 0 ? stdout.trim() : undefined;
}

/**
 * `apt-get ARGS`. A fresh machine has no package lists and an old one has lists of versions that are gone: both fail
 * once, and are tried again after an update.
 */
export async function aptGet(args: readonly string[], cwd?: string): Promise<void> {
  const options = cwd === undefined ? {} : { cwd };
  try {
    await runAptGet(args, options);
  } catch {
    await runAptGet(['update'], options);
    await runAptGet(args, options); // what it says this time is the reason
  }
}

/**
 * `apt-get ARGS` once, but for locks that another apt holds: apt waits for dpkg's by itself, and for those of its lists
 * and of its archives it does not.
 * @returns its standard output. @throws Error with apt's output.
 */
export async function runAptGet(
  args: readonly string[],
  { env = process.env, ...options }: CommandOptions = {},
  { everyMs, forMs }: LockWait = patience,
): Promise<string> {
  // its words in English: they are read below
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const words = ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args];
  const deadline = performance.now() + forMs;
  for (;;) {
    try {
      return await mustRun('apt-get', words, { timeoutMs: aptTimeoutMs, ...options, env: aptEnv });
    } catch (error) {
      const isLocked = /^E: Could not get lock /m.test((error as Error).message);
      if (!isLocked || performance.now() > deadline) throw error;
    }
    await delay(everyMs);
  }
}
