/** Everything of one kind that is open, so that its owner can wait until nothing is. */
export class SocketRegister<T> implements Iterable<T> {
  readonly #members = new Set<T>();
  #emptied: PromiseWithResolvers<void> | undefined;

  add(member: T): void {
    this.#members.add(member);
  }

  delete(member: T): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#emptied?.resolve();
  }

  /** Resolves once it is empty, which it may be now. */
  async empty(): Promise<void> {
    if (this.#members.size === 0) return;
    this.#emptied ??= Promise.withResolvers<void>();
    await this.#emptied.promise;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#members.values();
  }
}
