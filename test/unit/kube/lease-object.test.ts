import { expect, test } from '@jest/globals';
import {
  leaseBody,
  releasedRecord,
  renewedRecord,
  takenRecord,
  toLeaseObject,
} from '../../../src/kube/lease-object.ts';

const claim = { holder: 'operator-1', durationMs: 15_000, nowMicros: 1_760_000_000_123_456 };
const first = takenRecord(claim, undefined);

test('the first holder begins a term; the next one counts a transition more', () => {
  expect(first).toEqual({
    holder: 'operator-1',
    durationMs: 15_000,
    acquireTime: '2025-10-09T08:53:20.123456Z',
    renewTime: '2025-10-09T08:53:20.123456Z',
    transitions: 0,
  });
  expect(takenRecord({ ...claim, holder: 'operator-2' }, first)).toMatchObject({
    holder: 'operator-2',
    transitions: 1,
  });
});

test('a renewal changes the time and nothing else; leaving empties the holder and shortens the duration', () => {
  const renewed = renewedRecord({ ...claim, nowMicros: claim.nowMicros + 1 }, first);
  expect(renewed).toEqual({ ...first, renewTime: '2025-10-09T08:53:20.123457Z' });
  expect(releasedRecord(claim.nowMicros, renewed)).toMatchObject({
    holder: '',
    durationMs: 1000,
    transitions: 0,
  });
});

test('what is sent is read back as the same record, also where the duration is no whole second', () => {
  const odd = takenRecord({ ...claim, durationMs: 1500 }, undefined);
  const body = leaseBody({ name: 'x', namespace: 'ai', resourceVersion: '7' }, odd);
  expect(body).toMatchObject({ spec: { leaseDurationSeconds: 2, holderIdentity: 'operator-1' } });
  expect(toLeaseObject(body, 15_000).record).toEqual(odd);
});

test('labels, annotations and the version go back with an update, managed fields do not', () => {
  const metadata = { name: 'x', resourceVersion: '7', labels: { a: 'b' }, annotations: { c: 'd' } };
  const object = toLeaseObject({ metadata: { ...metadata, managedFields: [{}] }, spec: {} }, 15_000);
  expect(object.metadata).toEqual(metadata);
  expect(object.record).toEqual({
    holder: '',
    durationMs: 15_000,
    acquireTime: '',
    renewTime: '',
    transitions: 0,
  });
});

test.each([undefined, null, 'Lease', {}, { metadata: { name: 'x' } }, { metadata: null }])(
  '%p is no Lease, and refused as such',
  (json) => {
    expect(() => toLeaseObject(json, 15_000)).toThrow('something else where a Lease was expected');
  },
);
