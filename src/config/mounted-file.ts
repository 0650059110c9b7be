/** Files of a mounted volume (a Secret, a ConfigMap), which changes by the swap of its link `..data`. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Folder } from './read-files.ts';

/** What a look at a file found. */
export type FileSight =
  | { readonly kind: 'read'; readonly bytes: Buffer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large' }
  /** `code`: the system's word for why. */
  | { readonly kind: 'unreadable'; readonly code: string };

/** Reads the whole file, unless it is larger than it may be. Never rejects. */
export async function readMountedFile(file: string, maxBytes: number): Promise<FileSight> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) return { kind: 'too-large' };
    return { kind: 'read', bytes: await readFile(file) };
  } catch (error) {
    const isCoded = typeof error === 'object' && error !== null && 'code' in error;
    const code = isCoded ? String(error.code) : 'no code';
    return code === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', code };
  }
}

/** To be watched: the folder itself, in which `..data` is swapped, and the one in which the file really lies. */
export async function foldersOfMount(path: string, file: string): Promise<readonly Folder[]> {
  const places = await Promise.all([
    folderAt(path),
    realpath(file).then(
      (real) => folderAt(dirname(real)),
      () => undefined,
    ),
  ]);
  return places.filter((place) => place !== undefined);
}

async function folderAt(path: string): Promise<Folder | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return { path, identity: `${dev}:${ino}` };
  } catch {
    // a folder that is not there cannot be watched; it is looked for each second
    return undefined;
  }
}
