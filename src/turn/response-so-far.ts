/** What is known of a response while it streams: enough to write its ending if the provider cannot. */
import type { ResponseSketch } from '../frames/server-events.ts';
import type { EventType } from '../events/event-type.ts';
import { nextSequence, OutputItems, readResponseId } from './output-items.ts';

export class ResponseSoFar {
  readonly items = new OutputItems();
  /** As the client asked for it. */
  readonly model: string;
  readonly #previousResponseId: string | undefined;
  /** Finished items are kept up to this many bytes; beyond it the response cannot be continued from here. */
  #maxItemBytes: number;
  #id: string | undefined;
  #lastEvent: Buffer | undefined;
  #lastOther: Buffer | undefined;
  #hasAllItems = true;
  #hasFinishedItem = false;

  constructor(model: string, previousResponseId: string | undefined, maxItemBytes: number) {
    this.model = model;
    this.#previousResponseId = previousResponseId;
    this.#maxItemBytes = maxItemBytes;
  }

  /** The provider's id; undefined until `response.created`. */
  get id(): string | undefined {
    return this.#id;
  }

  get hasAllItems(): boolean {
    return this.#hasAllItems;
  }

  /** An item was finished, kept or not: the client may have acted on it. */
  get hasFinishedItem(): boolean {
    return this.#hasFinishedItem;
  }

  created(payload: Buffer): void {
    this.#id ??= readResponseId(payload);
  }

  itemDone(payload: Buffer): void {
    this.#hasFinishedItem = true;
    if (this.items.bytes + payload.length > this.#maxItemBytes) this.#hasAllItems = false;
    else this.items.add(payload);
  }

  /** Lets go of the items: the process has no room for them. The response cannot be continued from here. */
  forgetItems(): void {
    this.items.clear();
    this.#hasAllItems = false;
    this.#maxItemBytes = 0;
  }

  /** Every event that went to the client passes here; the last ones are kept. */
  sent(payload: Buffer, type: EventType): void {
    if (type.role === 'other' || type.role === 'metadata') this.#lastOther = payload;
    else this.#lastEvent = payload;
  }

  /**
   * The sequence number of an event that we add. Some events of the role `other` are counted, and some (rate limits,
   * metadata) stand outside the response's sequence: hence the higher of two.
   */
  nextSequence(): number {
    return Math.max(nextSequence(this.#lastEvent), nextSequence(this.#lastOther));
  }

  /** For an event about this response. @throws Error before the response was created. */
  sketch(nowMs: number): ResponseSketch {
    if (this.#id === undefined) throw new Error('a response without an id has no ending of its own');
    return {
      id: this.#id,
      model: this.model,
      createdAtS: Math.floor(nowMs / 1000),
      previousResponseId: this.#previousResponseId,
      output: this.items.ordered(),
    };
  }
}
