import { describe, expect, test } from '@jest/globals';
import { toSnapshot } from '../../../src/route/route-groups.ts';
import { chooseGroup, chooseProvider, chooseRoute, mapModel } from '../../../src/route/match.ts';
import type { CompiledRoute, HeaderField, RouteGroup, Snapshot } from '../../../src/route/snapshot.ts';
import { servedOf, snapshotOf } from './compile-text.ts';

const PROVIDERS = "providers: [{ name: a, url: 'https://a.example.com/v1' }]";

function onlyRoute(spec: string): CompiledRoute {
  const [route] = snapshotOf(`spec:\n${spec}`).routes;
  if (route === undefined) throw new Error('no route');
  return route;
}

describe('a host that belongs to a namespace', () => {
  const two = `
metadata: { namespace: ai, name: mine }
spec: { hostnames: [codex.example.com], ${PROVIDERS} }
---
metadata: { namespace: other, name: any }
spec: { match: { paths: [/v1, /v2] }, ${PROVIDERS} }
`;
  const served = servedOf(two);
  const isServed = (snapshot: Snapshot, path: string): string | undefined =>
    chooseGroup(snapshot, 'codex.example.com', path)?.group.hostname;

  test('is served by no route of another one, on whatever path', () => {
    expect(isServed(toSnapshot(served), '/v1/responses')).toBe('codex.example.com');
    expect(isServed(toSnapshot(served), '/v2/responses')).toBeUndefined();
  });

  test('is served by nobody while its own route cannot be', () => {
    expect(isServed(toSnapshot(served.slice(1), ['codex.example.com']), '/v1/responses')).toBeUndefined();
    expect(isServed(toSnapshot(served.slice(1), ['*.example.com']), '/v1/responses')).toBeUndefined();
  });

  test('is anybody’s once no route names it', () => {
    expect(isServed(toSnapshot(served.slice(1)), '/v1/responses')).toBe('*');
    expect(isServed(toSnapshot(served.slice(1), ['other.example.com', '*']), '/v1/responses')).toBe('*');
  });
});

describe('the group of a request', () => {
  const snapshot = snapshotOf(`
spec: { hostnames: ['*.example.com'], ${PROVIDERS} }
---
spec: { hostnames: [codex.example.com], ${PROVIDERS} }
---
spec: { hostnames: ['*.codex.example.com'], ${PROVIDERS} }
---
spec: { match: { paths: [/openai/v1, /openai] }, ${PROVIDERS} }
---
spec: { hostnames: [root.example.com], match: { paths: [/, /v1] }, ${PROVIDERS} }
`);
  test.each([
    // host, path, group, rest
    ['codex.example.com', '/v1/responses', 'codex.example.com/v1', '/responses'],
    ['codex.example.com:8443', '/v1/responses', 'codex.example.com/v1', '/responses'],
    ['CODEX.Example.com.', '/v1/responses?x=/v2/', 'codex.example.com/v1', '/responses'],
    ['other.example.com', '/v1/models', '*.example.com/v1', '/models'],
    ['a.b.example.com', '/v1/responses/resp_1', '*.example.com/v1', '/responses/resp_1'],
    ['a.codex.example.com', '/v1/responses', '*.codex.example.com/v1', '/responses'],
    ['anything', '/openai/v1/responses', '*/openai/v1', '/responses'],
    ['anything', '/openai/responses', '*/openai', '/responses'],
    ['', '/openai/v1x/responses', '*/openai', '/v1x/responses'],
    ['[::1]:8787', '/openai/v1/responses', '*/openai/v1', '/responses'],
    ['codex.example.com', '/openai/v1/responses', '*/openai/v1', '/responses'],
    // without /v1
    ['codex.example.com', '/responses', 'codex.example.com/v1', '/responses'],
    ['codex.example.com', '/models', 'codex.example.com/v1', '/models'],
    ['codex.example.com', '/responses/compact', 'codex.example.com/v1', '/responses/compact'],
    ['root.example.com', '/responses', 'root.example.com', '/responses'],
    ['root.example.com', '/v1/responses', 'root.example.com/v1', '/responses'],
    ['root.example.com', '/v2/responses', 'root.example.com', '/v2/responses'],
  ])('%s %s is served by %s', (host, path, expected, rest) => {
    const chosen = chooseGroup(snapshot, host, path);
    expect(chosen && `${chosen.group.hostname}${chosen.group.path}`).toBe(expected);
    expect(chosen?.rest).toBe(rest);
  });

  test.each([
    ['codex.example.com', '/v2/responses'],
    ['codex.example.com', '/v1'],
    ['codex.example.com', '/V1/responses'],
    ['codex.example.com', '/v1responses'],
    ['codex.example.com', '/healthz'],
    ['codex.example.com', '/responsesx'],
    ['codex.example.com', ''],
    ['anything', '/responses'],
    ['example.com', '/v1/responses'],
    ['xexample.com', '/v1/responses'],
    ['example.org', '/v1/responses'],
  ])('%s %s is served by none', (host, path) => {
    expect(chooseGroup(snapshot, host, path)).toBeUndefined();
  });
});

