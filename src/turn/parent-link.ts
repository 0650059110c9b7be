/** What a turn continues from: looked up and held while the turn may need it. */
import type { LaneMemory } from './lane-memory.ts';
import type { ChainLink } from './transcript.ts';

export class ParentLink {
  /** As the request names it. */
  readonly responseId: string | undefined;
  readonly #memory: LaneMemory | undefined;
  #link: ChainLink | undefined;

  /** Holds it at once: it may be forgotten while the turn waits in its lane. */
  constructor(memory: LaneMemory | undefined, responseId: string | undefined) {
    this.#memory = memory;
    this.responseId = responseId;
    this.#link = this.#find();
  }

  /** The chain, if it is known; held until {@link release}. One that was not known before is looked for again. */
  hold(): ChainLink | undefined {
    this.#link ??= this.#find();
    return this.#link;
  }

  /** It is not needed any more. May be called twice. */
  release(): void {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) this.#memory?.release(link);
  }

  /** The turn failed: a client that tries again sends everything. */
  forgetAfterFailure(): void {
    if (this.responseId !== undefined) this.#memory?.forgetAfterFailure(this.responseId);
  }

  #find(): ChainLink | undefined {
    return this.responseId === undefined ? undefined : this.#memory?.hold(this.responseId);
  }
}
