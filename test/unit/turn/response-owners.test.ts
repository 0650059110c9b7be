import { expect, test } from '@jest/globals';
import { ResponseOwners } from '../../../src/turn/response-owners.ts';

const to = { route: 'default/r', tenant: 'h:1' };

test('who gave a response is known to its tenant, on its route, and to nobody else', () => {
  const owners = new ResponseOwners();
  owners.gave('resp_1', to, 'a');
  expect(owners.ownerOf('resp_1', to)).toBe('a');
  expect(owners.ownerOf('resp_1', { ...to, tenant: 'h:2' })).toBeUndefined();
  expect(owners.ownerOf('resp_1', { ...to, route: 'default/s' })).toBeUndefined();
  expect(owners.ownerOf('resp_2', to)).toBeUndefined();
});

test('the last one to have given it counts', () => {
  const owners = new ResponseOwners();
  owners.gave('resp_1', to, 'a');
  owners.gave('resp_1', to, 'b');
  expect(owners.ownerOf('resp_1', to)).toBe('b');
});

test('beyond the limit the one that was used longest ago is forgotten', () => {
  const owners = new ResponseOwners(2);
  owners.gave('resp_1', to, 'a');
  owners.gave('resp_2', to, 'a');
  owners.ownerOf('resp_1', to);
  owners.gave('resp_3', to, 'a');
  expect(['resp_1', 'resp_2', 'resp_3'].map((id) => owners.ownerOf(id, to))).toEqual(['a', undefined, 'a']);
});
