/**
 * 64 KiB: up to here one copy is cheaper than several writes (measured on loopback); above it groups of this size are
 * as cheap, and a copy of a large request would double its memory for as long as the provider takes to read it.
 */
const MAX_JOINED_BYTES = 64 * 1024;

/**
 * The body as undici writes it best. A small one as one Buffer, which stays with undici until the answer has ended (it
 * can be sent again on a fresh HTTP/2 connection); a large one to be iterated over once, which undici then holds no
 * more: an answer may take an hour.
 *
 * @param views The body in order, not empty as a whole.
 * @param bytes Their length together.
 */
export function toRequestBody(views: readonly Buffer[], bytes: number): Buffer | Iterable<Buffer> {
  return bytes <= MAX_JOINED_BYTES ? join(views, bytes) : new SentOnce(views);
}

/** Views that are gone once they were iterated over. A generator alone keeps its arguments also after its end. */
class SentOnce implements Iterable<Buffer> {
  #views: readonly Buffer[];

  constructor(views: readonly Buffer[]) {
    this.#views = views;
  }

  [Symbol.iterator](): Iterator<Buffer> {
    const views = this.#views;
    this.#views = [];
    return inGroups(views);
  }
}

/** Large views as they are; runs of small ones joined, so that an item list is not a system call for each comma. */
function* inGroups(views: readonly Buffer[]): Generator<Buffer> {
  let group: Buffer[] = [];
  let bytes = 0;
  for (const view of views) {
    if (bytes > 0 && bytes + view.length > MAX_JOINED_BYTES) {
      yield join(group, bytes);
      group = [];
      bytes = 0;
    }
    group.push(view);
    bytes += view.length;
  }
  if (bytes > 0) {
    yield join(group, bytes);
  }
}

function join(views: readonly Buffer[], bytes: number): Buffer {
  const [only] = views;
  return views.length === 1 && only !== undefined ? only : Buffer.concat(views, bytes);
}