describe('the route of a turn', () => {
  const [group] = snapshotOf(`
metadata: { name: any }
spec: { ${PROVIDERS} }
---
metadata: { name: younger-any }
spec: { ${PROVIDERS} }
---
metadata: { name: gpt }
spec: { match: { models: ['gpt-*'] }, ${PROVIDERS} }
---
metadata: { name: gpt-5 }
spec: { match: { models: ['gpt-5*'] }, ${PROVIDERS} }
---
metadata: { name: mini }
spec: { match: { models: ['*-mini'] }, ${PROVIDERS} }
---
metadata: { name: exact }
spec: { match: { models: [o3, gpt-5-mini] }, ${PROVIDERS} }
---
metadata: { name: red }
spec: { match: { models: ['gpt-*'], headers: [{ name: x-team, value: red }] }, ${PROVIDERS} }
---
metadata: { name: red-test }
spec:
  match:
    models: ['gpt-*']
    headers: [{ name: x-team, value: red }, { name: x-stage, type: RegularExpression, value: 'test-[0-9]+' }]
  ${PROVIDERS}
`).groups as [RouteGroup];
  const headers = (fields: Record<string, string>): HeaderField[] =>
    Object.entries(fields).map(([name, value]) => ({ name, value }));

  test.each([
    ['o3', {}, 'exact'],
    ['gpt-5-mini', {}, 'exact'],
    ['gpt-5', {}, 'gpt-5'],
    ['gpt-5.1', {}, 'gpt-5'],
    ['gpt-4', {}, 'gpt'],
    ['gpt-4-mini', {}, 'mini'],
    ['qwen', {}, 'any'],
    ['', {}, 'any'],
    ['gpt-4', { 'x-team': 'red' }, 'red'],
    ['gpt-4', { 'x-team': 'blue' }, 'gpt'],
    ['gpt-5', { 'x-team': 'red' }, 'gpt-5'],
    ['gpt-4', { 'x-team': 'red', 'x-stage': 'test-7' }, 'red-test'],
    ['gpt-4', { 'x-team': 'red', 'x-stage': 'my-test-7' }, 'red'],
    ['gpt-4', { 'x-team': 'red', 'x-stage': `test-${'7'.repeat(600)}` }, 'red'],
    [undefined, {}, 'any'],
  ])('model %s with headers %j takes route %s', (model, fields, expected) => {
    expect(chooseRoute(group, model, headers(fields))?.id).toBe(`default/${expected}`);
  });

  test('a repeated header counts as its values joined', () => {
    const fields = [...headers({ 'x-team': 'red' }), ...headers({ 'x-team': 'blue' })];
    expect(chooseRoute(group, 'gpt-4', fields)?.id).toBe('default/gpt');
  });

  test('a model that no route of the group names has no route', () => {
    const [narrow] = snapshotOf(`spec: { match: { models: ['gpt-*'] }, ${PROVIDERS} }`).groups as [
      RouteGroup,
    ];
    expect(chooseRoute(narrow, 'qwen', [])).toBeUndefined();
  });
});

describe('the provider of a turn', () => {
  const route = onlyRoute(`
  providers:
    - { name: last, url: 'https://a.example.com/v1', priority: 2 }
    - { name: qwen, url: 'https://b.example.com/v1', priority: 1, models: ['qwen*'] }
    - { name: first, url: 'https://c.example.com/v1', models: ['*-mini', o3] }
    - { name: second, url: 'https://d.example.com/v1', models: ['gpt-*'] }
`);

  test('providers stand in order of priority, equal ones as written', () => {
    expect(route.providers.map(({ name }) => name)).toEqual(['first', 'second', 'qwen', 'last']);
  });

  test.each([
    ['o3', 'first'],
    ['gpt-5-mini', 'first'],
    ['gpt-5', 'second'],
    ['qwen3', 'qwen'],
    ['else', 'last'],
    [undefined, 'first'],
  ])('model %s goes to %s', (model, expected) => {
    expect(chooseProvider(route, model, [])?.name).toBe(expected);
  });

  test('a model that no provider has goes nowhere', () => {
    const narrow = onlyRoute("  providers: [{ name: a, url: 'https://a.example.com', models: [o3] }]");
    expect(chooseProvider(narrow, 'o4', [])).toBeUndefined();
  });
});

describe('the provider of a ChatGPT login', () => {
  const route = onlyRoute(`
  providers:
    - { name: api, url: 'https://a.example.com/v1' }
    - { name: login, url: 'https://chatgpt.com', dialect: ChatGPT, priority: 1 }
`);
  const login = [{ name: 'chatgpt-account-id', value: 'account-1' }];

  test('is the one for logins, and nobody else’s', () => {
    expect(chooseProvider(route, 'gpt-5', login)?.name).toBe('login');
    expect(chooseProvider(route, undefined, login)?.name).toBe('login');
    expect(chooseProvider(route, 'gpt-5', [{ name: 'authorization', value: 'Bearer k' }])?.name).toBe('api');
  });

  test('is none, where the one for logins does not have the model', () => {
    const narrow = onlyRoute(`
  providers:
    - { name: api, url: 'https://a.example.com/v1' }
    - { name: login, url: 'https://chatgpt.com', dialect: ChatGPT, models: ['gpt-*'] }
`);
    expect(chooseProvider(narrow, 'qwen', login)).toBeUndefined();
  });
});

describe('the model as the provider names it', () => {
  const [provider] = onlyRoute(`
  providers:
    - name: a
      url: https://a.example.com/v1
      modelMapping:
        - { from: 'gpt-*', to: 'openai/gpt-*' }
        - { from: 'gpt-5*', to: 'five*-latest' }
        - { from: gpt-5-codex, to: codex }
        - { from: '*-mini', to: small }
`).providers as [CompiledRoute['providers'][number]];

  test.each([
    ['gpt-4', 'openai/gpt-4'],
    ['gpt-5', 'five-latest'],
    ['gpt-5.1', 'five.1-latest'],
    ['gpt-5-codex', 'codex'],
    ['gpt-$&', 'openai/gpt-$&'],
    ['qwen-mini', 'small'],
    ['o3', 'o3'],
  ])('%s is %s', (model, expected) => {
    expect(mapModel(provider, model)).toBe(expected);
  });
});
