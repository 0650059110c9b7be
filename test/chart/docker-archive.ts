/** An image of one layer, made without a container tool: what `ctr images import` reads. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mustRun } from '../harness/run-command.ts';

export interface DockerArchive {
  /** Of the archive to write. */
  readonly path: string;
  /** `localhost/NAME:TAG`. */
  readonly name: string;
  readonly entrypoint: readonly string[];
  /** `UID:GID`. */
  readonly user: string;
  readonly env?: readonly string[];
  /** Fills the empty folder that it is given: that is the image's root. Everything in it will belong to root. */
  fill(root: string): Promise<void>;
}

/** Node's names of architectures, as images have them. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Half a gigabyte is read and written in that time by a slow disk. */
const tarTimeoutMs = 5 * 60_000;

/** Writes it beside its place first: one that was interrupted leaves no half of an archive. */
export async function writeDockerArchive(archive: DockerArchive): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-image-'));
  try {
    const root = join(folder, 'root');
    const parts = join(folder, 'parts');
    await mkdir(root);
    await mkdir(parts);
    await archive.fill(root);
    const layer = join(parts, 'layer.tar');
    await tar(layer, root, ['--owner=0', '--group=0', '--numeric-owner', '.']);
    const config = {
      architecture: architectures[process.arch] ?? process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        Entrypoint: archive.entrypoint,
        User: archive.user,
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin', ...(archive.env ?? [])],
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${await digestOf(layer)}`] },
    };
    await writeFile(join(parts, 'config.json'), JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [archive.name], Layers: ['layer.tar'] }];
    await writeFile(join(parts, 'manifest.json'), JSON.stringify(manifest));
    await mkdir(dirname(archive.path), { recursive: true });
    const unfinished = `${archive.path}.unfinished`;
    await tar(unfinished, parts, ['manifest.json', 'config.json', 'layer.tar']);
    await rename(unfinished, archive.path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tar(path: string, folder: string, words: readonly string[]): Promise<string> {
  const same = ['--sort=name', '--mtime=@0', '--format=posix'];
  return mustRun('tar', [...same, '-C', folder, '-cf', path, ...words], { timeoutMs: tarTimeoutMs });
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
