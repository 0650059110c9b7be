/** How routes live in a real API server: defaults, several writers, status, size. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { specSchema } from '../../src/route/resource.ts';
import { UNJUDGED_STATUS } from '../../src/route/status-resource.ts';
import { applyType } from './api.ts';
import type { Api, ApiAnswer, ApiObject } from './api.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
let api: Api;
let namespace = '';

beforeAll(async () => {
  api = await cluster.adminClient();
  namespace = await cluster.namespace();
});

type Json = Readonly<Record<string, unknown>>;

interface Route extends ApiObject {
  readonly spec: {
    readonly match: Json;
    readonly hostnames: readonly string[];
    readonly providers: readonly (Json & { readonly name: string; readonly auth: Json })[];
    readonly headerPassthrough: { readonly request: { readonly allow: readonly string[] } };
  };
  readonly status?: { readonly conditions: readonly (Json & { readonly type: string })[] };
}

const provider = (name: string, fields: Json = {}) => ({
  name,
  url: `https://${name}.example.com/v1`,
  ...fields,
});

function pathOf(name: string, subresource = ''): string {
  return `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes/${name}${subresource}`;
}

/** Server-side apply. */
function apply(
  name: string,
  fields: Json,
  { by, force = false, subresource = '' }: { by: string; force?: boolean; subresource?: string },
): Promise<ApiAnswer> {
  return api.ask({
    method: 'PATCH',
    path: pathOf(name, subresource),
    query: { fieldManager: by, force: String(force) },
    contentType: applyType,
    body: {
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name, namespace },
      ...fields,
    },
  });
}

async function applied(...args: Parameters<typeof apply>): Promise<Route> {
  const { status, body } = await apply(...args);
  if (status !== 200 && status !== 201) throw new Error(JSON.stringify(body));
  return body as Route;
}

describe('defaults', () => {
  test('the API server stores what a file check would fill in', async () => {
    const spec = { providers: [provider('a')] };
    const stored = await applied('defaults', { spec }, { by: 'a' });
    expect(stored.spec).toEqual(JSON.parse(JSON.stringify(specSchema.parse(spec))));
  });
});

