/** A place in the bytes of a connection, told by what stands there and not by time. */

/** Which way the bytes go. */
export type Way = 'toTarget' | 'toClient';

export interface Place {
  readonly way: Way;
  /** The place is behind the first of these bytes. Left out: where watching began. */
  readonly behind?: string | Buffer;
  /** So many bytes further. Left out: none. */
  readonly bytes?: number;
}

/** Watches the bytes of one connection, one way, for a place; chunks may be cut anywhere. */
export class PlaceFinder {
  private readonly wanted: Buffer;
  private tail = Buffer.alloc(0);
  /** Bytes from here to the place; undefined until what it is behind has come. */
  private left: number | undefined;
  private readonly bytes: number;

  constructor({ behind = '', bytes = 0 }: Place) {
    this.wanted = Buffer.from(behind);
    this.bytes = bytes;
    this.left = this.wanted.length === 0 ? bytes : undefined;
  }

  /** Where in this chunk the place is: before the byte of that number. Undefined: not in it, or only at its end. */
  find(chunk: Buffer): number | undefined {
    let from = 0;
    if (this.left === undefined) {
      const seen = Buffer.concat([this.tail, chunk]);
      const at = seen.indexOf(this.wanted);
      if (at < 0) {
        this.tail = seen.subarray(Math.max(0, seen.length - this.wanted.length + 1));
        return undefined;
      }
      from = at + this.wanted.length - this.tail.length;
      this.left = this.bytes;
    }
    const at = from + this.left;
    if (at <= chunk.length) return at;
    this.left = at - chunk.length;
    return undefined;
  }
}
