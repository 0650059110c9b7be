import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ANYBODY, decide, KEYED, OPEN, openSpec, servedIds, TEAMS, verdictOn } from './cluster.ts';

const CA = readFileSync(join(import.meta.dirname, '../../fixtures/tls/ca.pem'), 'utf8');
const BOTH = { clients: ANYBODY, providers: [KEYED, OPEN] };
const WITH_CA = {
  clients: ANYBODY,
  providers: [{ ...OPEN, tls: { caCertificateRefs: [{ name: 'cas' }] } }],
};

describe('a provider without its credentials', () => {
  test.each([
    [
      'no Secret',
      {},
      'SecretNotFound',
      /^spec\.providers\[0\]\.auth\.secretRef\.name: there is no Secret openai in namespace ai;/,
    ],
    [
      'no entry',
      { 'ai/openai': { other: 'k' } },
      'SecretKeyMissing',
      /^spec\.providers\[0\]\.auth\.secretRef\.key: Secret ai\/openai has no entry apiKey/,
    ],
    [
      'an empty entry',
      { 'ai/openai': { apiKey: '\n' } },
      'SecretKeyMissing',
      /entry apiKey of Secret ai\/openai is empty; write the key/,
    ],
    [
      'a Secret of another namespace',
      { 'web/openai': { apiKey: 'k' } },
      'SecretNotFound',
      /in namespace ai; add it/,
    ],
  ])('is left out, and the others serve: %s', (_, objects, reason, message) => {
    const decisions = decide([{ key: 'ai/coding', spec: BOTH }], objects);
    const verdict = verdictOn('ai/coding', decisions);
    expect(verdict.accepted.status).toBe('True');
    expect(verdict.resolvedRefs).toMatchObject({ status: 'False', reason });
    expect(verdict.resolvedRefs.message).toMatch(message);
    expect(verdict.resolvedRefs.message).toMatch(/\nuntil then nothing goes to openai$/);
    expect(verdict.partiallyInvalid).toEqual({
      status: 'True',
      reason: 'ProvidersLeftOut',
      message: 'left out: openai (ResolvedRefs says why); the rest of the route is served by vllm',
    });
    expect(verdict.providers).toEqual({ usable: 1, total: 2 });
    expect(decisions.served[0]?.compiled.providers.map(({ name }) => name)).toEqual(['vllm']);
  });

  test('comes back with them', () => {
    const objects = { 'ai/openai': { apiKey: 'k' } };
    const decisions = decide([{ key: 'ai/coding', spec: BOTH }], objects);
    expect(verdictOn('ai/coding', decisions)).toMatchObject({
      resolvedRefs: { status: 'True' },
      partiallyInvalid: undefined,
      providers: { usable: 2, total: 2 },
    });
  });

  test('may be the only one: the route keeps its place and refuses every turn', () => {
    const decisions = decide([{ key: 'ai/coding', spec: { clients: ANYBODY, providers: [KEYED] } }]);
    const verdict = verdictOn('ai/coding', decisions);
    expect(verdict.accepted.status).toBe('True');
    expect(verdict.partiallyInvalid).toBeUndefined();
    expect(verdict.providers).toEqual({ usable: 0, total: 1 });
    expect(verdict.resolvedRefs.message).toMatch(/\nuntil then every turn is refused: no provider is left$/);
    expect(decisions.served[0]?.compiled.providers).toEqual([]);
  });

  test.each([
    ['no ConfigMap', {}],
    ['no entry', { 'ai/cas': { other: CA } }],
    ['no certificate', { 'ai/cas': { 'ca.crt': 'no certificate' } }],
  ])('is never asked with the authorities of the system instead of its own: %s', (_, objects) => {
    const decisions = decide([{ key: 'ai/coding', spec: WITH_CA }], objects);
    expect(verdictOn('ai/coding', decisions).resolvedRefs).toMatchObject({
      status: 'False',
      reason: 'InvalidCACertificateRef',
    });
    expect(decisions.served[0]?.compiled.providers).toEqual([]);
  });
});

