/** How long property tests go on: short in `npm test`, as long as somebody likes by an environment variable. */
import * as fc from 'fast-check';

/** The number of runs of each property, instead of the property's own. */
const RUNS = 'TURNBRIDGE_PROPERTY_RUNS';

/** Where to begin, to have the runs of a failure again: fast-check prints it. */
const SEED = 'TURNBRIDGE_PROPERTY_SEED';

/** Properties that open sockets begin no further run after this: a busy machine makes fewer. */
const MAX_SOCKETS_MS = 6_000;

/** Parameters of fast-check's `assert`. */
export interface Runs {
  readonly numRuns: number;
  readonly seed?: number;
}

/** For properties of pure code, whose runs take microseconds: all are made. */
export function runs(own: number): Runs {
  const seed = numberIn(SEED);
  return { numRuns: numberIn(RUNS) ?? own, ...(seed !== undefined && { seed }) };
}

/**
 * Checks a property whose runs open sockets, one run after another: `own` of them, or as many as begin within six
 * seconds; those that were asked for by the environment are all made. A failure is made smaller in the same time; it
 * names its seed.
 */
export async function assertOnSockets<T>(
  arbitrary: fc.Arbitrary<T>,
  run: (value: T) => Promise<void>,
  own: number,
): Promise<void> {
  const endsAt = numberIn(RUNS) === undefined ? performance.now() + MAX_SOCKETS_MS : Infinity;
  const inTime = fc.asyncProperty(arbitrary, async (value) => {
    if (performance.now() < endsAt) await run(value);
  });
  await fc.assert(inTime, runs(own));
}

/** Of a test with such a property: a failing run may wait for long, and a long check is meant to be long. */
export const PROPERTY_TIMEOUT_MS = numberIn(RUNS) === undefined ? 60_000 : 24 * 3_600_000;

function numberIn(variable: string): number | undefined {
  const text = process.env[variable];
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}
