/** A file, or a folder of files, read at one moment. */
import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SourceFile } from './load.ts';
import type { LocatedProblem } from './problem.ts';

/** A set of routes is some hundred kilobytes at most; what is larger was named by mistake. */
const MAX_FILE_BYTES = 4_194_304;
/** As many as one may reasonably keep; a folder such as / or a home directory has more. */
const MAX_FILES = 1000;
/** Levels of folders below the one named. */
const MAX_DEPTH = 8;

export interface ReadFiles {
  /** By path, so that their order, which stands for age, does not depend on the file system. */
  readonly files: readonly SourceFile[];
  /** Folders whose change may change the result: to be watched. */
  readonly folders: readonly Folder[];
  /** What could not be read: then the files are incomplete. */
  readonly problems: readonly LocatedProblem[];
}

/** A folder and which one it is: a folder that was deleted and made again is another. */
export interface Folder {
  readonly path: string;
  readonly identity: string;
}

/**
 * Reads `path`: a file of any name, or the `*.yaml`, `*.yml` and `*.json` files in a folder and its subfolders.
 * Hidden names are skipped: editors use them, and projected mounts keep their versions in names that begin with
 * `..`. Links are followed. Never rejects: what could not be read is among the problems.
 */
export async function readFiles(path: string): Promise<ReadFiles> {
  const reading: Reading = { files: [], folders: new Map(), problems: [] };
  // The folder around it tells when the path itself is made, replaced or swapped (a link of a projected mount).
  await addFolder(dirname(path), reading);
  try {
    const target = await realpath(path);
    await addFolder(dirname(target), reading);
    const found = await stat(target);
    if (found.isDirectory()) await readFolder(path, 0, reading);
    else await readOne(path, found.size, reading);
  } catch (cause) {
    reading.problems.push(unreadable(path, cause));
  }
  return { files: reading.files, folders: [...reading.folders.values()], problems: reading.problems };
}

interface Reading {
  readonly files: SourceFile[];
  /** By identity, which also ends circles of links. */
  readonly folders: Map<string, Folder>;
  readonly problems: LocatedProblem[];
}

async function readFolder(path: string, depth: number, reading: Reading): Promise<void> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  await addFolder(path, reading);
  for (const name of names) {
    const inner = join(path, name);
    try {
      const found = await stat(inner);
      if (found.isDirectory()) {
        const isNew = !reading.folders.has(identityOf(found));
        if (isNew && depth < MAX_DEPTH) await readFolder(inner, depth + 1, reading);
      } else if (/\.(ya?ml|json)$/.test(name)) {
        await readOne(inner, found.size, reading);
      }
    } catch (cause) {
      reading.problems.push(unreadable(inner, cause));
    }
  }
}

async function readOne(path: string, bytes: number, reading: Reading): Promise<void> {
  if (bytes > MAX_FILE_BYTES) {
    reading.problems.push(
      problemOf(path, `the file is larger than ${MAX_FILE_BYTES} bytes; split it, or name another`),
    );
    return;
  }
  if (reading.files.length === MAX_FILES) {
    reading.problems.push(
      problemOf(path, `there are more than ${MAX_FILES} files; name a folder of routes only`),
    );
  }
  if (reading.files.length >= MAX_FILES) return;
  reading.files.push({ name: path, text: await readFile(path, 'utf8') });
}

async function addFolder(path: string, reading: Reading): Promise<void> {
  try {
    const identity = identityOf(await stat(path));
    if (!reading.folders.has(identity)) reading.folders.set(identity, { path, identity });
  } catch {
    // A folder that is not there cannot be watched; that its content is missing is told where it is read.
  }
}

function identityOf({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}:${ino}`;
}

function unreadable(path: string, cause: unknown): LocatedProblem {
  const isCoded = typeof cause === 'object' && cause !== null && 'code' in cause;
  const code = isCoded ? String(cause.code) : 'unknown error';
  const sentences: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or folder; write the path of one',
    EACCES: 'the file may not be read; give this user the right to read it',
    ELOOP: 'the link leads to itself; name the file it should lead to',
  };
  return problemOf(path, sentences[code] ?? `${basename(path)} cannot be read (${code}); name another file`);
}

function problemOf(file: string, message: string): LocatedProblem {
  return { severity: 'error', file, position: undefined, path: [], message };
}
