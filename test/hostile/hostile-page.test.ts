/** The limits that docs/reliability.md names against hostile input are there. */
import { expect, test } from '@jest/globals';
import { BRIDGE_FLAGS } from '../../cmd/bridge-flag-table.ts';
import { aRoute } from '../harness/compiled-route.ts';
import { namedFlags, namedLimits } from './hostile-page.ts';

test('each limit that the page names is a flag of the command or a field of a route', () => {
  expect(namedFlags()).not.toEqual([]);
  expect(Object.keys(BRIDGE_FLAGS)).toEqual(expect.arrayContaining(namedFlags()));
  expect(namedLimits()).not.toEqual([]);
  expect(Object.keys(aRoute().limits)).toEqual(expect.arrayContaining(namedLimits()));
});
