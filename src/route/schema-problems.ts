/** What the schema library found, in sentences for the person who wrote the document. */
import type { z } from 'zod';
import { didYouMean, didYouMeanSuffix } from './did-you-mean.ts';
import { descriptionAt, fieldNamesAt, listFields } from './fields.ts';
import { errorAt, errorAtKey, formatPath } from './problem.ts';
import type { Path, Problem } from './problem.ts';

type Issue = z.core.$ZodIssue;

/**
 * Translates the issues of one document. One problem per place; a missing field is not told when a mistyped name
 * beside it explains it.
 */
export function toProblems(issues: readonly Issue[], document: unknown): readonly Problem[] {
  const problems = new Map<string, Problem>();
  const explained = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const path = issue.path as Path;
    for (const key of issue.keys) {
      const meant =
        EARLIER_NAMES[formatPath([...path, key])] ?? didYouMean(key, unwrittenNames(path, document));
      if (meant !== undefined) explained.add(formatPath([...path, meant]));
      const problem = errorAtKey([...path, key], unknownField(path, key, meant));
      problems.set(`${formatPath(problem.path)} key`, problem);
    }
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    const path = issue.path as Path;
    const where = formatPath(path);
    const value = valueAt(document, path);
    if (problems.has(where) || (value === undefined && explained.has(where))) continue;
    problems.set(where, errorAt(path, sentence(issue, path, value)));
  }
  return [...problems.values()];
}

/** What fields were called before a release had them; `true` is what kubectl reads where a bare `on` stands. */
const EARLIER_NAMES: Readonly<Record<string, string>> = {
  'spec.failover.on': 'causes',
  'spec.failover.true': 'causes',
};

/** How many known names are listed for a name that resembles none. */
const MAX_NAMES_LISTED = 8;

function unwrittenNames(path: Path, document: unknown): readonly string[] {
  const written = valueAt(document, path);
  return fieldNamesAt(path).filter((name) => !Object.hasOwn(Object(written) as object, name));
}

function unknownField(parent: Path, key: string, meant: string | undefined): string {
  const where = parent.length === 0 ? 'in the document' : `in ${formatPath(parent)}`;
  const start = `there is no field ${quoted(key)} ${where}`;
  if (meant !== undefined) return `${start}; did you mean ${meant}?`;
  const homes = listFields()
    .filter((field) => field.name === key && field.path.startsWith('spec.'))
    .map((field) => field.path);
  if (homes.length > 0 && homes.length <= 3) return `${start}; it is known as ${orList(homes)}`;
  const known = fieldNamesAt(parent);
  if (known.length <= MAX_NAMES_LISTED) return `${start}; write ${orList(known)}, or remove it`;
  return `${start}; remove it, or see docs/routes.md for the fields there are`;
}

function sentence(issue: Issue, path: Path, value: unknown): string {
  const name = nameOf(path);
  if (value === undefined) return missing(path, name);
  if (value === null) return `${name} is empty; write a value or remove the line`;
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, name, value);
    case 'invalid_value':
      return wrongValue(issue.values.map(String), name, value);
    case 'invalid_format':
      return wrongFormat(issue.message, name, value, issue.pattern);
    case 'too_big':
      return tooMuch(issue.origin, name, Number(issue.maximum));
    case 'too_small':
      return tooLittle(issue.origin, name, Number(issue.minimum));
    default:
      return `${name}: ${issue.message}`;
  }
}

function missing(path: Path, name: string): string {
  const description = descriptionAt(path);
  return description === '' ? `${name} is missing` : `${name} is missing. ${description}`;
}

function wrongType(expected: string, name: string, value: unknown): string {
  switch (expected) {
    case 'int':
    case 'number':
      if (typeof value === 'string' && /^\d+$/.test(value)) {
        return `${name} must be a whole number; write ${value} without quotes`;
      }
      return `${name} must be a whole number, not ${kindOf(value)}`;
    case 'string':
      if (typeof value === 'number' || typeof value === 'boolean') {
        return `${name} must be text; write "${String(value)}" in quotes`;
      }
      return `${name} must be text, not ${kindOf(value)}`;
    case 'array':
      return `${name} must be a list, not ${kindOf(value)}; begin each entry with a hyphen`;
    default:
      return `${name} must be a map of fields, not ${kindOf(value)}`;
  }
}

function wrongValue(values: readonly string[], name: string, value: unknown): string {
  const hint = values.length > 1 && typeof value === 'string' ? didYouMeanSuffix(value, values) : '';
  const written = typeof value === 'string' ? quoted(value) : kindOf(value);
  return `${name} cannot be ${written}; write ${orList(values)}${hint}`;
}

function wrongFormat(message: string, name: string, value: unknown, pattern: string | undefined): string {
  const start = `${name} ${message}`;
  if (typeof value !== 'string' || pattern === undefined) return start;
  const lower = value.toLowerCase();
  const source = pattern.slice(1, pattern.lastIndexOf('/'));
  return lower !== value && new RegExp(source).test(lower) ? `${start}; write ${lower}` : start;
}

function tooMuch(origin: string, name: string, maximum: number): string {
  if (origin === 'string') return `${name} is longer than ${maximum} characters; write less`;
  if (origin === 'array')
    return `${name} has more than ${maximum} entries; write fewer, or use a second route`;
  return `${name} is too large; write ${maximum} or less`;
}

function tooLittle(origin: string, name: string, minimum: number): string {
  if (origin === 'string') return `${name} is empty; write a value or remove the line`;
  if (origin === 'array') return `${name} has no entry; write at least ${minimum}`;
  return `${name} is too small; write ${minimum} or more`;
}

/** The last named step: `models[2]` for an entry of a list. */
function nameOf(path: Path): string {
  const last = path.findLastIndex((step) => typeof step === 'string');
  return last === -1 ? 'the document' : formatPath(path.slice(last));
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return String(value);
  return 'a map';
}

/** What a person wrote may be long: enough of it to be recognised. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** `A`, `A or B`, `A, B or C`. */
function orList(words: readonly string[]): string {
  if (words.length <= 1) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
