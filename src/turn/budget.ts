/**
 * An account of bytes with a limit, for one place where bytes wait (inbound frames, transcripts, what clients
 * have not taken yet). It holds no bytes itself.
 */
export class Budget {
  readonly name: string;
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(name: string, limitBytes: number) {
    this.name = name;
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get isExhausted(): boolean {
    return this.#usedBytes > this.limitBytes;
  }

  /** Counts bytes that are there already; the caller looks at `isExhausted` and acts. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Counts bytes if they fit. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /**
   * Gives bytes back.
   * @throws Error when more is given back than was taken: somebody's books are wrong.
   */
  give(bytes: number): void {
    if (bytes > this.#usedBytes)
      throw new Error(`budget ${this.name}: ${bytes} bytes given back, ${this.#usedBytes} taken`);
    this.#usedBytes -= bytes;
  }
}
