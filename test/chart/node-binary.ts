/** The pinned Node as a program for an architecture: the one that runs this, or the same version from its npm package. */
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../harness/cache-folder.ts';
import { installOnce } from '../harness/install-lock.ts';
import { mustRun } from '../harness/run-command.ts';
import type { DebianArchitecture } from './debian-archive.ts';

const npmNames: Readonly<Record<DebianArchitecture, string>> = { amd64: 'x64', arm64: 'arm64' };
/** 50 MB compressed, over a slow line. */
const timeoutMs = 10 * 60_000;

/** Its path; of package.json's version of `node`, fetched once per machine. The path has the version in it. */
export async function nodeBinary(architecture: DebianArchitecture): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '../../package.json'), 'utf8');
  const version = (JSON.parse(text) as { devDependencies: { node: string } }).devDependencies.node;
  const name = `node-linux-${npmNames[architecture]}`;
  const folder = cacheFolder(`${name}-${version}`);
  const binary = join(folder, 'node');
  await installOnce({
    of: binary,
    isInstalled: () =>
      access(binary).then(
        () => true,
        () => false,
      ),
    async install() {
      await mkdir(folder, { recursive: true });
      const fetched = await mkdtemp(join(folder, 'fetched-'));
      try {
        await mustRun('npm', ['pack', '--silent', `${name}@${version}`], { cwd: fetched, timeoutMs });
        await mustRun('tar', ['-xzf', `${name}-${version}.tgz`], { cwd: fetched });
        await rename(join(fetched, 'package/bin/node'), binary);
      } finally {
        await rm(fetched, { recursive: true, force: true });
      }
    },
  });
  return binary;
}
