/** buildah with a store of its own: what tests name like a public image never meets the images of the user. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureProgram } from '../harness/debian-packages.ts';
import { cacheFolder } from '../harness/cache-folder.ts';
import { mustRun } from '../harness/run-command.ts';

/** The slowest step fetches the production packages; this is for a slow line. */
const timeoutMs = 15 * 60_000;

/** Runs `buildah ARGS` and resolves with its standard output. */
export type Buildah = (args: readonly string[], cwd?: string) => Promise<string>;

/** Where tests keep buildah's images and layers. */
export function imageStore(): string {
  return cacheFolder('images');
}

/** Needs root, as building images does here; installs Debian's buildah where there is none. */
export async function openBuildah(): Promise<Buildah> {
  await ensureProgram('buildah', 'buildah');
  const store = imageStore();
  await mkdir(join(store, 'tmp'), { recursive: true });
  const env = {
    ...process.env,
    BUILDAH_ISOLATION: 'chroot', // works where namespaces and control groups are somebody else's
    TMPDIR: join(store, 'tmp'), // where blobs and cache mounts go
  };
  const roots = ['--root', join(store, 'graph'), '--runroot', join(store, 'run')];
  return (args, cwd) =>
    mustRun('buildah', [...roots, ...args], { env, timeoutMs, ...(cwd === undefined ? {} : { cwd }) });
}
