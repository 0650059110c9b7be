/** When the API server counts as back. */
import { expect, test } from '@jest/globals';
import type { LeaseFact } from '../../../src/kube/lease-facts.ts';
import { Recovery } from '../../../src/operator/recovery.ts';

type Tried = LeaseFact & { kind: 'lease.tried' };

function tried(result: Tried['result']): Tried {
  return { kind: 'lease.tried', lease: 'operator', result, seconds: 0.01 };
}

test('the API server is back with the first looks at the Lease that succeed after one that did not, whoever holds it', () => {
  const told: number[] = [];
  let looks = 0;
  const recovery = new Recovery(() => told.push(looks));
  const results = [
    ...(['taken', 'renewed'] as const),
    ...(['error', 'error', 'held', 'held', 'held', 'held', 'held', 'held'] as const),
    ...(['error', 'conflict', 'error', 'renewed', 'renewed', 'created', 'taken', 'renewed'] as const),
  ];
  for (const result of results) {
    looks += 1;
    recovery.hear(tried(result));
    recovery.hear({ kind: 'lease.holder', lease: 'operator', holder: 'b' });
    recovery.hear({ kind: 'lease.changed', lease: 'operator', state: 'lost', why: 'it is late' });
  }
  expect(told).toEqual([5, 6, 7, 8, 12, 14, 15, 16, 17]);
});
