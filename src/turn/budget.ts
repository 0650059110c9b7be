/**
 * An account of bytes with a limit, for one place where bytes wait (inbound frames, transcripts, what clients
 * have not taken yet). It holds no bytes itself.
 */
export class Budget {
  readonly name: string;
  readonly limitBytes: number;
  readonly #onWrongBooks: (error: Error) => void;
  #usedBytes = 0;

  /** @param onWrongBooks Hears when more is given back than was taken; without it, that is thrown. */
  constructor(name: string, limitBytes: number, onWrongBooks?: (error: Error) => void) {
    this.name = name;
    this.limitBytes = limitBytes;
    this.#onWrongBooks =
      onWrongBooks ??
      ((error) => {
        throw error;
      });
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

  /** Gives bytes back. More than were taken means that somebody's books are wrong: said, and the account is empty. */
  give(bytes: number): void {
    if (bytes <= this.#usedBytes) {
      this.#usedBytes -= bytes;
      return;
    }
    const error = new Error(`budget ${this.name}: ${bytes} bytes given back, ${this.#usedBytes} taken`);
    this.#usedBytes = 0;
    this.#onWrongBooks(error);
  }
}
