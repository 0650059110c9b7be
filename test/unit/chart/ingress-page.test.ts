/** `docs/ingress.md` has a word for every product that the chart knows, and for all that it writes for one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { implementations, ingressPresets } from '../../chart/render/ingress-scenes.ts';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/ingress.md'), 'utf8');

interface SchemaPart {
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaPart>>;
}

function choices(section: string, value: string): readonly string[] {
  const schema = parse(
    readFileSync(join(root, 'charts/turnbridge/values.schema.json'), 'utf8'),
  ) as SchemaPart;
  const { enum: all } = schema.properties?.[section]?.properties?.[value] ?? {};
  if (all === undefined) throw new Error(`the schema has no choices for ${section}.${value}`);
  return all;
}

test('each preset and each implementation is in the table of docs/ingress.md, and in what tests render', () => {
  const [, table = ''] = page.split('outside of the chart  ');
  const [cells = ''] = table.split('\n## ');
  for (const name of [...choices('ingress', 'preset'), ...choices('httpRoute', 'implementation')]) {
    expect(cells).toContain(`\`${name}\``);
  }
  expect(choices('ingress', 'preset').filter((name) => name !== 'envoy-gateway')).toEqual(ingressPresets);
  expect(choices('httpRoute', 'implementation')).toEqual(implementations);
});

test('docs/ingress.md names each annotation that a preset writes', () => {
  const templates = readFileSync(join(root, 'charts/turnbridge/templates/ingress/_ingress.tpl'), 'utf8');
  const keys = [...templates.matchAll(/^[a-z0-9.-]+\/([a-zA-Z.-]+):/gm)].map(([, key = '']) => key);
  expect(keys.length).toBeGreaterThan(30);
  expect(keys.filter((key) => !page.includes(key))).toEqual([]);
});
