/** What a cluster does when a route refers to what is not there: Secrets come and go by themselves. */
import { describe, expect, test } from '@jest/globals';
import { chooseProvider, chooseUnusableProvider } from '../../../src/route/match.ts';
import { compileText, servedOf, type Objects } from './compile-text.ts';

const ROUTE = `
metadata: { namespace: ai, name: r }
spec:
  hostnames: [a.example.com]
  clients: { auth: { type: APIKey, secretRef: { name: clients } } }
  providers:
    - { name: a, url: https://a.example.com, auth: { type: APIKey, secretRef: { name: key-a } }, models: [x-*] }
    - { name: b, url: https://b.example.com, auth: { type: APIKey, secretRef: { name: key-b } }, tls: { caCertificateRefs: [{ name: ca }] } }
    - { name: c, url: https://c.example.com, auth: { type: None }, models: [z] }
`;
const CLIENTS = { 'ai/clients': { alice: 'k-alice' } };
const KEYS = { 'ai/key-a': { apiKey: 'sk-a' }, 'ai/key-b': { apiKey: 'sk-b' } };

const routeOf = (objects: Objects) => servedOf(ROUTE, objects)[0]!.compiled;
const names = (providers: readonly { name: string }[]) => providers.map(({ name }) => name);

describe('a provider', () => {
  test('whose Secret is missing is left out, and the others serve on', () => {
    const route = routeOf({ ...CLIENTS, 'ai/key-b': KEYS['ai/key-b'] });
    expect(names(route.providers)).toEqual(['c']);
    expect(names(route.unusableProviders)).toEqual(['a', 'b']);
  });

  test('whose authorities are missing is not asked with those of the system', () => {
    const route = routeOf({ ...CLIENTS, ...KEYS });
    expect(names(route.providers)).toEqual(['a', 'c']);
    expect(names(route.unusableProviders)).toEqual(['b']);
  });

  test('is told as unusable only for models that it has', () => {
    const route = routeOf({ ...CLIENTS, 'ai/key-b': KEYS['ai/key-b'] });
    expect(chooseProvider(route, 'x-1', [])).toBeUndefined();
    expect(chooseUnusableProvider(route, 'x-1', [])?.name).toBe('a');
    expect(chooseProvider(route, 'z', [])?.name).toBe('c');
  });

  const withLogin = (login: string, api: string) =>
    servedOf(`
metadata: { namespace: ai, name: r }
spec:
  providers:
    - { name: api, url: https://a.example.com/v1${api} }
    - { name: login, url: https://chatgpt.com, dialect: ChatGPT${login} }
`)[0]!.compiled;
  const missing = ', tls: { caCertificateRefs: [{ name: gone }] }';
  const login = [{ name: 'chatgpt-account-id', value: 'account-1' }];

  test('of ChatGPT logins, that is unusable, leaves no login to the others', () => {
    const route = withLogin(missing, '');
    expect(chooseProvider(route, 'gpt-5', login)).toBeUndefined();
    expect(chooseUnusableProvider(route, 'gpt-5', login)?.name).toBe('login');
    expect(chooseProvider(route, 'gpt-5', [])?.name).toBe('api');
    expect(chooseUnusableProvider(route, 'gpt-5', [])).toBeUndefined();
  });

  test('that is unusable, leaves no key to the one for ChatGPT logins', () => {
    const route = withLogin('', missing);
    expect(chooseProvider(route, 'gpt-5', [])).toBeUndefined();
    expect(chooseUnusableProvider(route, 'gpt-5', [])?.name).toBe('api');
    expect(chooseProvider(route, 'gpt-5', login)?.name).toBe('login');
  });
});

describe('the keys of clients', () => {
  const keysOf = (objects: Objects) => {
    const { auth } = routeOf(objects).clients;
    return auth.type === 'APIKey' ? names(auth.keys) : auth.type;
  };

  test.each([
    ['a Secret that is missing', {}],
    ['a Secret without an entry', { 'ai/clients': {} }],
  ])('of %s let nobody in, and the route keeps its place', (_, objects) => {
    expect(keysOf(objects)).toEqual([]);
  });

  test('that are sound count beside those that are not', () => {
    expect(keysOf({ 'ai/clients': { alice: 'k-alice', twin: 'k-alice', empty: '', bob: 'k-bob' } })).toEqual([
      'alice',
      'bob',
    ]);
  });
});

test('what a status tells names no client and no entry: its readers may not read the Secret', () => {
  const { problems } = compileText(
    ROUTE,
    { 'ai/clients': { alice: 'k', twin: 'k', empty: '' }, 'ai/key-a': { hidden: 'x' }, 'ai/key-b': {} },
    { missingReferences: 'LeftOut' },
  );
  const messages = problems.map(({ message }) => message).join('\n');
  expect(messages).toContain('an entry of Secret ai/clients has the same key as another');
  expect(messages).toContain('Secret ai/key-a has no entry apiKey; add it');
  for (const name of ['alice', 'twin', 'hidden']) expect(messages).not.toContain(name);
});

test('a sample that was applied with its variables in place opens no door', () => {
  const route = routeOf({
    'ai/clients': { alice: '${ALICE_KEY}' },
    'ai/key-a': { apiKey: '${OPENAI_API_KEY}' },
  });
  expect(route.clients.auth).toEqual({ type: 'APIKey', keys: [] });
  expect(names(route.providers)).toEqual(['c']);
});

test('each mistake says what kind it is', () => {
  const { problems } = compileText(
    ROUTE,
    { 'ai/clients': {}, 'ai/key-b': { other: 'x' }, 'ai/ca': { 'ca.crt': 'no certificate' } },
    { missingReferences: 'LeftOut' },
  );
  expect(problems.filter(({ severity }) => severity === 'error').map(({ reason }) => reason)).toEqual([
    'SecretKeyMissing',
    'SecretNotFound',
    'SecretKeyMissing',
    'InvalidCACertificateRef',
  ]);
});
