import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { credentialOf, identify } from '../../../src/client/credentials.ts';
import type { ClientPolicy } from '../../../src/route/snapshot.ts';

function policy(auth: ClientPolicy['auth']): ClientPolicy {
  return {
    auth,
    webSocket: 'Enabled',
    allowedOrigins: new Set(),
    queryAllow: new Set(),
    trace: 'Parent',
  };
}

function keys(...entries: readonly (readonly [name: string, key: string])[]): ClientPolicy {
  return policy({
    type: 'APIKey',
    keys: entries.map(([name, key]) => ({ name, sha256: createHash('sha256').update(key).digest() })),
  });
}

describe('the credential of a request', () => {
  test.each<[Record<string, string>, string[], string | undefined]>([
    [{ authorization: 'Bearer sk-1' }, [], 'sk-1'],
    [{ authorization: 'bearer  sk-1 ' }, [], 'sk-1'],
    [{ authorization: 'Basic dXNlcjpwYXNz' }, [], 'Basic dXNlcjpwYXNz'],
    [{ authorization: 'Bearer' }, [], 'Bearer'],
    [{ authorization: 'Bearer a b' }, [], 'Bearer a b'],
    [{ 'x-api-key': 'sk-2' }, [], 'sk-2'],
    [{ 'api-key': 'sk-3' }, [], 'sk-3'],
    [{ 'x-api-key': '', 'api-key': 'sk-3' }, [], 'sk-3'],
    [{ authorization: 'Bearer sk-1', 'x-api-key': 'sk-2' }, ['openai-insecure-api-key.sk-4'], 'sk-1'],
    [{}, ['realtime', 'openai-insecure-api-key.sk-4'], 'sk-4'],
    [{}, ['realtime'], undefined],
    [{}, [], undefined],
  ])('of %j and %j is %j', (headers, offered, expected) => {
    expect(credentialOf(headers, offered)).toBe(expected);
  });
});

describe('APIKey: a client is one of the route’s keys', () => {
  const clients = keys(['alice', 'sk-a'], ['bob', 'sk-b']);

  test.each([
    ['sk-a', 'alice'],
    ['sk-b', 'bob'],
  ])('%s is %s, by whose name it is counted', (key, name) => {
    expect(identify(clients, key)).toEqual({ tenant: name, countKey: name });
  });

  test.each([undefined, '', 'sk-', 'sk-aa', 'SK-A', 'alice'])('%j is nobody', (key) => {
    expect(identify(clients, key)).toBeUndefined();
  });

  test('no keys, no clients', () => {
    expect(identify(keys(), 'sk-a')).toBeUndefined();
  });
});

describe('Passthrough: nothing is checked', () => {
  test('clients are told apart by a hash that does not give the credential away', () => {
    const one = identify(policy({ type: 'Passthrough' }), 'sk-secret');
    expect(one?.tenant).toMatch(/^h:[0-9a-f]{16}$/);
    expect(one?.countKey).toBe(one?.tenant);
    expect(identify(policy({ type: 'Passthrough' }), 'sk-secret')).toEqual(one);
    expect(identify(policy({ type: 'Passthrough' }), 'sk-other')).not.toEqual(one);
    const plain = createHash('sha256').update('sk-secret').digest('hex').slice(0, 16);
    expect(one?.tenant).not.toBe(`h:${plain}`);
  });

  test('without a credential a client is anonymous', () => {
    expect(identify(policy({ type: 'Passthrough' }), undefined)).toEqual({
      tenant: 'anonymous',
      countKey: undefined,
    });
  });
});

test('None: everyone is anonymous, whatever they send', () => {
  for (const credential of [undefined, 'sk-a']) {
    expect(identify(policy({ type: 'None' }), credential)).toEqual({
      tenant: 'anonymous',
      countKey: undefined,
    });
  }
});
