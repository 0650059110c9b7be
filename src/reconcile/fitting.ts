/**
 * Questions that are asked at most; each compresses up to a megabyte. About six find where a snapshot of a thousand
 * routes is full, the others step over single ones that are too large. What is not asked for any more is left out.
 */
const MAX_QUESTIONS = 20;

/** How much of the room entries take together, by index and ascending: finite; 1 is full, more does not fit. */
export type FillOf = (indexes: readonly number[]) => Promise<number>;

/**
 * Chooses entries that fit together, the first ones first: one that does not fit beside those chosen before it is left
 * out, and later ones go on. It asks about whole runs of entries because asking is dear, and not again about entries
 * that are as long as one that did not fit: room only shrinks.
 *
 * @param lengths Of the entries, in any unit: from them it is guessed where the room ends.
 * @param fillOfAll More than 1: all of them together do not fit.
 * @returns The indexes of the chosen ones, ascending.
 */
export async function findFitting(
  lengths: readonly number[],
  fillOfAll: number,
  fillOf: FillOf,
): Promise<readonly number[]> {
  const chosen: number[] = [];
  let questions = MAX_QUESTIONS;
  let rest = lengths.map((_, index) => index);
  let low: Bound = { count: 0, fill: 0 };
  let high: Bound = { count: rest.length, fill: fillOfAll };
  while (rest.length > 0 && questions > 0) {
    while (high.count - low.count > 1 && questions > 0) {
      questions--;
      const middle = (low.count + high.count) >> 1;
      // by turns: guesses alone may come near from one side only
      const isGuess = questions % 2 === 1 || high.fill === Infinity;
      const count = isGuess ? guess(low, high, rest, lengths) : middle;
      const fill = await fillOf([...chosen, ...rest.slice(0, count)]);
      if (fill <= 1) low = { count, fill };
      else high = { count, fill };
    }
    chosen.push(...rest.slice(0, low.count));
    const refused = rest[low.count];
    const room = refused === undefined ? 0 : (lengths[refused] ?? 0);
    rest = rest.slice(low.count + 1).filter((index) => (lengths[index] ?? 0) < room);
    low = { count: 0, fill: low.fill };
    // of another rest nothing is known; one more than there are is too many in any case
    high = { count: rest.length + 1, fill: Infinity };
  }
  return chosen;
}

/** The first `count` of the rest, beside what is chosen, fill so much. */
interface Bound {
  readonly count: number;
  readonly fill: number;
}

/** How many of the rest probably just fit, between two counts of which it is known: the space of text grows evenly. */
function guess(low: Bound, high: Bound, rest: readonly number[], lengths: readonly number[]): number {
  // of more nothing is known: mostly one alone is too many
  if (high.fill === Infinity) return Math.min(2 * low.count + 1, rest.length);
  const between = rest.slice(low.count, high.count);
  const total = between.reduce((sum, index) => sum + (lengths[index] ?? 0), 0);
  let room = (total * (1 - low.fill)) / (high.fill - low.fill);
  let count = low.count;
  for (const index of between) {
    room -= lengths[index] ?? 0;
    if (room < 0) break;
    count++;
  }
  return Math.min(Math.max(count, low.count + 1), high.count - 1);
}
