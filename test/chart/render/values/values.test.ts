/**
 * Every value of values.yaml does what it says: a table of what each changes (`*-rows.ts`), and none is missing from it.
 * The object named `NOTES` stands for what `helm install` prints, as one text at the place `text`.
 */
import { describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readValues } from '../../../../charts/generate/values-tree.ts';
import { leavesOf } from '../../../../charts/generate/values-table.ts';
import { CHART_FOLDER, render, renderNotes, type KubeObject, type Values } from '../../render.ts';
import { seen, shows, withValue, type ValueRow } from './value-row.ts';

const tables = await Promise.all(
  readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('-rows.ts'))
    .map(async (name) => (await import(`./${name}`)) as { rows: readonly ValueRow[] }),
);
const rows = tables.flatMap((table) => table.rows);
const leaves = readValues(await readFile(join(CHART_FOLDER, 'values.yaml'), 'utf8'))
  .flatMap(leavesOf)
  .map(({ path }) => path.join('.'));

/** Renderings without the value: many rows share one. */
const bases = new Map<string, Promise<readonly KubeObject[]>>();

function base(row: ValueRow): Promise<readonly KubeObject[]> {
  const key = JSON.stringify([withoutCrd(row, row.with ?? {}), row.options, row.object === 'NOTES']);
  const known = bases.get(key) ?? renderFor(row, row.with ?? {});
  bases.set(key, known);
  return known;
}

async function renderFor(row: ValueRow, values: Values): Promise<readonly KubeObject[]> {
  if (row.object !== 'NOTES') return render(withoutCrd(row, values), row.options);
  const text = await renderNotes(values);
  return [{ apiVersion: 'v1', kind: 'NOTES', metadata: { name: '' }, text }];
}

/** Reading the resource takes longer than everything else, and few rows are about it. */
function withoutCrd({ value, object }: ValueRow, values: Values): Values {
  const isAboutIt = value.startsWith('crds.') || object.startsWith('CustomResourceDefinition/');
  return isAboutIt ? values : withValue(values, 'crds.enabled', false);
}

describe('every value has its effect', () => {
  test('no value of values.yaml is without a row, and no row is of a value that is not there', () => {
    const told = new Set(rows.map(({ value }) => value));
    expect(leaves.filter((leaf) => !told.has(leaf))).toEqual([]);
    expect([...told].filter((value) => !leaves.includes(value))).toEqual([]);
  });

  test.concurrent.each(rows.map((row) => [`${row.value} → ${row.object}`, row] as const))(
    '%s',
    async (_title, row) => {
      const named = row.object === 'NOTES' ? { ...row, object: 'NOTES/', at: row.at ?? 'text' } : row;
      const before = await base(row);
      const after = await renderFor(row, withValue(row.with ?? {}, row.value, row.to));
      expect({
        before: shows(named, before),
        after: shows(named, after),
        seen: seen(named, after),
      }).toMatchObject({
        before: false,
        after: true,
      });
    },
  );
});
