/** From the bytes of a watch to its lines. Bytes may be cut anywhere; the rest of a line is held, up to a limit. */

const LF = 0x0a;

export class LineScanner {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a line whose end has not come. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The lines that these bytes end, without their LF; empty ones are dropped. Undefined: a line is longer than the limit. */
  push(chunk: Buffer): readonly Buffer[] | undefined {
    const lines: Buffer[] = [];
    let at = 0;
    for (let end = chunk.indexOf(LF, at); end >= 0; end = chunk.indexOf(LF, at)) {
      const piece = chunk.subarray(at, end);
      at = end + 1;
      if (this.#heldBytes + piece.length > this.#maxBytes) return undefined;
      const line = this.#heldBytes === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
      this.#pieces = [];
      this.#heldBytes = 0;
      if (line.length > 0) lines.push(line);
    }
    if (at < chunk.length) {
      this.#pieces.push(chunk.subarray(at));
      this.#heldBytes += chunk.length - at;
    }
    return this.#heldBytes > this.#maxBytes ? undefined : lines;
  }
}
