import { expect, test } from '@jest/globals';
import { apiPath } from '../../../src/kube/kube-path.ts';

test('paths have all the parts that are given, in their order', () => {
  expect(apiPath({ version: 'v1', resource: 'secrets' })).toBe('/api/v1/secrets');
  expect(apiPath({ version: 'v1', namespace: 'ai', resource: 'secrets', name: 'a.b' })).toBe(
    '/api/v1/namespaces/ai/secrets/a.b',
  );
  const route = {
    group: 'turnbridge.dev',
    version: 'v1alpha1',
    namespace: 'ai',
    resource: 'responsesroutes',
    name: 'x',
  };
  expect(apiPath({ ...route, subresource: 'status' })).toBe(
    '/apis/turnbridge.dev/v1alpha1/namespaces/ai/responsesroutes/x/status',
  );
});

test.each([
  '',
  '.',
  '..',
  '../x',
  'a/b',
  'a%2Fb',
  'a?b',
  'a#b',
  'A',
  'a b',
  '-a',
  'a-',
  'a..b',
  'é',
  'a\n',
  'a'.repeat(254),
])('an object cannot be called %j', (name) => {
  expect(() => apiPath({ version: 'v1', namespace: 'ai', resource: 'secrets', name })).toThrow(
    /cannot be a name: /,
  );
});

test.each(['', 'a.b', '..', 'a/b', 'a'.repeat(64)])('a namespace cannot be called %j', (namespace) => {
  expect(() => apiPath({ version: 'v1', namespace, resource: 'secrets' })).toThrow(/cannot be a namespace: /);
});

test('a subresource without an object, and anything strange in the other parts, is refused', () => {
  expect(() => apiPath({ version: 'v1', resource: 'pods', subresource: 'log' })).toThrow('needs the name');
  expect(() => apiPath({ version: '../v1', resource: 'pods' })).toThrow('version');
  expect(() => apiPath({ group: 'a/b', version: 'v1', resource: 'pods' })).toThrow('group');
  expect(() => apiPath({ version: 'v1', resource: 'pods?watch=1' })).toThrow('resource');
});

test('a refusal shows so much of the name that it can be recognised, and no more', () => {
  const name = `${'x'.repeat(5000)}/`;
  expect(() => apiPath({ version: 'v1', resource: 'pods', name })).toThrow(/^.{60,250}$/);
});
