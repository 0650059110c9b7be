import { describe, expect, test } from '@jest/globals';
import { cutNote, eventBody, eventName, eventNamespace } from '../../../src/kube/event-note.ts';
import type { EventNote } from '../../../src/kube/event-note.ts';

const regarding = {
  apiVersion: 'turnbridge.dev/v1alpha1',
  kind: 'ResponsesRoute',
  namespace: 'ai',
  name: 'codex',
  uid: 'u-1',
  resourceVersion: '7',
};
const note: EventNote = {
  regarding,
  type: 'Warning',
  reason: 'SecretNotFound',
  action: 'Compile',
  note: 'create it',
};
const reporter = { reportingController: 'turnbridge.dev/operator', reportingInstance: 'operator-0' };
const at = 1_760_000_000_123_456;

describe('a note', () => {
  test('of a kilobyte is told whole', () => {
    expect(cutNote('a'.repeat(1024))).toBe('a'.repeat(1024));
  });

  test.each(['a', 'é', '€', '😀'])('of too many %p is cut between two of them, and says so', (character) => {
    for (let before = 0; before < 4; before++) {
      const cut = cutNote('x'.repeat(before) + character.repeat(1025));
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
      expect(Buffer.byteLength(cut)).toBeGreaterThan(1024 - 4);
      expect(cut).toMatch(new RegExp(`^x*${character}+…$`, 'u'));
    }
  });
});

describe('a name', () => {
  test('is the object and the time, as client-go gives it', () => {
    expect(eventName('codex', at)).toBe('codex.186cc6acdc0bca00');
    expect(BigInt('0x186cc6acdc0bca00')).toBe(1_760_000_000_123_456_000n);
  });

  test('of an object with the longest name is a name too', () => {
    const name = eventName(`${'a'.repeat(235)}.-.${'b'.repeat(15)}`, at);
    expect(name.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  });
});

test('an event lives beside its object; one about an object of the cluster in `default`', () => {
  expect(eventNamespace(regarding)).toBe('ai');
  const { namespace: _, ...ofCluster } = regarding;
  expect(eventNamespace(ofCluster)).toBe('default');
});

test('what is sent has all that the API server asks for, and the reporter cut to what it accepts', () => {
  const pod = `operator-${'x'.repeat(200)}`;
  expect(eventBody('n', note, { ...reporter, reportingInstance: pod }, at, undefined)).toEqual({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'n', namespace: 'ai' },
    eventTime: '2025-10-09T08:53:20.123456Z',
    reportingController: 'turnbridge.dev/operator',
    reportingInstance: pod.slice(0, 128),
    action: 'Compile',
    reason: 'SecretNotFound',
    regarding,
    note: 'create it',
    type: 'Warning',
  });
  expect(eventBody('n', note, reporter, at, { count: 3, lastMicros: at + 1 })).toMatchObject({
    series: { count: 3, lastObservedTime: '2025-10-09T08:53:20.123457Z' },
  });
});
