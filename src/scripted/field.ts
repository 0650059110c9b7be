/** Checks on the values of a script file that note every mistake and go on: where, what, and what to write instead. */
import { isObject } from './request-view.ts';

/** A value and the way to it, such as `rules`, `0`, `answer`. */
export interface Field {
  readonly value: unknown;
  readonly path: readonly (string | number)[];
  /** The mistakes of the whole file. */
  readonly mistakes: Mistake[];
}

export interface Mistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Notes a mistake; the message says what is wrong and what to write instead. */
export function refuse(field: Field, message: string): void {
  field.mistakes.push({ path: field.path, message });
}

/** What stands there, in a few words. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The fields of a mapping by name; unknown ones are refused. Undefined when it is none. */
export function mapping(
  field: Field,
  known: readonly string[],
  what: string,
): ReadonlyMap<string, Field> | undefined {
  if (!isObject(field.value)) {
    refuse(
      field,
      `${what} is a mapping, not ${shown(field.value)}: write ${known.map((name) => `${name}: …`).join(', ')}`,
    );
    return undefined;
  }
  const fields = new Map<string, Field>();
  for (const [name, value] of Object.entries(field.value)) {
    const inner = { value, path: [...field.path, name], mistakes: field.mistakes };
    if (known.includes(name)) fields.set(name, inner);
    else refuse(inner, unknownName(`${what} has no field`, name, known));
  }
  return fields;
}

/** The entries of a list with at least one; undefined when it is none. */
export function list(field: Field, what: string): readonly Field[] | undefined {
  if (!Array.isArray(field.value) || field.value.length === 0) {
    refuse(
      field,
      `${what} is a list with at least one entry, not ${Array.isArray(field.value) ? 'an empty list' : shown(field.value)}`,
    );
    return undefined;
  }
  return field.value.map((value: unknown, at) => ({
    value,
    path: [...field.path, at],
    mistakes: field.mistakes,
  }));
}

/** A string; empty ones only where they mean something. */
export function string(field: Field, options: { readonly mayBeEmpty?: boolean } = {}): string | undefined {
  if (typeof field.value === 'string' && (field.value !== '' || options.mayBeEmpty === true))
    return field.value;
  const quote = typeof field.value === 'number' || typeof field.value === 'boolean';
  refuse(
    field,
    `write a text here, not ${field.value === '' ? 'an empty one' : shown(field.value)}${quote ? `: ${JSON.stringify(String(field.value))} with quotes is one` : ''}`,
  );
  return undefined;
}

/** A whole number within bounds. */
export function wholeNumber(field: Field, least: number, most: number): number | undefined {
  const { value } = field;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  refuse(field, `write a whole number from ${String(least)} to ${String(most)}, not ${shown(value)}`);
  return undefined;
}

export function truth(field: Field): void {
  if (typeof field.value !== 'boolean') refuse(field, `write true or false, not ${shown(field.value)}`);
}

/** `true` and nothing else: for steps that have no setting. */
export function onlyTrue(field: Field): void {
  if (field.value !== true)
    refuse(field, `write true, not ${shown(field.value)}: leave the step out where it shall not happen`);
}

/** One of a few words. */
export function oneOf(field: Field, words: readonly string[]): void {
  if (typeof field.value === 'string' && words.includes(field.value)) return;
  refuse(
    field,
    unknownName('there is no', typeof field.value === 'string' ? field.value : shown(field.value), words),
  );
}

/** A mapping with whatever fields. */
export function anyMapping(field: Field): void {
  if (!isObject(field.value)) refuse(field, `write a mapping, not ${shown(field.value)}`);
}

/** A sentence about a name that does not exist: the nearest one if there is one, else all. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const near = known.find((each) => isNear(each.toLowerCase(), name.toLowerCase()));
  const instead = near === undefined ? `one of ${known.join(', ')}` : near;
  return `${what} "${name}": write ${instead}`;
}

/** Equal but for one letter too many, too few, or another one, or two neighbours swapped. */
function isNear(left: string, right: string): boolean {
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  const leftRest = left.slice(same);
  const rightRest = right.slice(same);
  const isSwapped = leftRest[0] === rightRest[1] && leftRest[1] === rightRest[0];
  return (
    leftRest.slice(1) === rightRest ||
    leftRest === rightRest.slice(1) ||
    leftRest.slice(1) === rightRest.slice(1) ||
    (isSwapped && leftRest.slice(2) === rightRest.slice(2))
  );
}

/** Runs the check of each field that is there. */
export function each(
  fields: ReadonlyMap<string, Field> | undefined,
  checks: Readonly<Record<string, (field: Field) => unknown>>,
): void {
  for (const [name, field] of fields ?? []) checks[name]?.(field);
}