describe('two writers of one route', () => {
  test('each has its own providers, hosts and headers, and they add up', async () => {
    await applied(
      'shared',
      { spec: { hostnames: ['a.example.com'], providers: [provider('a')] } },
      { by: 'team-a' },
    );
    const both = await applied(
      'shared',
      {
        spec: {
          hostnames: ['b.example.com'],
          providers: [provider('b')],
          headerPassthrough: { request: { allow: ['x-b'] } },
        },
      },
      { by: 'team-b' },
    );
    expect(both.spec.providers.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(both.spec.hostnames).toEqual(['a.example.com', 'b.example.com']);
    expect(both.spec.headerPassthrough.request.allow).toEqual(['x-b']);
    const less = await applied('shared', { spec: { providers: [provider('b')] } }, { by: 'team-b' });
    expect(less.spec.providers.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(less.spec.hostnames).toEqual(['a.example.com']);
    expect(less.spec.headerPassthrough.request.allow).toEqual([]);
  });

  test('whoever writes the field of another is told whose it is, and has to insist', async () => {
    const by = 'team-b';
    await applied('disputed', { spec: { providers: [provider('a')] } }, { by: 'team-a' });
    const other = { spec: { providers: [provider('a', { url: 'https://other.example.com/v1' })] } };
    const { status, body } = await apply('disputed', other, { by });
    expect(status).toBe(409);
    expect((body as { message: string }).message).toContain(
      'conflict with "team-a": .spec.providers[name="a"].url',
    );
    const forced = await applied('disputed', other, { by, force: true });
    expect(forced.spec.providers).toMatchObject([{ url: 'https://other.example.com/v1' }]);
  });

  test('the name and the entry of a Secret stay together: half of a reference is nobody’s to change', async () => {
    const keyed = (secretRef: Json) => ({
      spec: {
        clients: { auth: { type: 'None' } },
        providers: [provider('a', { auth: { type: 'APIKey', secretRef } })],
      },
    });
    await applied('half', keyed({ name: 'one', key: 'token' }), { by: 'team-a' });
    const { status, body } = await apply('half', keyed({ name: 'two' }), { by: 'team-b' });
    expect([status, (body as { message: string }).message]).toEqual([
      409,
      expect.stringContaining('.spec.providers[name="a"].auth.secretRef'),
    ]);
    const forced = await applied('half', keyed({ name: 'two' }), { by: 'team-b', force: true });
    expect(forced.spec.providers[0]?.auth['secretRef']).toEqual({ name: 'two', key: 'apiKey' });
  });

  test('a list whose default has entries is replaced: the default does not stay beside what is written', async () => {
    const spec = { providers: [provider('a')] };
    const before = await applied('paths', { spec }, { by: 'team-a' });
    expect(before.spec.match['paths']).toEqual(['/v1']);
    const after = await applied(
      'paths',
      { spec: { ...spec, match: { paths: ['/openai'] } } },
      { by: 'team-a' },
    );
    expect(after.spec.match['paths']).toEqual(['/openai']);
  });
});

describe('status', () => {
  const condition = (type: string, status = 'True') => ({
    type,
    status,
    reason: 'Because',
    message: 'it is so',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });

  const ours = UNJUDGED_STATUS.conditions?.map(({ type }) => type) ?? [];
  const operator = { by: 'operator', subresource: '/status' };

  test('of a route that nobody has judged says so; what is judged first replaces it whole', async () => {
    await applied('unjudged', { spec: { bridgeName: 'of-nobody', providers: [provider('a')] } }, { by: 'a' });
    const { body } = await api.ask({ method: 'GET', path: pathOf('unjudged') });
    expect((body as Route).status).toEqual(UNJUDGED_STATUS);
    const conditions = ours.map((type) => condition(type));
    const status = { observedGeneration: 1, conditions, providers: '1/1' };
    expect((await applied('unjudged', { status }, operator)).status).toEqual(status);
  });

  test('a plain apply does not write it, and what writes it does not write the spec', async () => {
    const spec = { providers: [provider('a')] };
    const plain = await applied(
      'status',
      { spec, status: { conditions: [condition('Ready')] } },
      { by: 'a' },
    );
    expect(plain.status).not.toMatchObject({ conditions: [{ status: 'True' }] });
    const judged = await applied(
      'status',
      {
        spec: { providers: [provider('z')] },
        status: { providers: '1/1', conditions: ours.map((type) => condition(type)) },
      },
      { by: 'operator', subresource: '/status' },
    );
    expect(judged.status).toMatchObject({ providers: '1/1', conditions: ours.map((type) => ({ type })) });
    expect(judged.spec.providers.map(({ name }) => name)).toEqual(['a']);
    expect(judged.metadata.generation).toBe(plain.metadata.generation);
    const again = await applied('status', { spec }, { by: 'a' });
    expect(again.status).toEqual(judged.status);
  });

  test('conditions of another controller stay when ours change', async () => {
    await applied('conditions', { spec: { providers: [provider('a')] } }, { by: 'a' });
    const subresource = '/status';
    await applied(
      'conditions',
      { status: { conditions: [condition('example.com/Audited')] } },
      { by: 'auditor', subresource },
    );
    await applied(
      'conditions',
      { status: { conditions: [...ours.map((type) => condition(type, 'False')), condition('Stalled')] } },
      operator,
    );
    const after = await applied(
      'conditions',
      { status: { conditions: ours.map((type) => condition(type)) } },
      operator,
    );
    const states = after.status?.conditions.map(({ type, status }) => [type, status]) ?? [];
    expect(Object.fromEntries(states)).toEqual(
      Object.fromEntries([...ours, 'example.com/Audited'].map((type) => [type, 'True'])),
    );
  });
});

test('an installation can ask for its own routes only', async () => {
  for (const [name, bridgeName] of Object.entries({ mine: 'blue', yours: 'green' })) {
    await applied(name, { spec: { bridgeName, providers: [provider('a')] } }, { by: 'a' });
  }
  const found = await api.request<{ items: readonly ApiObject[] }>({
    path: pathOf('').slice(0, -1),
    query: { fieldSelector: 'spec.bridgeName=blue' },
  });
  expect(found.items.map(({ metadata }) => metadata.name)).toEqual(['mine']);
});

/** Every list full. Twice as much, and etcd would not take it together with its managedFields. */
function largestRoute(): Json {
  const text = (start: string) => start.padEnd(110, 'x');
  const texts = (count: number, start: string) =>
    Array.from({ length: count }, (_, index) => text(`${start}${String(index)}-`));
  const fields = (count: number, start: string) => texts(count, start).map((name) => ({ name, value: 'v' }));
  const headers = { allow: texts(64, 'a'), deny: texts(64, 'd') };
  return {
    hostnames: Array.from(
      { length: 16 },
      (_, index) => `h${String(index)}.${`${'a'.repeat(60)}.`.repeat(3)}example.com`,
    ),
    match: {
      paths: texts(16, '/'),
      models: texts(64, 'm'),
      headers: texts(16, 'h').map((name) => ({ name, type: 'RegularExpression', value: 'a'.repeat(256) })),
    },
    clients: {
      auth: { type: 'None' },
      allowedOrigins: texts(32, 'https://'),
      queryPassthrough: { allow: texts(32, 'q') },
    },
    providers: Array.from({ length: 16 }, (_, index) => ({
      name: `p${String(index)}`,
      url: `https://p.example.com/${'a'.repeat(2000)}`,
      transport: 'HTTP',
      auth: { type: 'APIKey', secretRef: { name: 'k' }, header: { name: text('key'), prefix: '' } },
      models: texts(64, 'm'),
      modelMapping: texts(64, 'f').map((from) => ({ from: `${from}*`, to: `${from}*` })),
      headers: { set: fields(32, 's'), add: fields(32, 'a'), remove: texts(32, 'r') },
      query: fields(32, 'q'),
    })),
    headerPassthrough: { request: headers, response: headers },
    relay: { paths: texts(32, '/'), webSocketPaths: texts(32, '/'), sharedKey: 'Allowed' },
  };
}

test('a route as large as the API server takes costs less than its rules may cost, and is judged to its end', async () => {
  const spec = largestRoute();
  expect(JSON.stringify(spec).length).toBeGreaterThan(600_000);
  await applied('large', { spec }, { by: 'a' });
  const providers = (spec['providers'] as readonly Json[]).with(
    15,
    provider('p15', { health: { ejectionSeconds: 600 } }),
  );
  const { status, body } = await apply('large', { spec: { ...spec, providers } }, { by: 'a' });
  expect(status).toBe(422);
  expect((body as { message: string }).message).toMatch(
    /spec\.providers\[15\]\.health\.ejectionSeconds: .*the first rest, ejectionSeconds, is longer/,
  );
});
