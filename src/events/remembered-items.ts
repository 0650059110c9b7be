/**
 * The items of one response, as a repair has to know them: which were told, at which place, and the finished ones in
 * full. Their text is kept as bytes: as objects it would take several times as much.
 */
import { exactCopy } from '../json/exact-copy.ts';
import { type JsonObject, parseJson } from '../json/json-object.ts';

/** What an item costs beside its bytes: keeps a million empty ones from being free. */
const ITEM_OVERHEAD_BYTES = 256;

/** Where an item is: begun, or finished and kept. */
export interface KnownItem {
  readonly id: unknown;
  readonly type: unknown;
  /** The finished item's JSON; undefined while it is under way. */
  readonly json: Buffer | undefined;
}

/** Stands for an item that the provider's own `output` holds: it is there already. */
const IN_OUTPUT = Buffer.alloc(0);

export class RememberedItems {
  readonly #items = new Map<number, KnownItem>();
  /** The first place of each id: thousands of items must not be looked through for each of thousands more. */
  readonly #places = new Map<unknown, number>();
  /** Places of items that are under way, in the order in which they began. */
  readonly #begun = new Set<number>();
  /** Above every place of {@link #items}. */
  #freeIndex = 0;
  #bytes = 0;

  /** What they cost. */
  get bytes(): number {
    return this.#bytes;
  }

  get(index: number): KnownItem | undefined {
    return this.#items.get(index);
  }

  /**
   * Notes an item at its place, in full if it is finished.
   *
   * @throws {RangeError} for an item that cannot be written; see `writing`.
   */
  remember(index: number, item: JsonObject, done: boolean): void {
    const json = done ? toExactJson(item) : undefined;
    const { id, type } = item;
    if (!this.#items.has(index)) this.#bytes += ITEM_OVERHEAD_BYTES + lengthOf(id) + lengthOf(type);
    this.#bytes += json?.length ?? 0;
    this.#set(index, { id, type, json });
  }

  /** Notes that the provider's `output` has the item. */
  foundInOutput(index: number, { id, type }: JsonObject): void {
    this.#set(index, { id, type, json: this.#items.get(index)?.json ?? IN_OUTPUT });
  }

  /** All finished items in order, for an `output` that the provider left empty. */
  finished(): unknown[] {
    const ordered = [...this.#items].sort(([a], [b]) => a - b);
    return ordered.flatMap(([, { json }]) => (json === undefined ? [] : [parseJson(json)]));
  }

  /** The place of an item in the final list: by id, else by position if the kind agrees, else a new one. */
  placeInOutput(item: JsonObject, position: number): number {
    const place = item['id'] === undefined ? undefined : this.#places.get(item['id']);
    if (place !== undefined) return place;
    const there = this.#items.get(position);
    return there === undefined || there.type === item['type'] ? position : this.#freeIndex;
  }

  /** The place an item event speaks of; providers that leave it out speak of the last one. */
  placeOf(event: JsonObject, item: JsonObject, done: boolean): number {
    const index = event['output_index'];
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0) {
      return index;
    }
    if (done) {
      for (const place of this.#begun) {
        const known = this.#items.get(place);
        const same = item['id'] === undefined || known?.id === item['id'];
        if (same && known?.type === item['type']) return place;
      }
    }
    return this.#freeIndex;
  }

  #set(index: number, item: KnownItem): void {
    this.#items.set(index, item);
    if (!this.#places.has(item.id)) this.#places.set(item.id, index);
    if (item.json === undefined) this.#begun.add(index);
    else this.#begun.delete(index);
    this.#freeIndex = Math.max(this.#freeIndex, index + 1);
  }
}

/** @throws {RangeError} for an object that cannot be written; see `writing`. */
export function toExactJson(object: JsonObject): Buffer {
  return exactCopy(Buffer.from(JSON.stringify(object)));
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' ? value.length : 0;
}
