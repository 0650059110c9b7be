/**
 * The fuzzer's loop: inputs made by chance, each from a seed of its own, until time is over. Short in `npm test`, as
 * long as somebody likes by an environment variable.
 */
import { inspect } from 'node:util';
import { Random } from './random.ts';

/** Seconds for each target, instead of the target's own. */
const SECONDS = 'TURNBRIDGE_FUZZ_SECONDS';

/** The first input's seed, and the following numbers are the next ones': a failure names the seed that shows it at once. */
const SEED = 'TURNBRIDGE_FUZZ_SEED';

/** What is attacked, and who says that it stood. */
export interface FuzzTarget<Input> {
  /** In `npm test`. Left out: 2. */
  readonly seconds?: number;
  readonly make: (random: Random) => Input;
  /** Throws what is wrong. */
  readonly run: (input: Input) => unknown;
  /** What is looked at once after so many inputs, because it costs more than one of them. */
  readonly check?: { readonly every: number; readonly that: () => Promise<void> };
}

/** Longest literal of an input in a failure; the seed has the rest. */
const MAX_SHOWN_CHARS = 6000;

/**
 * Runs the target until its time is over; at least one round. Fails with the seed and the input as a literal.
 *
 * @returns How many inputs there were.
 */
export async function fuzz<Input>(target: FuzzTarget<Input>): Promise<number> {
  const seconds = numberIn(SECONDS) ?? target.seconds ?? 2;
  const endsAt = performance.now() + seconds * 1000;
  const firstSeed = numberIn(SEED) ?? Math.floor(Math.random() * 2 ** 31);
  const { every = 1, that: check } = target.check ?? {};
  let seed = firstSeed;
  do {
    const round = Array.from({ length: every }, (_, n) => seed + n);
    for (const each of round) await runOne(target, each);
    await check?.().catch((error: unknown) => narrow(target, round, error));
    seed += every;
  } while (performance.now() < endsAt);
  return seed - firstSeed;
}

/** Of a test that fuzzes: its time, and as much again as waiting for a failure may take. */
export const FUZZ_TIMEOUT_MS = (numberIn(SECONDS) ?? 2) * 1000 + 60_000;

async function runOne<Input>({ make, run }: FuzzTarget<Input>, seed: number): Promise<void> {
  let input: Input | undefined;
  try {
    input = make(new Random(seed));
    await run(input);
  } catch (error) {
    throw failure(seed, [input], error);
  }
}

/** A check failed: the inputs of its round again, one at a time, to find whose fault it was. */
async function narrow<Input>(
  target: FuzzTarget<Input>,
  seeds: readonly number[],
  first: unknown,
): Promise<never> {
  for (const seed of seeds) {
    await runOne(target, seed);
    await target.check?.that().catch((error: unknown) => {
      throw failure(seed, [target.make(new Random(seed))], error);
    });
  }
  const inputs = seeds.map((seed) => target.make(new Random(seed)));
  throw failure(seeds[0]!, inputs, first);
}

function failure(seed: number, inputs: readonly unknown[], cause: unknown): Error {
  const shown = inputs.map(literalOf).join(',\n').slice(0, MAX_SHOWN_CHARS);
  const message = `${messageOf(cause)}\n${SEED}=${seed}, input:\n${shown}`;
  return new Error(message, { cause });
}

function messageOf(error: unknown): string {
  // `instanceof` fails across realms
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

/** An expression that makes the input again. */
function literalOf(input: unknown): string {
  if (Buffer.isBuffer(input)) return `Buffer.from(${JSON.stringify(input.toString('latin1'))}, 'latin1')`;
  if (Array.isArray(input)) return `[${input.map(literalOf).join(', ')}]`;
  if (typeof input !== 'object' || input === null) return inspect(input, { maxStringLength: null });
  return `{ ${Object.entries(input)
    .map(([key, value]) => `${key}: ${literalOf(value)}`)
    .join(', ')} }`;
}

function numberIn(variable: string): number | undefined {
  const text = process.env[variable];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}
