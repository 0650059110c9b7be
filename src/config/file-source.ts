/** Routes from a file or a folder, for as long as the process runs. */
import type { Snapshot } from '../route/snapshot.ts';
import { contentHash } from '../route/content-hash.ts';
import { loadFiles } from './load.ts';
import type { LoadOptions, LoadResult } from './load.ts';
import { PolledLook } from './polled-look.ts';
import type { LocatedProblem } from './problem.ts';
import { readFiles } from './read-files.ts';
import type { ReadFiles } from './read-files.ts';
import type { Environment } from './variables.ts';

export interface FileSourceOptions {
  /** For `${NAME}` in the stringData of Secrets. Read once: the environment of a process does not change. */
  readonly env: Environment;
  /**
   * Other routes than before are to be served from now on; undefined: none. Not called for the first load, nor when
   * the content is the same.
   */
  onSnapshot(snapshot: Snapshot | undefined): void;
  /**
   * The files have changed, and these are their problems now; empty when all is well. With an error among them the
   * last good snapshot stays. Called before `onSnapshot`, not for the first load.
   */
  onProblems(problems: readonly LocatedProblem[]): void;
  readonly pollMs?: number;
  readonly settleMs?: number;
  /** Serve the routes of this bridge only; all when left out. */
  readonly bridgeName?: string;
}

export interface FileSource {
  /** What was there at the start. When `broken`, the owner decides whether to go on (and still has to close). */
  readonly first: LoadResult;
  /** No callback after it has been called. A read under way is not waited for. May be called twice. */
  close(): Promise<void>;
}

/**
 * Opens a file or a folder (see readFiles) as a source of routes. A change counts after two equal reads, so that a
 * file is not taken while it is being written. Loopback providers are allowed.
 */
export async function openFileSource(path: string, options: FileSourceOptions): Promise<FileSource> {
  const source = new PolledFiles(path, options);
  const first = await source.open();
  return { first, close: () => source.close() };
}

class PolledFiles {
  readonly #path: string;
  readonly #options: FileSourceOptions;
  readonly #loadOptions: LoadOptions;
  readonly #polled: PolledLook<ReadFiles>;
  #version: string | undefined;

  constructor(path: string, options: FileSourceOptions) {
    this.#path = path;
    this.#options = options;
    this.#loadOptions = {
      env: options.env,
      missingVariables: 'error',
      loopbackAllowed: true,
      missingReferences: 'Refused',
      bridgeName: options.bridgeName,
    };
    this.#polled = new PolledLook({
      look: async () => {
        const read = await readFiles(this.#path);
        return { sight: read, digest: contentHash([read.files, read.problems]), folders: read.folders };
      },
      onSight: (read) => this.#publish(this.#load(read)),
      pollMs: options.pollMs,
      settleMs: options.settleMs,
    });
  }

  async open(): Promise<LoadResult> {
    const result = this.#load(await this.#polled.open());
    this.#version = result.kind === 'loaded' ? result.snapshot?.version : undefined;
    return result;
  }

  async close(): Promise<void> {
    this.#polled.close();
  }

  #load(read: ReadFiles): LoadResult {
    const loaded = loadFiles(read.files, this.#loadOptions);
    if (read.problems.length === 0) return loaded;
    return { kind: 'broken', problems: [...read.problems, ...loaded.problems] };
  }

  #publish(result: LoadResult): void {
    this.#options.onProblems(result.problems);
    // A listener may have closed the source.
    if (this.#polled.isClosed) return;
    if (result.kind === 'broken' || result.snapshot?.version === this.#version) return;
    this.#version = result.snapshot?.version;
    this.#options.onSnapshot(result.snapshot);
  }
}
