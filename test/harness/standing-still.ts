/** Waiting until what is on its way has come as far as it can. */
import { until } from './wait-for.ts';

/** So many looks in a row, a fifth of a second together. */
const equalLooks = 100;

/** The figure once it has not changed for so long. */
export async function settledFigure(read: () => number): Promise<number> {
  let last = -1;
  let looks = 0;
  return until(
    () => {
      const now = read();
      looks = now === last ? looks + 1 : 0;
      last = now;
      return looks > equalLooks && now;
    },
    'a figure to stand still',
    20_000,
  );
}
