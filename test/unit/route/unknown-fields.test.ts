/** A resource's definition may be newer than the operator: its defaults then stand in every object. */
import { expect, test } from '@jest/globals';
import { checkResource } from '../../../src/route/check-resource.ts';
import { formatPath } from '../../../src/route/problem.ts';
import { API_VERSION, KIND } from '../../../src/route/resource.ts';

const known = {
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'r', namespace: 'ai' },
  spec: { providers: [{ name: 'a', url: 'https://a.example.com' }] },
};
const newer = {
  ...known,
  spec: {
    ...known.spec,
    retries: { mode: 'Auto' },
    clients: { auth: { type: 'None', quota: 7 } },
    providers: [{ ...known.spec.providers[0], region: 'eu' }],
  },
};

test('a field that this version does not know takes no route away, and a warning says that it does not count', () => {
  const { route, problems } = checkResource(newer, 'Dropped');
  expect(route?.spec.clients.auth).toEqual({ type: 'None' });
  expect(route?.spec.providers[0]).not.toHaveProperty('region');
  expect(new Set(problems.map(({ severity, path }) => `${severity} ${formatPath(path)}`))).toEqual(
    new Set(['warning spec.clients.auth.quota', 'warning spec.providers[0].region', 'warning spec.retries']),
  );
});

test('what is wrong besides is told all the same', () => {
  const { route, problems } = checkResource(
    { ...newer, spec: { ...newer.spec, hostnames: ['a/b'] } },
    'Dropped',
  );
  expect(route).toBeUndefined();
  expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(1);
});

test('in a file it is a typing mistake', () => {
  expect(checkResource(newer).route).toBeUndefined();
  expect(checkResource(newer).problems.every(({ severity }) => severity === 'error')).toBe(true);
});

test('what was given is not changed', () => {
  const before = structuredClone(newer);
  checkResource(newer, 'Dropped');
  expect(newer).toEqual(before);
});
