/**
 * Jaeger publishes no package that a bare machine could install, but its Go module builds: go.mod and go.sum in
 * `jaeger/` pin it. Three to four minutes of two cores once per machine; afterwards the cache has it.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installOnce } from '../harness/install-lock.ts';
import { mustRun } from '../harness/run-command.ts';
import { cacheFolder } from './cache-folder.ts';

const moduleFolder = join(import.meta.dirname, 'jaeger');
const version = '1.62.0';

/** Compiling about 900 packages; measured 110 s on two idle cores, downloads included 3 minutes. */
export const jaegerBuildTimeoutMs = 15 * 60_000;

/** Nothing of the machine goes into the binary: the same inputs give the same bytes, so the cache may be keyed by them. */
const buildFlags = {
  CGO_ENABLED: '0',
  GOTOOLCHAIN: 'local',
  GOFLAGS: '-buildvcs=false -mod=readonly -trimpath',
};
const linkFlags = '-s -w';

/**
 * The path of the all-in-one binary, built now unless the cache has it. Needs Go 1.26 and its module proxy. Safe to
 * call from several processes at once.
 * @throws Error with Go's output when there is no Go, or the build fails.
 */
export async function ensureJaeger(): Promise<string> {
  const env = { ...process.env, ...buildFlags };
  const go = await mustRun('go', ['version'], { env }).catch((cause: unknown) => {
    throw new Error('Jaeger is built with Go, and there is no `go` on the PATH', { cause });
  });
  const folder = cacheFolder(`jaeger-${version}-${await contentKey(go)}`);
  const binary = join(folder, 'all-in-one');
  await installOnce({
    of: binary,
    isInstalled: () =>
      access(binary).then(
        () => true,
        () => false,
      ),
    async install() {
      await mkdir(folder, { recursive: true });
      // built beside its place and moved there: a build that was killed leaves no half of a program
      const unfinished = `${binary}.unfinished`;
      await rm(unfinished, { force: true });
      const target = 'github.com/jaegertracing/jaeger/cmd/all-in-one';
      await mustRun('go', ['build', '-ldflags', linkFlags, '-o', unfinished, target], {
        cwd: moduleFolder,
        env,
        timeoutMs: jaegerBuildTimeoutMs,
      });
      await rename(unfinished, binary);
    },
  });
  return binary;
}

/** Of everything that decides what the build makes. */
async function contentKey(goVersion: string): Promise<string> {
  const hash = createHash('sha256').update(goVersion).update(JSON.stringify(buildFlags)).update(linkFlags);
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(moduleFolder, file)));
  return hash.digest('hex').slice(0, 16);
}
