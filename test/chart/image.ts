/** The image that the Dockerfile of this checkout gives, as an archive that a container runtime imports. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../harness/cache-folder.ts';
import { installOnce } from '../harness/install-lock.ts';
import { runCommand } from '../harness/run-command.ts';
import { ensureBaseImages, type BaseNames } from './base-image.ts';
import { imageStore, openBuildah, type Buildah } from './buildah.ts';
import type { DebianArchitecture } from './debian-archive.ts';

export interface ImageArchive {
  /** A docker-archive tar in the cache. */
  readonly path: string;
  /** As runtimes call it after the import. */
  readonly name: string;
  /** Of the archive, uncompressed. */
  readonly bytes: number;
}

const root = join(import.meta.dirname, '../..');
/** All that the Dockerfile may copy (.dockerignore), and it. */
const inputs = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'LICENSE',
  'cmd',
  'src',
];
/** Each is a quarter of a gigabyte. Not one, because a run may still read an older one while a newer is made. */
const maxKept = 4;
const testName = 'localhost/turnbridge:test';

/**
 * Builds the image unless the cache has one of the same contents: half a minute the first time, and a quarter after
 * each change. Needs root, and what {@link ensureBaseImages} needs. Safe to call from several processes at once.
 * @throws Error with the end of buildah's output.
 */
export async function ensureImage(): Promise<ImageArchive> {
  // who waits for another process's build waits on timers that keep nobody alive, and a script would end there
  const alive = setInterval(() => {}, 60_000);
  try {
    return await findOrBuild();
  } finally {
    clearInterval(alive);
  }
}

async function findOrBuild(): Promise<ImageArchive> {
  const buildah = await openBuildah();
  const names = baseNames(await readFile(join(root, 'Dockerfile'), 'utf8'));
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const base = await ensureBaseImages(buildah, names, architecture);
  const folder = cacheFolder(`image/${await contentKey(base)}`);
  const path = join(folder, 'turnbridge.tar');
  const bytes = (): Promise<number> => stat(path).then(({ size }) => size);
  await installOnce({
    of: imageStore(), // one build at a time, whatever it is of
    isInstalled: () =>
      bytes().then(
        () => true,
        () => false,
      ),
    async install() {
      await mkdir(folder, { recursive: true });
      await buildImage(buildah, architecture);
      await rm(`${path}.unfinished`, { force: true });
      await buildah(['push', '--quiet', testName, `docker-archive:${path}.unfinished:${testName}`]);
      await rename(`${path}.unfinished`, path);
      await forgetOld();
      await buildah(['rm', '--all']); // buildah leaves one for each stage that is only copied from
      await buildah(['rmi', '--prune']);
    },
  });
  return { path, name: testName, bytes: await bytes() };
}

/** The defaults of its two arguments. */
export function baseNames(dockerfile: string): BaseNames {
  const of = (argument: string): string => {
    const name = new RegExp(`^ARG ${argument}=(\\S+)$`, 'm').exec(dockerfile)?.[1];
    if (name === undefined) throw new Error(`the Dockerfile has no default for its argument ${argument}`);
    return name;
  };
  return { node: of('NODE_IMAGE'), distroless: of('BASE_IMAGE') };
}

async function buildImage(buildah: Buildah, architecture: DebianArchitecture): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  // a copy of the sources need not be a repository
  const revision = await runCommand('git', ['rev-parse', 'HEAD'], { cwd: root });
  const platform = `linux/${architecture}`;
  const settings = {
    BUILDPLATFORM: platform,
    VERSION: version,
    REVISION: revision.code === 0 ? revision.stdout.trim() : 'unknown',
  };
  const npmrc = join(process.env['HOME'] ?? '/root', '.npmrc');
  const hasNpmrc = await stat(npmrc).then(
    () => true,
    () => false,
  );
  const how = ['--quiet', '--pull-never', '--layers', '--network', 'host', '--platform', platform];
  const secrets = hasNpmrc ? ['--secret', `id=npmrc,src=${npmrc}`] : [];
  const given = Object.entries(settings).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  await buildah(['bud', ...how, ...secrets, ...given, '--tag', testName, '.'], root);
}

async function contentKey(base: string): Promise<string> {
  const hash = createHash('sha256').update(base);
  for (const input of inputs) {
    for (const file of await filesOf(input))
      hash.update(`\n${file}\n`).update(await readFile(join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function filesOf(path: string): Promise<readonly string[]> {
  if ((await stat(join(root, path))).isFile()) return [path];
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).sort();
}

/** The oldest archives, beyond {@link maxKept}. */
async function forgetOld(): Promise<void> {
  const folders = (await readdir(cacheFolder('image'))).map((name) => cacheFolder(`image/${name}`));
  const ages = await Promise.all(
    folders.map(async (folder) => ({ folder, made: (await stat(folder)).mtimeMs })),
  );
  ages.sort((a, b) => b.made - a.made);
  for (const { folder } of ages.slice(maxKept)) await rm(folder, { recursive: true, force: true });
}
