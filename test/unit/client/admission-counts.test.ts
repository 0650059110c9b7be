import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { AdmissionCounts, groupKeyOf, type Place } from '../../../src/client/admission-counts.ts';
import type { RouteGroup } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { aGroup } from '../turn/turn-setup.ts';

function group(
  hostname: string,
  maxConnections: number | undefined,
  maxConnectionsPerClient = 64,
): RouteGroup {
  const route = aRoute();
  const limits = { ...route.limits, maxConnections, maxConnectionsPerClient };
  return { ...aGroup({ ...route, limits }), hostname };
}

function take(counts: AdmissionCounts, where: RouteGroup, client?: string): Place {
  const place = counts.enter(where, client);
  if (typeof place === 'string') throw new Error(`refused: ${place}`);
  return place;
}

test('each limit refuses one more, in the order process, group, client; a place that is left is free', () => {
  const counts = new AdmissionCounts(4);
  const small = group('a.test', 3, 2);
  const first = take(counts, small, 'k');
  take(counts, small, 'k');
  expect(counts.enter(small, 'k')).toBe('client');
  take(counts, small, 'other');
  expect(counts.enter(small, 'k')).toBe('group');
  take(counts, group('b.test', undefined), 'k');
  expect(counts.enter(small, 'k')).toBe('process');
  expect(counts.total).toBe(4);
  first.leave();
  expect(counts.total).toBe(3);
  take(counts, small, 'k');
});

test('a refusal counts nothing', () => {
  const counts = new AdmissionCounts(10);
  const one = group('a.test', undefined, 1);
  take(counts, one, 'k');
  for (let n = 0; n < 5; n++) expect(counts.enter(one, 'k')).toBe('client');
  expect(counts.total).toBe(1);
});

test('a place that is left twice is given back once', () => {
  const counts = new AdmissionCounts(10);
  const place = take(counts, group('a.test', 1));
  take(counts, group('b.test', 1));
  place.leave();
  place.leave();
  expect(counts.total).toBe(1);
});

test('clients that nothing tells apart share no limit of their own', () => {
  const counts = new AdmissionCounts(10);
  const one = group('a.test', undefined, 1);
  for (let n = 0; n < 10; n++) take(counts, one);
  expect(counts.total).toBe(10);
});

test('one key is counted in each group by itself', () => {
  const counts = new AdmissionCounts(10);
  take(counts, group('a.test', undefined, 1), 'k');
  take(counts, group('b.test', undefined, 1), 'k');
  expect(counts.enter(group('a.test', undefined, 1), 'k')).toBe('client');
});

test('a group is the same group when its routes and limits change', () => {
  const counts = new AdmissionCounts(10);
  take(counts, group('a.test', 5));
  expect(counts.enter(group('a.test', 1), 'k')).toBe('group');
  expect(groupKeyOf(group('a.test', 1))).toBe('a.test/v1');
});

test('whoever comes and goes, the counts are those who are there', () => {
  const step = fc.record({
    host: fc.constantFrom('a.test', 'b.test'),
    client: fc.constantFrom(undefined, 'k', 'l'),
    leave: fc.option(fc.nat(9), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const counts = new AdmissionCounts(6);
      const there: { readonly place: Place; readonly host: string; readonly client: string | undefined }[] =
        [];
      for (const { host, client, leave } of steps) {
        if (leave !== undefined) {
          there.splice(leave % Math.max(1, there.length), 1)[0]?.place.leave();
          continue;
        }
        const inGroup = there.filter((one) => one.host === host);
        const ofClient = inGroup.filter((one) => client !== undefined && one.client === client);
        const expected =
          there.length >= 6
            ? 'process'
            : inGroup.length >= 4
              ? 'group'
              : ofClient.length >= 2
                ? 'client'
                : 'in';
        const place = counts.enter(group(host, 4, 2), client);
        expect(typeof place === 'string' ? place : 'in').toBe(expected);
        if (typeof place !== 'string') there.push({ place, host, client });
        expect(counts.total).toBe(there.length);
      }
    }),
    { numRuns: 300 },
  );
});
