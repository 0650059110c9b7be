/**
 * Prometheus and promtool. Debian's package is unpacked into the cache and not installed: that needs no root, and
 * starts no service on the machine.
 */
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installOnce } from '../harness/install-lock.ts';
import { mustRun, runCommand, type CommandResult } from '../harness/run-command.ts';
import { cacheFolder } from '../harness/cache-folder.ts';
import { aptGet, findProgram } from '../harness/debian-packages.ts';

export interface PrometheusPrograms {
  /** Path of `prometheus`. */
  readonly prometheus: string;
  /** Path of `promtool`. */
  readonly promtool: string;
}

/**
 * The programs on the PATH, else those of the Debian package, fetched now unless the cache has them. Safe to call from
 * several processes at once. Give the hook that calls it `aptTimeoutMs`.
 * @throws Error with apt's output when the package cannot be had.
 */
export async function ensurePrometheus(): Promise<PrometheusPrograms> {
  const [prometheus, promtool] = await Promise.all([findProgram('prometheus'), findProgram('promtool')]);
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const folder = cacheFolder('prometheus-debian');
  const inFolder = (name: string): string => join(folder, 'usr', 'bin', name);
  await installOnce({
    of: folder,
    isInstalled: () =>
      access(inFolder('promtool')).then(
        () => true,
        () => false,
      ),
    install: () => unpack('prometheus', folder),
  });
  return { prometheus: inFolder('prometheus'), promtool: inFolder('promtool') };
}

async function unpack(packageName: string, folder: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const work = await mkdtemp(`${folder}-unfinished-`);
  try {
    await aptGet(['download', packageName], work);
    const archive = (await readdir(work)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get download ${packageName} left no package`);
    await mustRun('dpkg-deb', ['-x', join(work, archive), join(work, 'files')]);
    await rm(folder, { recursive: true, force: true });
    await rename(join(work, 'files'), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * `promtool ARGS`, ended however it did: `check metrics` reads `input`, `check rules` and `test rules` read files.
 * Its code is 0 when it finds nothing wrong; what it found is in `output`.
 */
export async function promtool(args: readonly string[], input = ''): Promise<CommandResult> {
  const programs = await ensurePrometheus();
  return runCommand(programs.promtool, args, { input });
}
