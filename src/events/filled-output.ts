/**
 * The output of a finished response, for a backend that leaves it out: what clients read there is in the items that were
 * told one by one. On the bytes: nothing is parsed that is not looked at.
 */
import { exactCopy } from '../json/exact-copy.ts';
import { arrayItemsOf, memberOf, membersOf, valueOf, type Member } from '../json/object-walk.ts';
import type { EventType } from './event-type.ts';

/**
 * Most bytes of items that a terminal event is filled with. Half of what the Codex CLI takes as one frame (16 MiB), which
 * has read the items by then; clients that read `output` have outputs of a thousandth of it.
 */
const MAX_FILLED_BYTES = 8 * 1024 * 1024;
/** What an item costs beside its bytes: keeps a million empty ones from being free. */
const ITEM_OVERHEAD_BYTES = 256;

const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']');

/** For the events of one answer, in their order. */
export class FilledOutput {
  /** Finished items by their place; undefined: there were too many. */
  #items: Map<number, Buffer> | undefined = new Map();
  /** Above every place of {@link #items}. */
  #nextPlace = 0;
  #bytes = 0;

  /** What is kept of the items that have passed. */
  get keptBytes(): number {
    return this.#bytes;
  }

  /** The event, or a terminal one with its items. */
  push(payload: Buffer, type: EventType): Buffer {
    switch (type.role) {
      case 'created':
        this.#items = new Map();
        this.#nextPlace = 0;
        this.#bytes = 0;
        return payload;
      case 'item-done':
        this.#keep(payload);
        return payload;
      case 'completed':
      case 'incomplete':
        return this.#filled(payload);
      case 'item-added':
      case 'output':
      case 'failed':
      case 'error':
      case 'keepalive':
      case 'metadata':
      case 'other':
        return payload;
    }
  }

  #keep(payload: Buffer): void {
    if (this.#items === undefined) return;
    const members = membersOf(payload);
    const item = memberOf(members, 'item');
    if (item === undefined || payload[item.start] !== OPEN_BRACE) return;
    const place = placeOf(payload, memberOf(members, 'output_index')) ?? this.#nextPlace;
    this.#nextPlace = Math.max(this.#nextPlace, place + 1);
    const before = this.#items.get(place);
    if (before !== undefined) this.#bytes -= before.length + ITEM_OVERHEAD_BYTES;
    this.#bytes += item.end - item.start + ITEM_OVERHEAD_BYTES;
    if (this.#bytes > MAX_FILLED_BYTES) {
      this.#items = undefined;
      this.#bytes = 0;
      return;
    }
    this.#items.set(place, exactCopy(payload.subarray(item.start, item.end)));
  }

  #filled(payload: Buffer): Buffer {
    const items = this.#items;
    if (items === undefined || items.size === 0) return payload;
    const response = memberOf(membersOf(payload), 'response');
    if (response === undefined || payload[response.start] !== OPEN_BRACE) return payload;
    const inner = membersOf(payload, response);
    const output = memberOf(inner, 'output');
    if (output === undefined) {
      const key = Buffer.from('"output":[');
      const tail = inner.length === 0 ? [CLOSE] : [CLOSE, COMMA];
      return spliced(payload, response.start + 1, response.start + 1, [key, ...joined(items), ...tail]);
    }
    if (!isEmpty(payload, output)) return payload;
    return spliced(payload, output.start, output.end, [Buffer.from('['), ...joined(items), CLOSE]);
  }
}

const OPEN_BRACE = 0x7b;
/** Nothing but `null` begins so. */
const LETTER_N = 0x6e;

/** An empty array, or null. */
function isEmpty(payload: Buffer, output: Member): boolean {
  return payload[output.start] === LETTER_N || arrayItemsOf(payload, output)?.length === 0;
}

function placeOf(payload: Buffer, member: Member | undefined): number | undefined {
  const place = member === undefined ? undefined : valueOf(payload, member);
  return Number.isSafeInteger(place) && (place as number) >= 0 ? (place as number) : undefined;
}

function joined(items: ReadonlyMap<number, Buffer>): readonly Buffer[] {
  return [...items]
    .sort(([a], [b]) => a - b)
    .flatMap(([, item], index) => (index === 0 ? [item] : [COMMA, item]));
}

function spliced(payload: Buffer, from: number, to: number, parts: readonly Buffer[]): Buffer {
  return Buffer.concat([payload.subarray(0, from), ...parts, payload.subarray(to)]);
}
