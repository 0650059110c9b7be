/** A snapshot as a mounted file: a projected Secret volume, which changes by the swap of its link `..data`. */
import { join } from 'node:path';
import { foldersOfMount, readMountedFile } from './mounted-file.ts';
import { PolledLook, type Look } from './polled-look.ts';
import { MAX_PACKED_BYTES, packedDigest, SNAPSHOT_ENTRY } from './read-snapshot.ts';

/** What a look at the file found. */
export type FolderSight =
  | { readonly kind: 'packed'; readonly packed: Buffer }
  /** Not there (yet): the mount is optional. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly reason: string };

export interface SnapshotFolderOptions {
  readonly path: string;
  /** What the file shows from now on; the first time before `open` resolves. Not called for equal content. */
  onSight(sight: FolderSight): void;
  readonly pollMs?: number;
  readonly settleMs?: number;
}

/** Looks at the file `snapshot` of a folder for as long as it is open. A change counts after two equal looks. */
export class SnapshotFolder {
  readonly #options: SnapshotFolderOptions;
  readonly #file: string;
  readonly #polled: PolledLook<FolderSight>;

  constructor(options: SnapshotFolderOptions) {
    this.#options = options;
    this.#file = join(options.path, SNAPSHOT_ENTRY);
    this.#polled = new PolledLook({
      look: () => lookAt(options.path, this.#file),
      onSight: (sight) => options.onSight(sight),
      pollMs: options.pollMs,
      settleMs: options.settleMs,
    });
  }

  /** The file that is looked at, to be named to people. */
  get file(): string {
    return this.#file;
  }

  /** The first look counts at once: a file that is just being written is refused, and looked at again. */
  async open(): Promise<void> {
    const first = await this.#polled.open();
    if (!this.#polled.isClosed) this.#options.onSight(first);
  }

  /** Nothing is told after it has been called. A look under way is not waited for. May be called twice. */
  async close(): Promise<void> {
    this.#polled.close();
  }
}

/** Never rejects. Reads the whole file each second: at most a megabyte, which costs about a millisecond. */
async function lookAt(path: string, file: string): Promise<Look<FolderSight>> {
  const folders = await foldersOfMount(path, file);
  const found = await readMountedFile(file, MAX_PACKED_BYTES);
  switch (found.kind) {
    case 'read':
      return {
        sight: { kind: 'packed', packed: found.bytes },
        digest: packedDigest(found.bytes),
        folders,
      };
    case 'missing':
      return { sight: { kind: 'missing' }, digest: 'missing', folders };
    case 'too-large':
      return unreadable(`${file} is larger than ${MAX_PACKED_BYTES} bytes and so no snapshot`);
    case 'unreadable':
      return unreadable(`${file} cannot be read (${found.code}); give this user the right to read it`);
  }

  function unreadable(reason: string): Look<FolderSight> {
    return { sight: { kind: 'unreadable', reason }, digest: reason, folders };
  }
}
