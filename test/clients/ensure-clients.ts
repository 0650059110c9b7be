/**
 * The real clients come from npm, pinned by this folder's own lock. They are large (a few hundred MB unpacked), so
 * nothing but the suites that need them installs them, when they first do.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce } from '../harness/install-lock.ts';
import { patientNpm } from '../harness/npm-patience.ts';
import { mustRun } from '../harness/run-command.ts';

/** This folder: where the clients' package.json and lock are. */
export const clientsFolder = fileURLToPath(new URL('.', import.meta.url));

const installedModules = join(clientsFolder, 'node_modules');
/** Inside node_modules, so that removing the folder removes the claim as well. */
const installedMark = join(installedModules, '.installed-lock');

/** A first install over a slow line; afterwards npm's cache answers. */
const installTimeoutMs = 5 * 60_000;

/**
 * Installs the pinned clients with `npm ci` unless this very lock is installed already. Safe to call from several
 * processes at once. Give the `beforeAll` that calls it {@link ensureClientsTimeoutMs}.
 * @throws Error with npm's output when the install fails.
 */
export async function ensureClients(): Promise<void> {
  const wanted = await lockDigest();
  await installOnce({
    of: clientsFolder,
    isInstalled: async () => (await readFile(installedMark, 'utf8').catch(() => '')) === wanted,
    async install() {
      await mustRun('npm', ['ci', '--no-audit', '--no-fund', ...patientNpm], {
        cwd: clientsFolder,
        timeoutMs: installTimeoutMs,
      });
      await writeFile(installedMark, wanted);
    },
  });
}

/** Long enough to wait for another process's install and then do one's own. */
export const ensureClientsTimeoutMs = 2 * installTimeoutMs + 10_000;

async function lockDigest(): Promise<string> {
  const lock = await readFile(join(clientsFolder, 'package-lock.json'));
  return createHash('sha256').update(lock).digest('hex');
}
