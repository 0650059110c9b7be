/** Reads the flags of a command from a table: given on the command line, else in the environment, else by default. */
import type { env as processEnv } from 'node:process';
import { parseArgs } from 'node:util';
import type { HostAndPort } from '../src/bridge.ts';
import { didYouMean } from '../src/route/did-you-mean.ts';
import { isUsageError, UsageError } from './exits.ts';
import { parseListen } from './listen-address.ts';

/** One flag of a table. */
export interface Flag {
  readonly value: string;
  /** Undefined: must be given. */
  readonly default: string | undefined;
  readonly help: string;
}

/** The environment variable of a flag: `TURNBRIDGE_OPS_LISTEN`. */
export function variableOf(flag: string): string {
  return `TURNBRIDGE_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** A week, in seconds. Timers overflow at 24.8 days, and then fire at once. */
const MAX_SECONDS = 7 * 86_400;

/** What each of these gives throws UsageError, by the name under which the value was given. */
export interface FlagReader<Name extends string> {
  readonly text: (name: Name) => string;
  /** `--flag`, or the variable: who set a variable never wrote the flag. */
  readonly named: (name: Name) => string;
  /** From `min` to `max` [a week in seconds]. */
  readonly number: (name: Name, min: number, max?: number) => number;
  readonly oneOf: <const T extends string>(name: Name, allowed: readonly T[]) => T;
  readonly address: (name: Name) => HostAndPort;
}

/**
 * Reads the arguments of a command that takes nothing but these flags.
 * @param strayAdvice what to do about a word that stands alone
 * @returns undefined: help was asked for
 * @throws UsageError with a sentence for the person
 */
export function readFlags<Name extends string>(
  table: Readonly<Record<Name, Flag>>,
  argv: string[],
  env: typeof processEnv,
  strayAdvice: (word: string) => string = () => 'write it behind its flag',
): FlagReader<Name> | undefined {
  const { values: read, positionals } = readArguments(Object.keys(table), argv);
  if (read['help'] === true) return undefined;
  const [stray] = positionals;
  if (stray !== undefined) throw new UsageError(`"${stray}" stands alone: ${strayAdvice(stray)}`);
  const values = read as Readonly<Partial<Record<Name, string>>>;
  const text = (name: Name): string => {
    const given = values[name] ?? env[variableOf(name)] ?? table[name].default;
    if (given === undefined)
      throw new UsageError(`--${name} is missing: write --${name} ${table[name].value}`);
    return given;
  };
  const named = (name: Name): string =>
    values[name] === undefined && env[variableOf(name)] !== undefined ? variableOf(name) : `--${name}`;
  return {
    text,
    named,
    number: (name, min, max = MAX_SECONDS) => {
      const value = Number(text(name));
      if (text(name).trim() !== '' && value >= min && value <= max) return value;
      throw new UsageError(
        `${named(name)} is a number from ${min} to ${max}, not "${text(name)}"; the default is ${table[name].default}`,
      );
    },
    oneOf: (name, allowed) => {
      const found = allowed.find((word) => word === text(name));
      if (found === undefined)
        throw new UsageError(`${named(name)} is one of ${allowed.join(', ')}, not "${text(name)}"`);
      return found;
    },
    address: (name) => parseListen(named(name), text(name), table[name].default ?? '127.0.0.1:0'),
  };
}

function readArguments(names: readonly string[], argv: string[]) {
  const strings = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: { ...strings, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    if (!isUsageError(error)) throw error;
    throw new UsageError(inOurWords(error, names), { cause: error });
  }
}

/** The library advises to take an unknown flag for an argument, which no command here has. */
function inOurWords(error: Error, names: readonly string[]): string {
  const unknown = /^Unknown option '(-+)([^']*)'/.exec(error.message);
  if (unknown === null) return error.message;
  const [, dashes = '', name = ''] = unknown;
  const meant = didYouMean(name, names);
  return `there is no flag ${dashes}${name}${meant === undefined ? '' : `; did you mean --${meant}?`}`;
}

/** Wide enough for the longest flag but a few, whose text begins on the next line. */
const HELP_COLUMN = 34;

/** The lines of a help text. */
export function flagLines(table: Readonly<Record<string, Flag>>): string {
  return Object.entries(table)
    .map(([name, flag]) => {
      const words = `  --${name} ${flag.value}`;
      const left =
        words.length < HELP_COLUMN ? words.padEnd(HELP_COLUMN) : `${words}\n${' '.repeat(HELP_COLUMN)}`;
      const fallback = flag.default === undefined || flag.default === '' ? '' : ` [${flag.default}]`;
      return `${left}${flag.help}${fallback}`;
    })
    .join('\n');
}