describe('clients whose keys are missing', () => {
  const teams = (name: string) => ({
    clients: { auth: { type: 'APIKey', secretRef: { name } } },
    providers: [OPEN],
  });

  test.each([
    ['no Secret', {}, 'SecretNotFound'],
    ['a Secret without an entry', { 'ai/teams': {} }, 'SecretKeyMissing'],
  ])('do not get in, none of them, and the route keeps its place: %s', (_, objects, reason) => {
    const decisions = decide([{ key: 'ai/coding', spec: teams('teams') }], objects);
    const verdict = verdictOn('ai/coding', decisions);
    expect(verdict.accepted.status).toBe('True');
    expect(verdict.resolvedRefs).toMatchObject({ status: 'False', reason });
    expect(verdict.resolvedRefs.message).toMatch(/\nuntil then no client gets in$/);
    expect(decisions.served[0]?.compiled.clients.auth).toEqual({ type: 'APIKey', keys: [] });
  });

  test('leave the host with its namespace', () => {
    const hostnames = ['a.example'];
    const decisions = decide([
      { key: 'ai/coding', age: 0, spec: { ...teams('teams'), hostnames } },
      { key: 'web/coding', age: 1, spec: openSpec({ hostnames }) },
    ]);
    expect(verdictOn('web/coding', decisions).accepted.reason).toBe('HostnameNotAllowed');
  });

  test('never open a route that shares its host and path', () => {
    const decisions = decide([
      { key: 'ai/a', age: 0, spec: teams('teams') },
      { key: 'ai/b', age: 1, spec: openSpec() },
    ]);
    expect(verdictOn('ai/b', decisions).accepted.reason).toBe('Conflicted');
    expect(servedIds(decisions)).toEqual(['ai/a']);
  });

  test('are refused one by one where only some keys are wrong', () => {
    const objects = { 'ai/teams': { alice: 'key-of-alice', bob: 'two words' } };
    const decisions = decide([{ key: 'ai/coding', spec: teams('teams') }], objects);
    const auth = decisions.served[0]?.compiled.clients.auth;
    expect(auth?.type === 'APIKey' && auth.keys.map(({ name }) => name)).toEqual(['alice']);
    expect(verdictOn('ai/coding', decisions).resolvedRefs.message).toMatch(
      /^[^\n]*an entry of Secret ai\/teams holds spaces[^\n]*\(until then that client does not get in\)$/,
    );
  });

  test('are told apart by nothing where two have one key: both count as the first', () => {
    const objects = { 'ai/teams': { alice: 'k', bob: 'k' } };
    const decisions = decide([{ key: 'ai/coding', spec: teams('teams') }], objects);
    const auth = decisions.served[0]?.compiled.clients.auth;
    expect(auth?.type === 'APIKey' && auth.keys.map(({ name }) => name)).toEqual(['alice']);
    expect(verdictOn('ai/coding', decisions).resolvedRefs.message).toMatch(
      /give each its own \(until then they count as one client\)$/,
    );
  });
});

test('mistakes come first and each once, what follows from them last', () => {
  const variable = '${KEY}';
  const objects = { 'ai/openai': { apiKey: variable }, 'ai/teams': { alice: variable, ci: variable } };
  const decisions = decide([{ key: 'ai/coding', spec: { clients: TEAMS, providers: [KEYED] } }], objects);
  const cure =
    'still holds a variable, and a cluster replaces none; write the key itself, or apply the file through envsubst';
  expect(verdictOn('ai/coding', decisions).resolvedRefs.message.split('\n').toSorted()).toEqual(
    [
      `spec.clients.auth.secretRef.name: an entry of Secret ai/teams ${cure}`,
      `spec.providers[0].auth.secretRef.key: entry apiKey of Secret ai/openai ${cure}`,
      'until then every turn is refused: no provider is left',
      'until then no client gets in',
    ].toSorted(),
  );
  expect(verdictOn('ai/coding', decisions).resolvedRefs.message).toMatch(
    /\nuntil then no client gets in\nuntil then every turn is refused: no provider is left$/,
  );
});

test('a Secret of a type that no route may name is not said to be away without a word of why', () => {
  const decisions = decide([{ key: 'ai/coding', spec: { clients: ANYBODY, providers: [KEYED] } }]);
  expect(verdictOn('ai/coding', decisions).resolvedRefs.message).toMatch(
    /^[^\n]*no Secret openai in namespace ai;[^\n]*service account tokens[^\n]*cannot be named/,
  );
});

describe('a namespace that cannot be read', () => {
  const why = 'the operator may not list the Secrets of namespace ai; give it the role';

  test('serves nothing of what it holds, and its author is told whose mistake it is', () => {
    const decisions = decide([{ key: 'ai/coding', spec: BOTH }], {}, { ai: why });
    expect(verdictOn('ai/coding', decisions)).toMatchObject({
      accepted: { status: 'True' },
      resolvedRefs: {
        status: 'Unknown',
        reason: 'Pending',
        message: `${why}\nuntil then nothing goes to openai`,
      },
    });
    expect(decisions.served[0]?.compiled.providers.map(({ name }) => name)).toEqual(['vllm']);
  });

  test('is no matter to routes that need nothing of it', () => {
    const decisions = decide([{ key: 'ai/coding', spec: openSpec() }], {}, { ai: why });
    expect(verdictOn('ai/coding', decisions).resolvedRefs.status).toBe('True');
  });
});

test('no credential is in any sentence', () => {
  const secrets = ['sk-one two', 'sk-client', 'not a certificate at all'];
  const objects = {
    'ai/openai': { apiKey: 'sk-one two' },
    'ai/teams': { alice: 'sk-client', bob: 'sk-client' },
    'ai/cas': { 'ca.crt': 'not a certificate at all' },
  };
  const tls = { caCertificateRefs: [{ name: 'cas' }] };
  const decisions = decide(
    [{ key: 'ai/coding', spec: { clients: TEAMS, providers: [{ ...KEYED, tls }] } }],
    objects,
  );
  const text = JSON.stringify([...decisions.verdicts]);
  expect(verdictOn('ai/coding', decisions).resolvedRefs.message.split('\n')).toHaveLength(4);
  for (const secret of secrets) expect(text).not.toContain(secret);
});
