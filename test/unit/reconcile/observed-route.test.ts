import { describe, expect, test } from '@jest/globals';
import { compareAge, observeRoute } from '../../../src/reconcile/observed-route.ts';
import { KEYED, observe, OPEN, openSpec, routeObject, TEAMS } from './cluster.ts';

describe('a route as the API server gives it', () => {
  test('is judged by its spec: what the cluster adds to metadata is no mistake', () => {
    const { key, resource, bridgeName, generation } = observe({
      key: 'ai/coding',
      generation: 3,
      spec: openSpec(),
    });
    expect(resource.problems).toEqual([]);
    expect({ key, bridgeName, generation }).toEqual({
      key: 'ai/coding',
      bridgeName: 'default',
      generation: 3,
    });
  });

  test('is judged too when its spec is broken or missing', () => {
    for (const spec of [undefined, null, 'text', { providers: 'none' }]) {
      const { resource, references } = observe({ key: 'ai/broken', spec });
      expect(resource.problems).not.toEqual([]);
      expect(references.secrets).toEqual([]);
    }
  });

  test.each([undefined, null, [], 'text', {}, { metadata: {} }])(
    'is refused with an error when it is no object of a cluster: %j',
    (object) => {
      expect(() => observeRoute(object)).toThrow(/metadata/);
    },
  );

  test('is refused without a creation time or a generation', () => {
    const object = routeObject({ key: 'ai/coding', spec: openSpec() });
    const without = (field: string) => ({ ...object, metadata: { ...object.metadata, [field]: undefined } });
    expect(() => observeRoute(without('creationTimestamp'))).toThrow('metadata.creationTimestamp');
    expect(() => observeRoute(without('generation'))).toThrow('route ai/coding has no creationTimestamp');
  });
});

test('a route is checked again when its spec changed, and not when its status did', () => {
  const known = observe({ key: 'ai/coding', spec: openSpec() });
  const again = (changes: object) => {
    const { metadata, ...object } = routeObject({
      key: 'ai/coding',
      spec: openSpec({ hostnames: ['a.example'] }),
    });
    return observeRoute({ ...object, metadata: { ...metadata, ...changes } }, known);
  };
  expect(again({ resourceVersion: '8' })).toMatchObject({ resourceVersion: '8', resource: known.resource });
  expect(again({ generation: 2 }).resource.sections.hostnames).toEqual(['a.example']);
  expect(again({ uid: 'of another one' }).resource.sections.hostnames).toEqual(['a.example']);
});

describe('what a route refers to', () => {
  test('is each Secret and ConfigMap once, with the entries that count', () => {
    const ca = (name: string, key: string) => ({ kind: 'ConfigMap', name, key });
    const { references } = observe({
      key: 'ai/coding',
      spec: {
        clients: TEAMS,
        providers: [
          KEYED,
          {
            ...KEYED,
            name: 'second',
            auth: { type: 'APIKey', secretRef: { name: 'openai', key: 'spare' } },
            tls: {
              caCertificateRefs: [
                ca('cas', 'a.pem'),
                ca('cas', 'b.pem'),
                { ...ca('cas', 'c'), kind: 'Secret' },
              ],
            },
          },
        ],
      },
    });
    expect(references.secrets.toSorted()).toEqual(['cas', 'openai', 'teams']);
    expect(references.configMaps).toEqual(['cas']);
    expect(references.secretEntries.get('openai')).toEqual(new Set(['apiKey', 'spare']));
    expect(references.secretEntries.get('cas')).toEqual(new Set(['c']));
    expect(references.configMapEntries.get('cas')).toEqual(new Set(['a.pem', 'b.pem']));
    expect(references.secretEntries.get('teams')).toBe('All');
  });

  test('is the whole Secret when clients and a provider name the same one', () => {
    const shared = { type: 'APIKey', secretRef: { name: 'teams' } };
    const { references } = observe({
      key: 'ai/coding',
      spec: { clients: { auth: shared }, providers: [{ ...KEYED, auth: shared }] },
    });
    expect(references.secrets).toEqual(['teams']);
    expect(references.secretEntries.get('teams')).toBe('All');
  });

  test('is nothing where auth says that no key counts', () => {
    const spec = openSpec({
      providers: [{ ...OPEN, auth: { type: 'None', secretRef: { name: 'unused' } } }],
    });
    expect(observe({ key: 'ai/coding', spec }).references.secrets).toEqual([]);
  });

  test('is told of a route with a mistake as well, as far as it is sound', () => {
    const spec = { clients: TEAMS, providers: [KEYED, { name: 'No Name' }] };
    const { resource, references } = observe({ key: 'ai/broken', spec });
    expect(resource.route).toBeUndefined();
    expect(references.secrets.toSorted()).toEqual(['openai', 'teams']);
  });
});

test('routes stand by age, and those of one second by namespace and name', () => {
  const keys = [
    { key: 'b/a', age: 5 },
    { key: 'a/z', age: 5 },
    { key: 'a/B', age: 5 },
    { key: 'z/z', age: 4 },
  ].map((route) => observe({ ...route, spec: openSpec() }));
  const sorted = keys.toSorted(compareAge).map(({ key }) => key);
  expect(sorted).toEqual(['z/z', 'a/B', 'a/z', 'b/a']);
  expect(
    keys
      .toReversed()
      .toSorted(compareAge)
      .map(({ key }) => key),
  ).toEqual(sorted);
});
