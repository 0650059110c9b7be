import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import type { Folder } from './read-files.ts';

/** The system has few watches for each user (128 on the smallest); the poll sees what has none. */
const MAX_WATCHED_FOLDERS = 64;

/**
 * Watches a changing set of folders. A hint only: a system may have no watch left, network mounts report nothing,
 * and a watch stays with a folder that was deleted and made again. Whoever needs certainty polls beside it.
 */
export class FolderWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  /** @param onChange Something in one of the folders may have changed. Called often, and from timers of the system. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /**
   * Watches exactly these from now on.
   *
   * @returns Whether one of them is new: what happened in it before now may have gone unseen.
   */
  set(folders: readonly Folder[]): boolean {
    const wanted = new Map(
      folders.slice(0, MAX_WATCHED_FOLDERS).map((folder) => [folder.identity, folder.path]),
    );
    for (const [identity, watcher] of this.#watchers) {
      if (wanted.has(identity)) continue;
      watcher.close();
      this.#watchers.delete(identity);
    }
    let isAnyNew = false;
    for (const [identity, path] of wanted) {
      if (!this.#watchers.has(identity)) isAnyNew = this.#add(identity, path) || isAnyNew;
    }
    return isAnyNew;
  }

  /** May be called twice. */
  close(): void {
    this.set([]);
  }

  #add(identity: string, path: string): boolean {
    try {
      const watcher = watch(path, this.#onChange);
      watcher.on('error', () => {
        watcher.close();
        if (this.#watchers.get(identity) === watcher) this.#watchers.delete(identity);
        this.#onChange();
      });
      this.#watchers.set(identity, watcher);
      return true;
    } catch {
      // No watch left, or the folder has just gone: the poll sees the change, a little later.
      return false;
    }
  }
}
