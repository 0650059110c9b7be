/** What people see of routes through kubectl. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { listFields } from '../../src/route/fields.ts';
import { runCommand } from '../harness/run-command.ts';
import { applyType } from './api.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
const ROOT = join(import.meta.dirname, '../..');
let namespace = '';

beforeAll(async () => {
  namespace = await cluster.namespace();
  await kubectl(['apply', '-n', namespace, '-f', '-'], {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { name: 'coding' },
    spec: { providers: [{ name: 'openai', url: 'https://api.openai.com/v1' }] },
  });
});

/** What kubectl prints. */
async function kubectl(args: readonly string[], stdin?: string | object): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, stdin === undefined ? {} : { stdin });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** The cells of a table of kubectl, by column. */
function cellsOf(table: string): Readonly<Record<string, string>> {
  const [head = '', row = ''] = table.split('\n');
  const columns = [...head.matchAll(/\S+\s*/g)].map(({ 0: text, index }) => ({ name: text.trim(), index }));
  return Object.fromEntries(
    columns.map(({ name, index }, place) => [name, row.slice(index, columns[place + 1]?.index).trim()]),
  );
}

describe('kubectl get', () => {
  test('says of a route that nobody has looked at yet that it is so', async () => {
    expect(cellsOf(await kubectl(['get', 'tbroute', 'coding', '-n', namespace]))).toEqual({
      NAME: 'coding',
      ACCEPTED: 'Unknown',
      PROGRAMMED: 'Unknown',
      READY: 'Unknown',
      PROVIDERS: '',
      AGE: expect.stringMatching(/^\d+[sm]/),
    });
  });

  test('says whether it works, and with -o wide what to do, whatever the order of conditions', async () => {
    const condition = (type: string, status: string, reason: string, message = '') => ({
      type,
      status,
      reason,
      message,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const api = await cluster.adminClient();
    await api.request({
      method: 'PATCH',
      path: `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes/coding/status`,
      query: { fieldManager: 'operator', force: 'true' },
      contentType: applyType,
      body: {
        apiVersion: 'turnbridge.dev/v1alpha1',
        kind: 'ResponsesRoute',
        metadata: { name: 'coding', namespace },
        status: {
          observedGeneration: 1,
          providers: '0/1',
          conditions: [
            condition('Stalled', 'True', 'SecretNotFound'),
            condition('Ready', 'False', 'SecretNotFound', 'there is no Secret openai; add it'),
            condition('Programmed', 'True', 'Programmed'),
            condition('Accepted', 'True', 'Accepted'),
          ],
        },
      },
    });
    const short = cellsOf(await kubectl(['get', 'responsesroutes', 'coding', '-n', namespace]));
    expect(short).toMatchObject({ ACCEPTED: 'True', PROGRAMMED: 'True', READY: 'False', PROVIDERS: '0/1' });
    expect(cellsOf(await kubectl(['get', 'tbroute', 'coding', '-n', namespace, '-o', 'wide']))).toMatchObject(
      {
        BRIDGE: 'default',
        REASON: 'SecretNotFound',
        MESSAGE: 'there is no Secret openai; add it',
      },
    );
  });

  test('finds everything of the product by its name, and routes by their bridge', async () => {
    expect(await kubectl(['get', 'turnbridge', '-n', namespace, '-o', 'name'])).toBe(
      'responsesroute.turnbridge.dev/coding\n',
    );
    const ofBridge = (name: string) =>
      kubectl([
        'get',
        'tbroute',
        '-n',
        namespace,
        '-o',
        'name',
        '--field-selector',
        `spec.bridgeName=${name}`,
      ]);
    expect([await ofBridge('default'), await ofBridge('other')]).toEqual([
      'responsesroute.turnbridge.dev/coding\n',
      '',
    ]);
  });
});

describe('kubectl explain', () => {
  test('has a page for every field of a route, in the words of the schema', async () => {
    const api = await cluster.adminClient();
    // what kubectl makes its pages from
    const published = JSON.stringify(await api.request({ path: '/openapi/v3/apis/turnbridge.dev/v1alpha1' }));
    const fields = listFields().filter(({ path }) => path.startsWith('spec.'));
    const unsaid = fields.filter(({ description }) => !published.includes(JSON.stringify(description)));
    expect(unsaid.map(({ path }) => path)).toEqual([]);
  });

  test('reads like documentation', async () => {
    const page = await kubectl(['explain', 'tbroute.spec.providers.auth']);
    expect(page.replace(/\s+/g, ' ')).toContain(
      'Whose key this provider gets. One with a key of its own (APIKey) needs clients that are checked',
    );
    expect(page).toMatch(/type\t<string>\n\s+enum: None, APIKey, Passthrough/);
  });
});

test('turnbridge check --crd prints what manifests/crd holds, and kubectl takes it without server-side apply too', async () => {
  const printed = await runCommand(process.execPath, [join(ROOT, 'cmd/turnbridge.ts'), 'check', '--crd']);
  expect(printed.stdout).toBe(
    readFileSync(join(ROOT, 'manifests/crd/responsesroutes.turnbridge.dev.yaml'), 'utf8'),
  );
  // the whole text goes into an annotation then, which has a bound
  expect(
    await kubectl(['create', '--dry-run=client', '--save-config', '-o', 'name', '-f', '-'], printed.stdout),
  ).toBe('customresourcedefinition.apiextensions.k8s.io/responsesroutes.turnbridge.dev\n');
});
