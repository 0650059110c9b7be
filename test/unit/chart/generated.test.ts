/** What the charts say twice is printed from one place, and nobody has forgotten to print it. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { crdTemplate } from '../../../charts/generate/crd-template.ts';
import { generatedFiles } from '../../../charts/generate/generated-files.ts';
import { valuesSchema } from '../../../charts/generate/values-schema.ts';
import { leavesOf, valuesTables } from '../../../charts/generate/values-table.ts';
import { readValues } from '../../../charts/generate/values-tree.ts';
import { BRIDGE_FLAGS } from '../../../cmd/bridge-flag-table.ts';
import type { Flag } from '../../../cmd/flag-reader.ts';
import { OPERATOR_FLAGS } from '../../../cmd/operator-flag-table.ts';

const root = join(import.meta.dirname, '../../..');
const files = await generatedFiles(root);
const values = readValues(await readFile(join(root, 'charts/turnbridge/values.yaml'), 'utf8'));

/** Flags that the chart sets otherwise, and by which values; those that nobody sets in a cluster. */
const BRIDGE_ELSEWHERE: Readonly<Record<string, string>> = {
  listen: 'bridge.containerPorts.http',
  'ops-listen': 'bridge.containerPorts.ops',
  'snapshot-secret': 'bridge.watchSnapshot',
  'snapshot-dir': 'bridge.snapshotSecret',
  'id-key-file': 'bridge.idKey.existingSecret',
  'tls-dir': 'bridge.tls.enabled',
  routes: 'none: the operator brings them',
  'kube-api': 'none: the pod is told',
  'kube-credentials': 'none: the pod has its own',
};
const OPERATOR_ELSEWHERE: Readonly<Record<string, string>> = {
  'snapshot-secret': 'bridge.snapshotSecret',
  'bridge-name': 'bridge.bridgeName',
  namespaces: 'operator.watchNamespaces',
  'sidecar-namespaces': 'sidecar.namespaces',
  'sidecar-bridge-name': 'sidecar.bridgeName',
  'ops-listen': 'operator.containerPorts.ops',
  'owner-service-account': 'operator.serviceAccount.name',
  'demo-provider': 'demo.enabled',
  lease: 'fullnameOverride',
  kubeconfig: 'none: the pod has its own',
  context: 'none: the pod has its own',
  identity: 'none: the name of the pod',
};
/** Where the chart knows better than somebody who starts a process by hand. */
const OTHER_DEFAULTS: Readonly<Record<string, string>> = { 'log-format': 'json' };

describe('generated files', () => {
  test.each([...files])('%s is what `npm run chart` prints', async (path, text) => {
    expect(await readFile(join(root, path), 'utf8')).toBe(text);
  });
});

function flagsOf(component: string): ReadonlyMap<string, unknown> {
  const flags = values
    .find(({ path }) => path[0] === component)
    ?.children?.find(({ path }) => path.at(-1) === 'flags')?.children;
  return new Map(flags?.map(({ path, value }) => [kebab(path.at(-1) ?? ''), value]));
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

describe.each<
  [name: string, table: Readonly<Record<string, Flag>>, elsewhere: Readonly<Record<string, string>>]
>([
  ['bridge', BRIDGE_FLAGS, BRIDGE_ELSEWHERE],
  ['operator', OPERATOR_FLAGS, OPERATOR_ELSEWHERE],
])('%s.flags', (component, table, elsewhere) => {
  const flags = flagsOf(component);

  test('are the flags of the command, but those that other values set', () => {
    const expected = Object.keys(table).filter((flag) => !(flag in elsewhere));
    expect([...flags.keys()].sort()).toEqual(expected.sort());
    expect(Object.keys(elsewhere).filter((flag) => !(flag in table))).toEqual([]);
  });

  test('that other values set name values that there are', () => {
    const paths = new Set(values.flatMap(leavesOf).map(({ path }) => path.join('.')));
    const named = Object.values(elsewhere).filter((path) => !path.startsWith('none: '));
    expect(named.filter((path) => !paths.has(path))).toEqual([]);
  });

  test('have the defaults of the command, or none where the machine decides', () => {
    for (const [flag, value] of flags) {
      // the budgets' defaults are shares of the machine's memory: in the chart they are left to the pod
      const own = flag.endsWith('-budget') ? '' : (OTHER_DEFAULTS[flag] ?? table[flag]?.default ?? '');
      expect([flag, String(value)]).toEqual([flag, own]);
    }
  });
});

test('every file of values for a scene has the name that chart-testing looks for', async () => {
  for (const name of await readdir(join(root, 'charts/turnbridge/ci')))
    expect(name).toMatch(/^[a-z-]+-values\.yaml$/);
});

test('no template looks into the cluster, rolls dice or reads the clock: each rendering is the same', async () => {
  for (const chart of ['turnbridge', 'turnbridge-crds']) {
    const folder = join(root, 'charts', chart, 'templates');
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = await readFile(join(file.parentPath, file.name), 'utf8');
      const actions = [...text.matchAll(/{{[\s\S]*?}}/g)].map(([action]) => action);
      const impure =
        /\b(?:lookup|now|date\w*|uuidv4|rand\w+|shuffle|gen\w*(?:CA|Cert|PrivateKey)\w*|getHostByName)\s/;
      const found = actions.filter((action) => !action.includes('/*') && impure.test(action));
      expect([file.name, found]).toEqual([file.name, []]);
    }
  }
});

describe('a comment above a value', () => {
  const text = `
# Nothing is said by this.
# -- The first thing,
# in two lines. @min 1 @max 9
one: 5
two:
  # -- A choice. @enum ,a,b
  choice: ''
  # -- Percent. @type integer,string
  share: 50
  # -- Theirs. @free
  theirs: { a: 1 }
  # -- @items string
  list: []
  # not this one
  bare: {}
`;
  const tree = readValues(text);

  test('gives the schema its sentence, its type and its bounds', () => {
    const { properties } = valuesSchema(tree) as { properties: Record<string, unknown> };
    expect(properties['one']).toEqual({
      description: 'The first thing, in two lines',
      type: 'integer',
      minimum: 1,
      maximum: 9,
    });
    expect(properties['two']).toEqual({
      type: 'object',
      additionalProperties: false,
      required: ['share'], // left empty it would be null, and not the default
      properties: {
        choice: { description: 'A choice', enum: ['', 'a', 'b'] },
        share: { description: 'Percent', type: ['integer', 'string'], pattern: '^([0-9]+%?)?$' },
        theirs: { description: 'Theirs', type: 'object' },
        list: { type: 'array', items: { type: 'string' } },
        bare: { type: 'object' },
      },
    });
  });

  test('gives the table a row for each value that a user writes as a whole', () => {
    expect(tree.flatMap(leavesOf).map(({ path }) => path.join('.'))).toEqual([
      'one',
      'two.choice',
      'two.share',
      'two.theirs',
      'two.list',
      'two.bare',
    ]);
    const table = valuesTables(tree);
    expect(table).toContain('| `one` | `5` | The first thing, in two lines |');
    expect(table).toContain('| `two.choice` | – | A choice. One of `a`, `b` |');
  });

  test('must bound a number', () => {
    expect(() => valuesSchema(readValues('# -- Many\nmany: 5'))).toThrow('many is a number without @min');
  });
});

test('a CRD that the chart does not know how to wrap is refused, rather than installed by half', () => {
  expect(() => crdTemplate('apiVersion: v1\nkind: A\nspec: {}\n', 'turnbridge')).toThrow('another shape');
});
