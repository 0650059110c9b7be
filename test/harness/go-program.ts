/** Programs that tests need and that no package brings to a bare machine, but whose Go modules build. */
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder.ts';
import { installOnce } from './install-lock.ts';
import { mustRun } from './run-command.ts';

export interface GoProgram {
  /** Of the binary. */
  readonly name: string;
  /** With the version in it: the cache's folder begins with that. */
  readonly cacheName: string;
  /** Absolute. Its go.mod and go.sum pin everything. */
  readonly moduleFolder: string;
  /** A package path, or `./FOLDER` of the module: its own `.go` files then decide as well. */
  readonly target: string;
  /** For `-ldflags`. */
  readonly linkFlags: string;
  readonly timeoutMs: number;
}

/** Nothing of the machine goes into the binary: the same inputs give the same bytes, so the cache may be keyed by them. */
const buildFlags = {
  CGO_ENABLED: '0',
  GOTOOLCHAIN: 'local',
  GOFLAGS: '-buildvcs=false -mod=readonly -trimpath',
};

/**
 * The path of the binary, built now unless the cache has it. Needs Go 1.26 and its module proxy. Safe to call from
 * several processes at once.
 * @throws Error with Go's output when there is no Go, or the build fails.
 */
export async function ensureGoProgram(program: GoProgram): Promise<string> {
  const env = { ...process.env, ...buildFlags };
  const go = await mustRun('go', ['version'], { env }).catch((cause: unknown) => {
    throw new Error(`${program.name} is built with Go, and there is no \`go\` on the PATH`, { cause });
  });
  const folder = cacheFolder(`${program.cacheName}-${await contentKey(go, program)}`);
  const binary = join(folder, program.name);
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
      await mustRun('go', ['build', '-ldflags', program.linkFlags, '-o', unfinished, program.target], {
        cwd: program.moduleFolder,
        env,
        timeoutMs: program.timeoutMs,
      });
      await rename(unfinished, binary);
    },
  });
  return binary;
}

/** Of everything that decides what the build makes. */
async function contentKey(goVersion: string, program: GoProgram): Promise<string> {
  const hash = createHash('sha256')
    .update(goVersion)
    .update(JSON.stringify(buildFlags))
    .update(program.linkFlags);
  for (const file of ['go.mod', 'go.sum', ...(await ownFiles(program))]) {
    hash.update(await readFile(join(program.moduleFolder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function ownFiles({ moduleFolder, target }: GoProgram): Promise<readonly string[]> {
  if (!target.startsWith('./')) return [];
  const names = await readdir(join(moduleFolder, target));
  return names
    .filter((name) => name.endsWith('.go'))
    .sort()
    .map((name) => join(target, name));
}
