/** JSON with something wrong, and how two readings of it are compared. */
import { toBytes } from './corpus.ts';
import { mutatedJson } from './mutate-json.ts';
import { mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

/** Makes documents from the seeds: wrong in their structure, in their bytes, or in both. */
export function anyJsonFrom(seeds: readonly unknown[]): (random: Random) => Buffer {
  const bytes = toBytes(seeds);
  return (random) => {
    if (random.oneIn(4)) return mutateBytes(random, random.pick(bytes), bytes);
    const json = Buffer.from(mutatedJson(random, seeds));
    return random.oneIn(4) ? mutateBytes(random, json, bytes) : json;
  };
}

/**
 * Keys with escapes, of which the engine's own JSON.parse is no judge: it takes one for another key of an object that is
 * otherwise alike (Node 24.21: after `{"a":1,"b\\":2}`, `{"a":1,"b\n":2}` has the key of the first). Escapes by
 * number are left in, but at the end: no other key here begins like them.
 */
const MISLEADING_KEY = /\\[^u]|\\u.{4}$/;

export function misleadsTheJudge(bytes: Buffer): boolean {
  for (const [, key, colon] of bytes.toString('latin1').matchAll(/"((?:[^"\\]|\\.)*)"(\s*:)?/g)) {
    if (colon !== undefined && MISLEADING_KEY.test(key ?? '')) return true;
  }
  return false;
}

/** An object as text to compare: the order of its members means nothing, and deep values cost no stack. */
export function inOrder(object: unknown): string {
  return JSON.stringify(Object.entries(object ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
