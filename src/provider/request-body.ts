/**
 * 64 KiB: up to here one copy is cheaper than several writes (measured on loopback); above it groups of this size are
 * as cheap, and a copy of a large request would double its memory for as long as the provider takes to read it.
 */
const MAX_JOINED_BYTES = 64 * 1024;

/**
 * The body as undici writes it best: one Buffer where that is cheap (it can then be sent again on a fresh HTTP/2
 * connection), else the views in groups of that size.
 *
 * @param views The body in order, not empty as a whole.
 * @param bytes Their length together.
 */
export function toRequestBody(views: readonly Buffer[], bytes: number): Buffer | Iterable<Buffer> {
  return views.length === 1 || bytes <= MAX_JOINED_BYTES ? join(views, bytes) : inGroups(views);
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
