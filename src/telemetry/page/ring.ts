/** The last items of many: a new one takes the place of the oldest. */
export class Ring<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  /** Where the next one goes; once full, that is the oldest. */
  #next = 0;

  /** @param capacity at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** @returns the item that had to go for it, or undefined while there is room */
  push(item: T): T | undefined {
    const oldest = this.#items[this.#next];
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#capacity;
    return oldest;
  }

  *newestFirst(): Generator<T> {
    for (let age = 1; age <= this.#items.length; age++) {
      yield this.#items.at(this.#next - age) as T;
    }
  }
}
