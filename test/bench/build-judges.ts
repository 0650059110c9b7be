/** The C programs of the bench, compiled once per version of their sources. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rename } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RunFailed } from './child.ts';

const SOURCES = fileURLToPath(new URL('judges', import.meta.url));

const PROGRAMS = {
  pin: ['pin.c', 'net.c'],
  relay: ['relay.c', 'net.c'],
  provider: ['provider.c', 'delta.c', 'websocket.c', 'net.c'],
  load: ['load.c', 'client.c', 'figures.c', 'net.c'],
} as const satisfies Record<string, readonly string[]>;

/** Where each program is. */
export type Judges = Readonly<Record<keyof typeof PROGRAMS, string>>;

const COMPILER = 'cc';
const FLAGS = ['-O2', '-Wall', '-Wextra'];

/**
 * Compiles what is not compiled yet, into a folder below the system's temporary one that is named after a hash of the
 * sources. @throws RunFailed when there is no compiler.
 */
export async function buildJudges(): Promise<Judges> {
  const folder = join(tmpdir(), `turnbridge-bench-${userInfo().uid}-${await hashOfSources()}`);
  if (!(await exists(folder))) {
    // Beside it first: a build that was cut must not be found half done.
    const draft = await mkdtemp(join(tmpdir(), 'turnbridge-bench-draft-'));
    for (const [name, files] of Object.entries(PROGRAMS)) await compile(files, join(draft, name));
    await rename(draft, folder);
  }
  const paths = Object.keys(PROGRAMS).map((name) => [name, join(folder, name)]);
  return Object.fromEntries(paths) as Judges;
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const name of (await readdir(SOURCES)).sort()) hash.update(await readFile(join(SOURCES, name)));
  return hash.digest('hex').slice(0, 16);
}

async function compile(files: readonly string[], program: string): Promise<void> {
  const sources = files.map((file) => join(SOURCES, file));
  try {
    await promisify(execFile)(COMPILER, [...FLAGS, '-o', program, ...sources]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new RunFailed(`the bench needs a C compiler named ${COMPILER}, such as gcc or clang`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
