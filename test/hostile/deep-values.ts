/** Values nested deeper than any stack: whoever reads or writes JSON by recursion dies of them. */

/** Depth at which Node's own `JSON.stringify` gives up with the default stack, ten times over. */
const DEPTH = 100_000;

/** JSON text by what it is made of. */
export const deepValues = {
  arrays: '['.repeat(DEPTH) + ']'.repeat(DEPTH),
  objects: `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
  'arrays of objects': `${'[{"a":'.repeat(DEPTH / 2)}1${'}]'.repeat(DEPTH / 2)}`,
  'objects that never end': '{"a":'.repeat(DEPTH),
} as const;

export type DeepKind = keyof typeof deepValues;
