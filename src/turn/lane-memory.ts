/** A lane's view of its connection's transcripts: what a turn may continue from and what it leaves behind. */
import type { ChainLink, ConnectionTranscripts } from './transcript.ts';

export class LaneMemory {
  readonly #transcripts: ConnectionTranscripts;
  readonly #lane: string;

  /** @param lane The lane's name; empty for the default lane. */
  constructor(transcripts: ConnectionTranscripts, lane: string) {
    this.#transcripts = transcripts;
    this.#lane = lane;
  }

  /** The chain that ends in this response, of whichever lane; held for the caller. */
  hold(responseId: string): ChainLink | undefined {
    return this.#transcripts.hold(responseId);
  }

  /** A link behind `parent`, held for the caller. */
  extend(parent: ChainLink | undefined, items: Buffer, providerBase?: string): ChainLink {
    return this.#transcripts.extend(parent, items, providerBase);
  }

  release(link: ChainLink): void {
    this.#transcripts.release(link);
  }

  /** May a chain of so many bytes be remembered at all? */
  hasRoomFor(bytes: number): boolean {
    return this.#transcripts.hasRoomFor(bytes);
  }

  /** Counts bytes that are held for a response while it streams; `unreserve` gives them back. False: no room. */
  reserve(bytes: number): boolean {
    return this.#transcripts.reserve(bytes);
  }

  unreserve(bytes: number): void {
    this.#transcripts.unreserve(bytes);
  }

  /** The lane's latest response is now this one: the request's chain and what was answered. */
  remember(responseId: string, request: ChainLink, output: Buffer): void {
    const link = this.#transcripts.extend(request, output);
    this.#transcripts.remember(this.#lane, responseId, link);
    this.#transcripts.release(link);
  }

  /** Makes a chain the lane's latest as it is: a warm-up. */
  rememberRequest(responseId: string, request: ChainLink): void {
    this.#transcripts.remember(this.#lane, responseId, request);
  }

  /**
   * A turn that continued from this response failed: in its own lane the response is forgotten, so that a broken
   * state is not used again; a failing fork leaves its parent alone (protocol: continuation, eviction).
   */
  forgetAfterFailure(previousResponseId: string): void {
    if (this.#transcripts.isLatestOf(this.#lane, previousResponseId))
      this.#transcripts.forget(previousResponseId);
  }
}
