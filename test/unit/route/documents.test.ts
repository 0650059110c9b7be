import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { loadFiles } from '../../../src/config/load.ts';
import { listFields } from '../../../src/route/fields.ts';
import { responsesRouteJsonSchema } from '../../../src/route/json-schema.ts';
import { fieldRows } from './field-rows.ts';

const ROOT = join(import.meta.dirname, '../../..');
const DOCS = readFileSync(join(ROOT, 'docs/routes.md'), 'utf8');

/** Prettier aligns tables; only the content counts. */
function squeeze(row: string): string {
  return row.replace(/\s+/g, ' ').trim();
}

test('docs/routes.md tells every field with its default, its bounds and its meaning, and no other', () => {
  const written = DOCS.split('\n').filter((line) => /^\| `(apiVersion|kind|metadata|spec)\b/.test(line));
  const expected = fieldRows(responsesRouteJsonSchema()).filter((row) => !/Written by the /.test(row));
  expect(written.map(squeeze).toSorted()).toEqual(expected.map(squeeze).toSorted());
});

test('the example of docs/routes.md is a sound route', () => {
  const [example] = /(?<=```yaml\n)[^`]*/.exec(DOCS) ?? [];
  const result = load('example', example ?? '');
  expect(result).toMatchObject({ kind: 'loaded', problems: [] });
  expect(result.kind === 'loaded' && result.snapshot?.routes).toHaveLength(1);
});

test('manifests/responsesroute.schema.json is what the schema says', () => {
  const file = readFileSync(join(ROOT, 'manifests/responsesroute.schema.json'), 'utf8');
  expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(responsesRouteJsonSchema())));
});

test('every field has a description that reads as a sentence', () => {
  for (const { path, description } of listFields())
    expect([path, description]).toEqual([path, expect.stringMatching(/^[A-Z].*\.$/s)]);
});

describe('every list and every text has a bound, every number has two', () => {
  interface Schema {
    readonly type?: string;
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly items?: Schema;
    readonly [keyword: string]: unknown;
  }
  const unbounded = (schema: Schema, path: string): readonly string[] => {
    const needed: Readonly<Record<string, readonly string[]>> = {
      array: ['maxItems'],
      integer: ['minimum', 'maximum'],
      string: ['maxLength'],
    };
    const isClosed = schema['enum'] !== undefined || schema['const'] !== undefined;
    const missing = isClosed
      ? []
      : (needed[schema.type ?? ''] ?? []).filter((keyword) => schema[keyword] === undefined);
    return [
      ...missing.map((keyword) => `${path} has no ${keyword}`),
      ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
        unbounded(inner, `${path}.${name}`),
      ),
      ...(schema.items === undefined ? [] : unbounded(schema.items, `${path}[]`)),
    ];
  };
  test('in spec', () => {
    const { properties } = responsesRouteJsonSchema() as Schema;
    expect(unbounded(properties?.['spec'] ?? {}, 'spec')).toEqual([]);
  });
});

test('the accepted fixture with every field really has every field', () => {
  const text = readFileSync(join(ROOT, 'test/fixtures/routes/accepted/everything.yaml'), 'utf8');
  const written = new Set(pathsOf(parseAllDocuments(text)[0]?.toJS(), ''));
  // Two kinds of trust exclude each other; private authorities are in the tests of references.
  const either = listFields().filter(({ path }) => path.startsWith('spec.providers[].tls.caCertificateRefs'));
  const left = new Set(either.map(({ path }) => path));
  expect(
    listFields()
      .map(({ path }) => path)
      .filter((path) => !written.has(path) && !left.has(path)),
  ).toEqual([]);
});

function load(name: string, text: string) {
  return loadFiles([{ name, text }], {
    env: {},
    missingVariables: 'error',
    loopbackAllowed: true,
    missingReferences: 'Refused',
    bridgeName: undefined,
  });
}

function pathsOf(value: unknown, prefix: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((entry: unknown) => pathsOf(entry, `${prefix}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [path, ...pathsOf(inner, path)];
  });
}
