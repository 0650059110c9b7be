/** Looks at something in the file system again and again, and tells when what is there has changed. */
import { FolderWatch } from './folder-watch.ts';
import type { Folder } from './read-files.ts';
import { SettledContent } from './settled-content.ts';

/** Takes effect within a second, also where nothing can be watched. */
const DEFAULT_POLL_MS = 1000;
/** Between the two equal looks: longer than an editor takes to write a file, too short to be felt. */
const DEFAULT_SETTLE_MS = 50;

/** What was there at one moment. */
export interface Look<T> {
  readonly sight: T;
  /** Equal for equal sights. */
  readonly digest: string;
  /** Whose change may change the sight: to be watched. */
  readonly folders: readonly Folder[];
}

export interface PolledLookOptions<T> {
  /** Never rejects: what cannot be read is a sight too. */
  look(): Promise<Look<T>>;
  /** What is there from now on. Not called for the first look, nor for equal sights. */
  onSight(sight: T): void;
  readonly pollMs?: number | undefined;
  readonly settleMs?: number | undefined;
}

type State =
  /** Between two looks. `dueAt`: when the timer fires, on the monotonic clock, in milliseconds. */
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout; readonly dueAt: number }
  /** A look is under way; what changes meanwhile may or may not be in it. */
  | { readonly kind: 'looking'; isHinted: boolean }
  | { readonly kind: 'closed' };

/** A change counts after two equal looks, so that nothing is taken while it is being written. */
export class PolledLook<T> {
  readonly #options: PolledLookOptions<T>;
  readonly #watch: FolderWatch;
  readonly #pollMs: number;
  readonly #settleMs: number;
  #state: State | undefined;
  #content: SettledContent | undefined;

  constructor(options: PolledLookOptions<T>) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? DEFAULT_POLL_MS;
    this.#settleMs = Math.min(options.settleMs ?? DEFAULT_SETTLE_MS, this.#pollMs);
    this.#watch = new FolderWatch(() => this.#hint());
  }

  get isClosed(): boolean {
    return this.#state?.kind === 'closed';
  }

  /** The first look, which counts at once: what is just being written is looked at again, and told then. */
  async open(): Promise<T> {
    const { sight, digest, folders } = await this.#options.look();
    if (this.isClosed) return sight;
    this.#content = new SettledContent(digest);
    this.#watch.set(folders);
    // what happened between the look and the watch has to be looked for
    this.#wait(this.#settleMs);
    return sight;
  }

  /**
   * Nothing is told after it has been called. May be called twice. A look under way is not waited for: it takes a dozen
   * calls to the file system one after the other, each as long as a mount or a busy machine lets it take.
   */
  close(): void {
    if (this.#state?.kind === 'waiting') clearTimeout(this.#state.timer);
    this.#state = { kind: 'closed' };
    this.#watch.close();
  }

  /** Brings the next look forward; a stream of hints cannot put it off. */
  #hint(): void {
    const state = this.#state;
    if (state?.kind === 'looking') state.isHinted = true;
    if (state?.kind !== 'waiting' || state.dueAt <= performance.now() + this.#settleMs) return;
    clearTimeout(state.timer);
    this.#wait(this.#settleMs);
  }

  #wait(ms: number): void {
    const timer = setTimeout(() => {
      this.#state = { kind: 'looking', isHinted: false };
      void this.#look();
    }, ms);
    this.#state = { kind: 'waiting', timer, dueAt: performance.now() + ms };
  }

  async #look(): Promise<void> {
    const { sight, digest, folders } = await this.#options.look();
    if (this.#state?.kind !== 'looking') return;
    const isUnsure = this.#watch.set(folders) || this.#state.isHinted;
    const settled = this.#content?.see(digest);
    if (settled === 'changed') this.#options.onSight(sight);
    // whoever was told may have closed us
    if (this.#state.kind !== 'looking') return;
    this.#wait(settled === 'unsettled' || isUnsure ? this.#settleMs : this.#pollMs);
  }
}
