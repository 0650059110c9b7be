/**
 * How much a JSON text becomes when it is parsed. Sixty bytes of memory for each empty object of two or three bytes,
 * and a time that grows faster than that: 60 MB of `{},` blocked the thread for 15 s and took 1.9 GB (measured).
 */

import { endOfString } from './object-walk.ts';

/**
 * Most values of one text that is parsed whole: 120 MB of memory at worst. The largest honest answers (log
 * probabilities of each token) have some hundred thousand.
 */
export const MAX_VALUES = 2_000_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** May this text be parsed? Costs nothing below 4 MB, and one pass over what is not in strings above. */
export function isParsable(bytes: Buffer, maxValues: number = MAX_VALUES): boolean {
  if (bytes.length <= 2 * maxValues) return true; // a value takes two bytes at least, with its comma or its bracket
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = endOfString(bytes, at, bytes.length);
      if (end < 0) return true; // the parser will say what is wrong with it
      at = end - 1;
    } else if (byte === COMMA || byte === OPEN_BRACKET || byte === OPEN_BRACE) values++;
    if (values > maxValues) return false;
  }
  return true;
}
