import { expect, test } from '@jest/globals';
import { chooseRoutes } from '../../../src/operator/choose-routes.ts';
import { installationIdOf } from '../../../src/operator/installation-id.ts';
import { readEntries } from '../../../src/operator/reference-entries.ts';
import type { Readability } from '../../../src/operator/readability.ts';
import type { ObservedRoute } from '../../../src/reconcile/observed-route.ts';
import type { ServedRoute } from '../../../src/route/snapshot.ts';

function route(key: string, generation = 1, uid = `uid of ${key}`): ObservedRoute {
  const [namespace = '', name = ''] = key.split('/');
  const resource = `${key} ${generation}`;
  return { key, namespace, name, generation, uid, resource, references: key } as unknown as ObservedRoute;
}

function served(key: string): ServedRoute {
  return { hostnames: ['*'], paths: [''], compiled: { id: key } } as unknown as ServedRoute;
}

type States = Readonly<Record<string, Readability>>;

/** @param states By namespace, or by one form of a route: `ai/b 2`. */
function choose(
  current: readonly ObservedRoute[],
  before: { readonly routes?: readonly ObservedRoute[]; readonly served?: readonly string[] },
  states: States,
  wrong: readonly string[] = [],
) {
  const { routes } = before;
  return chooseRoutes(
    current,
    {
      routes: routes && new Map(routes.map((each) => [each.key, each])),
      served: new Map(before.served?.map((key) => [key, served(key)])),
    },
    ({ namespace, resource }) =>
      states[resource as unknown as string] ?? states[namespace] ?? ({ kind: 'known' } as const),
    ({ key }) => wrong.includes(key),
  );
}

const AWAITED = { ai: { kind: 'awaited' } } as const;
const UNREADABLE = { ai: { kind: 'unreadable', sentence: 'no list there' } } as const;
const here = route('team/a');
const there = route('ai/b');

test('at first all routes wait for what any of them refers to', () => {
  expect(choose([here, there], {}, AWAITED)).toBeUndefined();
  expect(choose([here, there], { served: ['ai/b'] }, AWAITED)).toBeUndefined();
});

test('later a new route waits alone', () => {
  expect(choose([here, there], { routes: [here] }, AWAITED)?.routes).toEqual([here]);
});

test('a changed route stays as it was until what it refers to now is known', () => {
  const changed = route('ai/b', 2);
  const before = { routes: [here, there], served: ['team/a', 'ai/b'] };
  const states = { 'ai/b 2': AWAITED.ai };
  expect(choose([here, changed], before, states)).toMatchObject({ routes: [here, there], held: new Map() });
  expect(choose([here, changed], before, {})?.routes).toEqual([here, changed]);
});

test('a route made anew has nothing from the one before it', () => {
  const anew = route('ai/b', 1, 'another');
  const before = { routes: [there], served: ['ai/b'] };
  expect(choose([anew], before, AWAITED)?.routes).toEqual([]);
  expect(choose([anew], before, UNREADABLE)).toMatchObject({
    doubts: new Map([['ai/b', { sentence: 'no list there', effect: 'GoesWithout' }]]),
    held: new Map(),
  });
});

test('what cannot be read goes on as an earlier process left it, and that is said', () => {
  expect(choose([here, there], { served: ['ai/b'] }, UNREADABLE)).toEqual({
    routes: [here, there],
    doubts: new Map([['ai/b', { sentence: 'no list there', effect: 'ServedAsItWas' }]]),
    held: new Map([['ai/b', served('ai/b')]]),
    untold: new Set(),
  });
});

test('what was never served goes without, and that is said', () => {
  expect(choose([here, there], {}, UNREADABLE)).toEqual({
    routes: [here, there],
    doubts: new Map([['ai/b', { sentence: 'no list there', effect: 'GoesWithout' }]]),
    held: new Map(),
    untold: new Set(),
  });
});

test('a route that is seen late goes on as it was, and nothing is said of it until it is known what it refers to', () => {
  expect(choose([here, there], { routes: [here], served: ['ai/b'] }, AWAITED)).toEqual({
    routes: [here, there],
    doubts: new Map(),
    held: new Map([['ai/b', served('ai/b')]]),
    untold: new Set(['ai/b']),
  });
});

test('a changed route whose new Secret cannot be read is served in its earlier form, and said of the new one', () => {
  const changed = route('ai/b', 2);
  const states = { 'ai/b 2': UNREADABLE.ai };
  const chosen = choose([changed], { routes: [there], served: ['ai/b'] }, states);
  expect(chosen?.routes).toEqual([{ ...changed, resource: there.resource, references: there.references }]);
  expect(chosen?.doubts.get('ai/b')?.effect).toBe('ServedAsItWas');
  expect(chosen?.held.size).toBe(0);
});

test('a route with a mistake of its own is refused, whatever cannot be read', () => {
  const changed = route('ai/b', 2);
  const states = { 'ai/b 2': UNREADABLE.ai };
  const chosen = choose([changed], { routes: [there], served: ['ai/b'] }, states, ['ai/b']);
  expect(chosen).toMatchObject({ routes: [changed], held: new Map() });
});

test('what was read once counts while it cannot be read any more, and that is said', () => {
  const stale = { ai: { kind: 'stale', sentence: 'no list any more' } } as const;
  expect(choose([there], { routes: [there], served: ['ai/b'] }, stale)).toEqual({
    routes: [there],
    doubts: new Map([['ai/b', { sentence: 'no list any more', effect: 'LastRead' }]]),
    held: new Map(),
    untold: new Set(),
  });
});

test('of a Secret only the entries that are named are kept', () => {
  const data = { apiKey: btoa('one'), other: btoa('two') };
  const kept = readEntries('Secret', { data }, new Set(['apiKey']));
  expect([...kept].map(([name, value]) => [name, value.reveal()])).toEqual([['apiKey', 'one']]);
  expect([...readEntries('Secret', { data }, 'All').keys()]).toEqual(['apiKey', 'other']);
  expect(readEntries('Secret', { data: null }, 'All').size).toBe(0);
  expect(
    readEntries('ConfigMap', { data: { 'ca.crt': 'PEM' } }, 'All')
      .get('ca.crt')
      ?.reveal(),
  ).toBe('PEM');
});

test('replicas of an installation have one name, and every other installation has another', () => {
  const about = { lease: 'tb/turnbridge-operator', snapshotSecret: 'tb/snapshot', bridgeName: 'default' };
  const id = installationIdOf(about);
  expect(id).toMatch(/^tb-[0-9a-f]{12}$/);
  expect(installationIdOf({ ...about })).toBe(id);
  for (const field of ['lease', 'snapshotSecret', 'bridgeName'] as const)
    expect(installationIdOf({ ...about, [field]: 'x' })).not.toBe(id);
});
