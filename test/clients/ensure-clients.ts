/**
 * The real clients come from npm, pinned by this folder's own lock. They are large (a few hundred MB unpacked), so
 * nothing but this suite installs them, when it first needs them.
 */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This folder: where the clients' package.json and lock are. */
export const clientsFolder = fileURLToPath(new URL('.', import.meta.url));

const installedModules = join(clientsFolder, 'node_modules');
/** Inside node_modules, so that removing the folder removes the claim as well. */
const installedMark = join(installedModules, '.installed-lock');
/**
 * A folder, because creating one is atomic. Test files run in processes of their own; one of them installs. Outside
 * of node_modules, which `npm ci` removes first.
 */
const installLock = join(
  tmpdir(),
  `turnbridge-clients-${createHash('sha256').update(clientsFolder).digest('hex').slice(0, 16)}.lock`,
);

/** A first install over a slow line; afterwards npm's cache answers. */
const installTimeoutMs = 5 * 60_000;
/** How often a waiting process looks whether the one that installs is done. */
const lockPollMs = 250;

/**
 * Installs the pinned clients with `npm ci` unless this very lock is installed already. Safe to call from several
 * processes at once. Give the `beforeAll` that calls it {@link ensureClientsTimeoutMs}.
 * @throws Error with npm's output when the install fails.
 */
export async function ensureClients(): Promise<void> {
  const wanted = await lockDigest();
  if (await isInstalled(wanted)) return;
  const release = await takeInstallLock();
  try {
    if (await isInstalled(wanted)) return;
    await npmCi();
    await writeFile(installedMark, wanted);
  } finally {
    await release();
  }
}

/** Long enough to wait for another process's install and then do one's own. */
export const ensureClientsTimeoutMs = 2 * installTimeoutMs + 10_000;

async function lockDigest(): Promise<string> {
  const lock = await readFile(join(clientsFolder, 'package-lock.json'));
  return createHash('sha256').update(lock).digest('hex');
}

async function isInstalled(wanted: string): Promise<boolean> {
  return (await readFile(installedMark, 'utf8').catch(() => '')) === wanted;
}

async function takeInstallLock(): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(installLock);
      return () => rm(installLock, { recursive: true, force: true });
    } catch (error) {
      // not `instanceof`: within jest, Node's errors are of another realm
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const made = await stat(installLock).catch(() => undefined);
    // a process that was killed while it installed leaves its lock behind
    if (made !== undefined && Date.now() - made.mtimeMs > installTimeoutMs) {
      await rm(installLock, { recursive: true, force: true });
    }
    await new Promise((done) => setTimeout(done, lockPollMs));
  }
}

async function npmCi(): Promise<void> {
  const npm = spawn('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: clientsFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installTimeoutMs,
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4_000);
  };
  npm.stdout.on('data', keep);
  npm.stderr.on('data', keep);
  const code = await new Promise<number | null>((done, fail) => {
    npm.once('error', fail);
    npm.once('close', done);
  });
  if (code !== 0) throw new Error(`npm ci in test/clients ended with ${String(code)}:\n${output}`);
}
