import { expect, test } from '@jest/globals';
import { chooseSubprotocol, parseProtocols } from '../../../src/client/subprotocol.ts';

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
])('of %j the first name is selected, never a value', (offered, name) => {
  expect(chooseSubprotocol(offered)).toEqual({ kind: 'selected', name });
});

test.each([
  [['openai-insecure-api-key.sk-1']],
  [['openai-insecure-api-key.']],
  [['openai-organization.o', 'openai-project.p']],
])('%j are values only: there is nothing to select', (offered) => {
  expect(chooseSubprotocol(offered)).toEqual({ kind: 'only-values' });
});
