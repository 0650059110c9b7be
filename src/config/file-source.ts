/** Routes from a file or a folder, for as long as the process runs. */
import type { Snapshot } from '../route/snapshot.ts';
import { contentHash } from '../route/content-hash.ts';
import { FolderWatch } from './folder-watch.ts';
import { loadFiles } from './load.ts';
import type { LoadOptions, LoadResult } from './load.ts';
import type { LocatedProblem } from './problem.ts';
import { readFiles } from './read-files.ts';
import type { ReadFiles } from './read-files.ts';
import { SettledContent } from './settled-content.ts';
import type { Environment } from './variables.ts';

/** Takes effect within a second, also where nothing can be watched. */
const DEFAULT_POLL_MS = 1000;
/** Between the two equal reads: longer than an editor takes to write a file, too short to be felt. */
const DEFAULT_SETTLE_MS = 50;

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
  /** No callback after it has been called. Waits for a read under way. May be called twice. */
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

type State =
  /** Between two reads. `dueAt`: when the timer fires, on the monotonic clock, in milliseconds. */
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout; readonly dueAt: number }
  /** A read is under way; what changes meanwhile may or may not be in it. */
  | { readonly kind: 'reading'; readonly done: Promise<void>; isHinted: boolean }
  | { readonly kind: 'closed' };

class PolledFiles {
  readonly #path: string;
  readonly #options: FileSourceOptions;
  readonly #loadOptions: LoadOptions;
  readonly #watch: FolderWatch;
  readonly #pollMs: number;
  readonly #settleMs: number;
  #state: State | undefined;
  #content: SettledContent | undefined;
  #version: string | undefined;

  constructor(path: string, options: FileSourceOptions) {
    this.#path = path;
    this.#options = options;
    this.#pollMs = options.pollMs ?? DEFAULT_POLL_MS;
    this.#settleMs = Math.min(options.settleMs ?? DEFAULT_SETTLE_MS, this.#pollMs);
    this.#loadOptions = {
      env: options.env,
      missingVariables: 'error',
      loopbackAllowed: true,
      missingReferences: 'Refused',
      bridgeName: options.bridgeName,
    };
    this.#watch = new FolderWatch(() => this.#hint());
  }

  async open(): Promise<LoadResult> {
    const read = await readFiles(this.#path);
    const result = this.#load(read);
    this.#content = new SettledContent(digestOf(read));
    this.#version = result.kind === 'loaded' ? result.snapshot?.version : undefined;
    this.#watch.set(read.folders);
    // What happened between the read and the watch has to be looked for.
    this.#wait(this.#settleMs);
    return result;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    this.#watch.close();
    if (state?.kind === 'waiting') clearTimeout(state.timer);
    if (state?.kind === 'reading') await state.done;
  }

  /** Brings the next read forward; a stream of hints cannot put it off. */
  #hint(): void {
    const state = this.#state;
    if (state?.kind === 'reading') state.isHinted = true;
    if (state?.kind !== 'waiting' || state.dueAt <= performance.now() + this.#settleMs) return;
    clearTimeout(state.timer);
    this.#wait(this.#settleMs);
  }

  #wait(ms: number): void {
    const timer = setTimeout(() => {
      this.#state = { kind: 'reading', done: this.#check(), isHinted: false };
    }, ms);
    this.#state = { kind: 'waiting', timer, dueAt: performance.now() + ms };
  }

  async #check(): Promise<void> {
    const read = await readFiles(this.#path);
    if (this.#state?.kind !== 'reading') return;
    const isUnsure = this.#watch.set(read.folders) || this.#state.isHinted;
    const sight = this.#content?.see(digestOf(read));
    if (sight === 'changed') this.#publish(this.#load(read));
    if (this.#state.kind === 'reading')
      this.#wait(sight === 'unsettled' || isUnsure ? this.#settleMs : this.#pollMs);
  }

  #load(read: ReadFiles): LoadResult {
    const loaded = loadFiles(read.files, this.#loadOptions);
    if (read.problems.length === 0) return loaded;
    return { kind: 'broken', problems: [...read.problems, ...loaded.problems] };
  }

  #publish(result: LoadResult): void {
    this.#options.onProblems(result.problems);
    // A listener may have closed the source.
    if (this.#state?.kind === 'closed') return;
    if (result.kind === 'broken' || result.snapshot?.version === this.#version) return;
    this.#version = result.snapshot?.version;
    this.#options.onSnapshot(result.snapshot);
  }
}

function digestOf(read: ReadFiles): string {
  return contentHash([read.files, read.problems]);
}
