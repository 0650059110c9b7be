/** Test files run in processes of their own; what several of them need is installed by the first one alone. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Something that several test processes need and one of them makes. */
export interface Installation {
  /** Whoever means the same thing says the same here: a folder, a name. Different things do not wait for each other. */
  readonly of: string;
  isInstalled(): Promise<boolean>;
  /** Makes it. Runs in one process at a time; what it had begun when it was killed is begun again. */
  install(): Promise<void>;
}

/** How often a waiting process looks whether the one that installs is done. */
const pollMs = 250;
/** The process that installs says this often that it still does. */
const heartbeatMs = 2_000;
/** A lock this old belongs to a process that was killed: many heartbeats, for a machine that swaps. */
const staleMs = 60_000;

/**
 * Installs what is missing, or waits until another process has. Waits as long as that one lives, so bound it by the
 * timeout of the hook that calls it.
 * @throws what `install` throws; the next caller then tries again.
 */
export async function installOnce(installation: Installation): Promise<void> {
  if (await installation.isInstalled()) return;
  const release = await takeLock(installLockPath(installation.of));
  try {
    if (!(await installation.isInstalled())) await installation.install();
  } finally {
    await release();
  }
}

/** A folder, because creating one is atomic. Not beside what is installed: an installer may begin by emptying that. */
export function installLockPath(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return join(tmpdir(), `turnbridge-install-${digest}.lock`);
}

async function takeLock(lock: string): Promise<() => Promise<void>> {
  while (!(await createdNew(lock))) {
    if (await isStale(lock)) await clear(lock);
    // unref: a hook that ran out of time must not keep its process alive
    await new Promise((done) => setTimeout(done, pollMs).unref());
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {}); // somebody cleared the temporary folder: the work goes on
  }, heartbeatMs);
  return async () => {
    clearInterval(heartbeat);
    await rm(lock, { recursive: true, force: true });
  };
}

/** Whether a lock is there, and nobody is behind it any more. */
async function isStale(lock: string): Promise<boolean> {
  const made = await stat(lock).catch(() => undefined);
  return made !== undefined && Date.now() - made.mtimeMs > staleMs;
}

/**
 * Removes the lock of a process that was killed. Several may have seen it, and the slower ones would remove the lock that
 * the first one has made meanwhile: so it is taken away, looked at once more, and put back if it is somebody's.
 */
async function clear(lock: string): Promise<void> {
  const taken = `${lock}.${randomUUID()}`;
  try {
    await rename(lock, taken);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // another one was first
    throw error;
  }
  if (await isStale(taken)) await rm(taken, { recursive: true, force: true });
  else await rename(taken, lock);
}

async function createdNew(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    // not `instanceof`: within jest, Node's errors are of another realm
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
