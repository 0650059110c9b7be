import { expect, test } from '@jest/globals';
import { areOffers, chooseSubprotocol, keyAmong, parseProtocols } from '../../../src/client/subprotocol.ts';

test('offers are read in their order, white space and empty ones left out', () => {
  expect(parseProtocols(' realtime ,, openai-insecure-api-key.sk-1,')).toEqual([
    'realtime',
    'openai-insecure-api-key.sk-1',
  ]);
  expect(parseProtocols('')).toEqual([]);
  expect(parseProtocols(undefined)).toEqual([]);
});

test('nothing offered, nothing selected', () => {
  expect(chooseSubprotocol([])).toEqual({ kind: 'none' });
});

test.each([
  [['realtime', 'openai-insecure-api-key.sk-1'], 'realtime'],
  [['openai-insecure-api-key.sk-1', 'openai-beta.responses.v1'], 'openai-beta.responses.v1'],
  [
    ['openai-organization.o', 'openai-project.p', 'openai-insecure-api-key.sk-1', 'realtime', 'other'],
    'realtime',
  ],
  [['openai-insecure-api-key'], 'openai-insecure-api-key'],
  [['OpenAI-Insecure-Api-Key.sk-1', 'xai-client-secret.x', 'OPENAI-PROJECT.p', 'realtime'], 'realtime'],
  [['rt_0123456789012345678901234567890', 'name.0123456789abcdef0123456789abcdef', 'realtime'], 'realtime'],
  [['aws.long-names-of-others.v1-2026-11-21'], 'aws.long-names-of-others.v1-2026-11-21'],
])('of %j the first name is selected, never a value', (offered, name) => {
  expect(chooseSubprotocol(offered)).toEqual({ kind: 'selected', name });
});

test.each([
  [['openai-insecure-api-key.sk-1']],
  [['openai-insecure-api-key.']],
  [['openai-organization.o', 'openai-project.p']],
  [['xai-client-secret.k']],
])('%j are values only: there is nothing to select', (offered) => {
  expect(chooseSubprotocol(offered)).toEqual({ kind: 'only-values' });
});

test.each([
  [['realtime', 'openai-insecure-api-key.sk-1'], 'sk-1'],
  [['OpenAI-Insecure-Api-Key.Sk-1'], 'Sk-1'],
  [['xai-client-secret.x-1', 'realtime'], 'x-1'],
  [['realtime', 'openai-project.p'], undefined],
])('the key among %j is %s', (offered, key) => {
  expect(keyAmong(offered)).toBe(key);
});

test.each([
  ['realtime', true],
  ['realtime, other', true],
  ['realtime ,\tother', true],
  ["!#$%&'*+.^_`|~-", true],
  ['realtime, realtime', false],
  ['Realtime, realtime', true],
  ['realtime, b@d()', false],
  ['a b, realtime', false],
  ['realtime,', false],
  ['', false],
  ['ünicode', false],
])('the header %j is one that WebSocket libraries take: %s', (header, expected) => {
  expect(areOffers(header)).toBe(expected);
});
