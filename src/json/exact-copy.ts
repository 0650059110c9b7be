/**
 * A copy that holds nothing but its own bytes, for what is kept. A view would keep the whole read alive that it came
 * from, and a small Buffer that Node makes by itself the 64 KiB pool that it was cut from.
 */
export function exactCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** The same bytes, copied if they keep more than twice as much memory alive. For what waits. */
export function withoutSlack(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength > 2 * bytes.length ? exactCopy(bytes) : bytes;
}

/**
 * The same bytes, copied if they keep more than an eighth of their own size alive beside them. For what is kept long and
 * counted: a large request is nearly all input, and its copy would be the dearest step of its turn.
 */
export function withLittleSlack(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength - bytes.length > bytes.length / 8 ? exactCopy(bytes) : bytes;
}
