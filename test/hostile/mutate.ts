/** Bytes with something wrong in them: what a broken, or an evil, sender makes of what a good one would send. */
import type { Random } from './random.ts';

/** What some reader or other takes for something else. */
const TOKENS: readonly Buffer[] = [
  ['{', '}', '[', ']', '"', '\\', ',', ':', '\\"', '\\\\', '\\u0000', '\\ud800', '\\x', '""', '{}'],
  ['[]', 'null', 'true', 'false', 'nul', '-', '0', '-0', '00', '1e999', '1e-999', '1.', '.5', '+1'],
  ['0x10', 'NaN', '9007199254740993', '18446744073709551616', '-2147483649', '4294967295'],
  [`1${'0'.repeat(80)}`, '\r\n', '\n', '\r', '\r\n\r\n', '\n\n', ' ', '\t', '\0', '\u000b'],
  ['\u0085', '\u2028', '\uFEFF', '\u00a0', 'ü', '€', '🙂', '__proto__', 'constructor', 'toString'],
  ['data:', 'data: {', 'event: ', 'id:', ': ', '[DONE]', '"type":', '"type":"error"', '"response":'],
  ['"headers":{"openai-model":"x"}', '"stream_id":"a"', '"error":', '"output":[', '"id":'],
  ['"status":"failed"', '%00', '%2f', '..', '//', '?', '#', '@', ';', '*'],
]
  .flat()
  .map((text) => Buffer.from(text))
  .concat(
    [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]].map((bytes) =>
      Buffer.from(bytes),
    ),
  );

/** Nothing grows beyond this: what is about size is tested by itself, and small inputs are many. */
const MAX_BYTES = 64 * 1024;

type Mutation = (random: Random, bytes: Buffer, others: readonly Buffer[]) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  (random, bytes) => insert(bytes, random.below(bytes.length + 1), random.pick(TOKENS)),
  (random, bytes) => insert(bytes, random.below(bytes.length + 1), random.pick(TOKENS)),
  (random, bytes) => {
    const [start, end] = range(random, bytes);
    return Buffer.concat([bytes.subarray(0, start), random.pick(TOKENS), bytes.subarray(end)]);
  },
  (random, bytes) => {
    const [start, end] = range(random, bytes);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  (random, bytes) => {
    const [start, end] = range(random, bytes);
    return insert(bytes, random.below(bytes.length + 1), bytes.subarray(start, end));
  },
  function repeat(random, bytes) {
    const [start, end] = range(random, bytes);
    const copies = Array.from({ length: random.size(200) }, () => bytes.subarray(start, end));
    return insert(bytes, start, Buffer.concat(copies));
  },
  function truncate(random, bytes) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function splice(random, bytes, others) {
    const other = random.pick(others);
    const tail = other.subarray(random.below(other.length + 1));
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), tail]);
  },
  function nest(random, bytes) {
    const opening = random.pick(['[', '{"a":', '[[],', '{"type":']);
    return insert(bytes, random.below(bytes.length + 1), Buffer.from(opening.repeat(random.size(2000))));
  },
  function noise(random, bytes) {
    const random32 = Buffer.from(Array.from({ length: random.size(32) }, () => random.below(256)));
    return insert(bytes, random.below(bytes.length + 1), random32);
  },
];

/**
 * One to eight things wrong, mostly few.
 *
 * @param others Where pieces are taken from.
 */
export function mutateBytes(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  let mutated = bytes;
  for (let left = random.size(8); left > 0; left -= 1) {
    mutated = random.pick(MUTATIONS)(random, mutated, others).subarray(0, MAX_BYTES);
  }
  return mutated;
}

/** The bytes in pieces, cut at a few places by chance; now and then byte by byte. */
export function cutByChance(random: Random, bytes: Buffer): Buffer[] {
  const isShort = bytes.length > 0 && bytes.length <= 400;
  if (isShort && random.oneIn(8)) return Array.from(bytes, (byte) => Buffer.of(byte));
  const places = Array.from({ length: random.below(6) }, () => random.below(bytes.length + 1));
  const inOrder = places.toSorted((a, b) => a - b);
  return [0, ...inOrder].map((start, n) => bytes.subarray(start, inOrder[n] ?? bytes.length));
}

function flipBit(random: Random, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  copy[random.below(copy.length)]! ^= 1 << random.below(8);
  return copy;
}

function insert(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

function range(random: Random, bytes: Buffer): [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + random.size(256))];
}
