/** Programs that come as Debian packages. */
import { installOnce } from '../harness/install-lock.ts';
import { mustRun, runCommand } from '../harness/run-command.ts';

/** Chromium is about 100 MB with its libraries; this is for a slow line. */
export const aptTimeoutMs = 5 * 60_000;

const aptEnv = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };

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
  const options = { env: aptEnv, timeoutMs: aptTimeoutMs, ...(cwd === undefined ? {} : { cwd }) };
  const run = (words: readonly string[]): Promise<string> =>
    mustRun('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...words], options);
  try {
    await run(args);
  } catch {
    await run(['update']);
    await run(args); // what it says this time is the reason
  }
}
