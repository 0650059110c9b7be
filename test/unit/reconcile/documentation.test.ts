import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CONDITION_TYPES, REASONS } from '../../../src/reconcile/conditions.ts';

const DOCS = readFileSync(join(import.meta.dirname, '../../../docs/status.md'), 'utf8');

/** The types that take their reason from the condition that is in the way. */
const BORROWERS = ['Ready', 'Reconciling', 'Stalled'];

/** The cells of the rows below a heading, without their back quotes. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = DOCS.split(`\n## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
  );
}

test('docs/status.md tells every type of condition, in the order in which they are written', () => {
  expect(rowsBelow('Conditions').map(([type]) => type)).toEqual(CONDITION_TYPES);
});

test('docs/status.md tells every reason of every status, and no other', () => {
  const known = CONDITION_TYPES.flatMap((type) =>
    Object.entries<readonly string[]>(REASONS[type]).flatMap(([status, reasons]) =>
      BORROWERS.includes(type) && reasons.length > 1
        ? [[type, status, 'that of the obstacle'].join()]
        : reasons.map((reason) => [type, status, reason].join()),
    ),
  );
  const told = rowsBelow('Reasons').map((cells) => cells.slice(0, 3).join());
  expect(told.toSorted()).toEqual(known.toSorted());
});

test('docs/status.md says of each reason what it means and what to do', () => {
  for (const cells of rowsBelow('Reasons')) {
    expect(cells).toHaveLength(5);
    expect(cells.filter((cell) => cell === '')).toEqual([]);
  }
});
