import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CONDITION_TYPES, REASONS } from '../../../src/reconcile/conditions.ts';
import { LOG_EVENTS } from '../../../src/telemetry/names.ts';

const docs = join(import.meta.dirname, '../../../docs');
const page = readFileSync(join(docs, 'troubleshooting.md'), 'utf8');

/** The first cells of the rows below a heading, every word in back quotes of them. */
function told(heading: string): string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  const cells = text.split('\n').map((line) => /^\| (`[^|]*)\|/.exec(line)?.[1] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word));
}

test('docs/troubleshooting.md says of each line of the log what to do about it', () => {
  expect(told('A line of the log').toSorted()).toEqual([...LOG_EVENTS].toSorted());
});

test('docs/troubleshooting.md says of each reason of a condition what to do about it', () => {
  const reasons = CONDITION_TYPES.flatMap((type) => Object.values<readonly string[]>(REASONS[type]).flat());
  expect(told('A condition of a route').toSorted()).toEqual([...new Set(reasons)].toSorted());
});

test('docs/troubleshooting.md leads from each code of ours to its cure', () => {
  const [, errors = ''] = readFileSync(join(docs, 'errors.md'), 'utf8').split('\n## Every code of ours\n');
  const [codes = ''] = errors.split('\n## ');
  const known = [...codes.matchAll(/^\| `([a-z_]+)`/gm)].map(([, code = '']) => code);
  expect(known.length).toBeGreaterThan(20);
  expect(told('A code of an error').toSorted()).toEqual(known.toSorted());
});
