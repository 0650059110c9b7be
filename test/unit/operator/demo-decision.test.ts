import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/kube-object.ts';
import { decideDemo } from '../../../src/operator/demo-decision.ts';

const place = { name: 'demo-provider', namespace: 'ai' };
const service: KubeObject = {
  metadata: { name: 'demo-provider', namespace: 'ai', uid: 's-1', resourceVersion: '1' },
  spec: { ports: [{ port: 8788 }, { port: 9 }] },
};
const owner = { apiVersion: 'v1', kind: 'Service', name: 'demo-provider', uid: 's-1' };
const route: KubeObject = {
  metadata: {
    name: 'demo',
    namespace: 'ai',
    uid: 'r-1',
    resourceVersion: '1',
    labels: { 'app.kubernetes.io/managed-by': 'turnbridge-operator' },
    ownerReferences: [owner],
  },
};
const deletionTimestamp = '2026-01-01T00:00:00Z';

test('a Service without a route gets one, to its first port, which it owns', () => {
  expect(decideDemo({ ...place, service, route: undefined })).toEqual({
    kind: 'make',
    owner,
    url: 'http://demo-provider.ai.svc:8788/v1',
  });
});

test('a route that was made is left as it is', () => {
  expect(decideDemo({ ...place, service, route })).toEqual({ kind: 'there' });
});

test.each<[string, KubeObject | undefined, KubeObject | undefined, RegExp]>([
  ['no Service', undefined, undefined, /Service ai\/demo-provider \(--demo-provider\) is not there/],
  [
    'a Service that goes',
    { ...service, metadata: { ...service.metadata, deletionTimestamp } },
    undefined,
    /is not there/,
  ],
  ['a Service without ports', { ...service, spec: {} }, undefined, /has no port/],
  ['a route of ours that goes', service, { metadata: { ...route.metadata, deletionTimestamp } }, /made anew/],
  [
    'a route of an earlier Service',
    { ...service, metadata: { ...service.metadata, uid: 's-2' } },
    route,
    /made anew/,
  ],
])('%s is waited out', (_, there, made, sentence) => {
  const decision = decideDemo({ ...place, service: there, route: made });
  expect(decision).toMatchObject({ kind: 'wait', sentence: expect.stringMatching(sentence) });
});

test.each<[string, Partial<KubeObject['metadata']>]>([
  ['no label of ours', { labels: {} }],
  ['no owner', { ownerReferences: undefined }],
  ['another owner', { ownerReferences: [{ ...owner, name: 'another' }] }],
])('a route with %s is somebody else’s, with or without a Service', (_, metadata) => {
  const theirs = { metadata: { ...route.metadata, ...metadata } };
  for (const there of [service, undefined])
    expect(decideDemo({ ...place, service: there, route: theirs })).toMatchObject({ kind: 'leave' });
});
