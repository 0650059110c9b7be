/** What a turn continues from: looked up and held while the turn may need it. */
import type { LaneMemory } from './lane-memory.ts';
import type { ChainLink } from './transcript.ts';

export class ParentLink {
  /** As the request names it. */
  readonly responseId: string | undefined;
  readonly #memory: LaneMemory | undefined;

  constructor(memory: LaneMemory | undefined, responseId: string | undefined) {
    this.#memory = memory;
    this.responseId = responseId;
  }

  /** The chain, if it is known; whoever gets it lets go of it with {@link release}. */
  hold(): ChainLink | undefined {
    return this.responseId === undefined ? undefined : this.#memory?.hold(this.responseId);
  }

  release(link: ChainLink | undefined): void {
    if (link !== undefined) this.#memory?.release(link);
  }

  /** The turn failed: a client that tries again sends everything. */
  forgetAfterFailure(): void {
    if (this.responseId !== undefined) this.#memory?.forgetAfterFailure(this.responseId);
  }
}
