import { describe, expect, test } from '@jest/globals';
import { relayedQuery } from '../../../src/client/relayed-query.ts';

const NONE: ReadonlySet<string> = new Set();
const CHATGPT = { dialect: 'ChatGPT' } as const;

describe('the client’s version', () => {
  test.each([
    ['client_version=0.169.0', 'client_version=0.169.0'],
    ['other=1&client_version=0.169.0-alpha.3%2B', ''],
    ['other=1&client_version=0.169.0-alpha_3', 'client_version=0.169.0-alpha_3'],
    ['client_version=1&client_version=2', 'client_version=1'],
    ['client_version=', ''],
    ['client_version=%20evil', ''],
    [`client_version=${'1'.repeat(65)}`, ''],
    ['Client_Version=1', ''],
    ['', ''],
  ])('reaches the model list of ChatGPT logins: of %j remains %j', (query, expected) => {
    expect(relayedQuery(query, NONE, CHATGPT, '/models')).toBe(expected);
  });

  test('reaches nobody else', () => {
    expect(relayedQuery('client_version=1', NONE, { dialect: 'OpenAI' }, '/models')).toBe('');
    expect(relayedQuery('client_version=1', NONE, CHATGPT, '/responses/compact')).toBe('');
  });

  test('stands once where the route allows it by name, with what else that allows', () => {
    const allow = new Set(['client_version', 'a']);
    expect(relayedQuery('a=1&client_version=2&b=3', allow, CHATGPT, '/models')).toBe('a=1&client_version=2');
    expect(relayedQuery('a=1&client_version=2&b=3', new Set(['a']), CHATGPT, '/models')).toBe(
      'a=1&client_version=2',
    );
  });
});
