import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadFiles } from '../../../src/config/load.ts';
import { decideRoutes } from '../../../src/reconcile/decide.ts';
import { observeRoute } from '../../../src/reconcile/observed-route.ts';
import type { ReferenceLookup } from '../../../src/route/references.ts';
import { Secret } from '../../../src/route/secret.ts';
import { ROUTE_MISTAKES, besides, toDocument } from '../../harness/route-mistakes.ts';
import type { Fields, RouteMistake } from '../../harness/mistakes/mistake-row.ts';
import { mistakeTables } from './mistake-tables.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NAMESPACE = 'ai';

describe('turnbridge check finds each mistake, and nothing else', () => {
  test.each(ROUTE_MISTAKES)('$section: $mistake', (row) => {
    const documents = [...besides(row, NAMESPACE), toDocument(row, NAMESPACE)];
    const result = loadFiles(
      [{ name: 'route', text: documents.map((one) => JSON.stringify(one)).join('\n---\n') }],
      {
        env: {},
        missingVariables: 'error',
        loopbackAllowed: false,
        missingReferences: 'Refused',
        bridgeName: undefined,
      },
    );
    const errors = result.problems.filter(({ severity }) => severity === 'error');
    expect(errors.map(({ message }) => message)).toEqual([row.check.replaceAll('NAMESPACE', NAMESPACE)]);
  });
});

describe('what the API server lets through, the operator explains in the status', () => {
  const explained = ROUTE_MISTAKES.filter(({ cluster }) => cluster.by === 'status');
  test.each(explained)('$section: $mistake', (row) => {
    const { cluster } = row;
    if (cluster.by !== 'status') throw new Error('filtered above');
    const older = besides(row, NAMESPACE).filter(({ kind }) => kind === 'ResponsesRoute');
    const routes = [...older, toDocument(row, NAMESPACE)].map((document, index) =>
      observeRoute(asStored(document, index)),
    );
    const { verdicts } = decideRoutes(routes, lookupOf(row), { loopbackAllowed: false });
    const verdict = verdicts.get(`${NAMESPACE}/route`);
    const condition = cluster.condition === 'Accepted' ? verdict?.accepted : verdict?.resolvedRefs;
    const says = 'says' in cluster ? cluster.says : row.check;
    expect(condition).toMatchObject({ status: 'False', reason: cluster.reason });
    expect(condition?.message).toContain(says.replaceAll('NAMESPACE', NAMESPACE));
  });
});

test('every mistake of the refused fixtures has a row', () => {
  const rows = ROUTE_MISTAKES.map(({ check }) => wordsOf(check));
  const unknown = fixtureMessages().filter((message) => {
    const words = wordsOf(message);
    return !rows.some((row) => likeness(row, words) >= SAME_SENTENCE);
  });
  expect(unknown).toEqual([]);
});

test('docs/route-mistakes.md tells of each mistake who says it', () => {
  const docs = readFileSync(join(ROOT, 'docs/route-mistakes.md'), 'utf8');
  const written = docs.split('\n').filter((line) => line.startsWith('| '));
  const squeeze = (line: string) => line.replace(/\s+/g, ' ').trim();
  const expected = mistakeTables().flatMap(({ rows }) => rows);
  expect(written.map(squeeze).filter((line) => !/^\| (mistake|-)/.test(line))).toEqual(expected.map(squeeze));
});

/** As the API server would hold it, the first one the oldest. */
function asStored(document: Fields, index: number): unknown {
  return {
    ...document,
    metadata: {
      ...(document['metadata'] as Fields),
      uid: `uid-${index}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: new Date(1_700_000_000_000 + index * 1000).toISOString(),
    },
  };
}

function lookupOf(row: RouteMistake): ReferenceLookup {
  const find = (kind: string, namespace: string, name: string) => {
    const found = besides(row, NAMESPACE).find(
      (object) =>
        object['kind'] === kind &&
        (object['metadata'] as { namespace: string }).namespace === namespace &&
        (object['metadata'] as { name: string }).name === name,
    );
    const entries = found?.['stringData'] ?? found?.['data'];
    return entries === undefined ? undefined : Object.entries(entries as Record<string, string>);
  };
  return {
    secret: (namespace, name) => {
      const entries = find('Secret', namespace, name);
      return entries && new Map(entries.map(([key, value]) => [key, new Secret(value)]));
    },
    configMap: (namespace, name) => {
      const entries = find('ConfigMap', namespace, name);
      return entries && new Map(entries);
    },
  };
}

/** Sentences differ in names and numbers; less than this in common is another sentence. */
const SAME_SENTENCE = 0.6;

/** Of all errors about routes; what is wrong with YAML, Secrets and other kinds is a matter of files. */
function fixtureMessages(): readonly string[] {
  const folder = join(ROOT, 'test/fixtures/routes/refused');
  const files = readdirSync(folder).filter((name) => name !== 'kinds.yaml' && name !== 'syntax.yaml');
  return files
    .flatMap((name) => [
      ...readFileSync(join(folder, name), 'utf8').matchAll(/^# expect: \d+:\d+: error: \S+: (.*)$/gm),
    ])
    .map((match) => match[1] ?? '')
    .filter((message) => !message.startsWith('ConfigMap default/twice is written twice'));
}

/** What does not depend on the field: its name comes first, and what follows some words is its own. */
function wordsOf(sentence: string): readonly string[] {
  const common = sentence.replace(/ is missing\..*/, ' is missing').replace(/ cannot be ".*/, ' cannot be');
  const [, ...words] = common.split(' ').filter((word) => /^[a-zA-Z:;,*[\]\d]+[.?]?$/.test(word));
  return words;
}

function likeness(a: readonly string[], b: readonly string[]): number {
  const common = a.filter((word) => b.includes(word)).length;
  return common / Math.max(a.length, b.length);
}
