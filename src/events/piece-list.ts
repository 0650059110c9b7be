/**
 * 256: one view costs about as much memory as 100 bytes, so a stream cut into single bytes must not become a list
 * of single-byte views. Each byte is copied once more at most.
 */
const MAX_LOOSE_PIECES = 256;

/** Bytes that arrive in pieces and are wanted whole: kept as they come, joined once. */
export class PieceList {
  #pieces: Buffer[] = [];
  /** How many at the front are already joined blocks. */
  #blocks = 0;
  #bytes = 0;

  /** How many bytes are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends a piece. It is kept as a view and must not be changed. */
  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#pieces.length - this.#blocks >= MAX_LOOSE_PIECES) {
      this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#blocks)));
      this.#blocks += 1;
    }
  }

  /** Everything as one Buffer; a single piece is handed on without a copy. The list is empty afterwards. */
  take(): Buffer {
    const only = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    const whole = only ?? Buffer.concat(this.#pieces, this.#bytes);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#pieces = [];
    this.#blocks = 0;
    this.#bytes = 0;
  }
}
