/** The owner of a Lease: written with it, added to one that has none, and given up where it is refused. */
import { expect, test } from '@jest/globals';
import type { KubeClient, KubeRequest } from '../../../src/kube/kube-client.ts';
import { KubeError } from '../../../src/kube/kube-error.ts';
import { LeaseAtServer } from '../../../src/kube/lease-at-server.ts';
import type { LeaseRecord } from '../../../src/kube/lease-decision.ts';
import type { OwnerReference } from '../../../src/kube/owner-reference.ts';
import { manualClock } from '../../harness/clock.ts';

const owner: OwnerReference = { apiVersion: 'v1', kind: 'ServiceAccount', name: 'operator', uid: 'u-2' };
const record: LeaseRecord = {
  holder: 'a',
  durationMs: 15_000,
  acquireTime: '',
  renewTime: '',
  transitions: 0,
};
const { signal } = new AbortController();

interface Sent {
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A server that stores what it is sent, and may refuse a PUT that changes owners. */
class Server {
  readonly sent: unknown[] = [];
  readonly refusals: unknown[] = [];
  owner: OwnerReference | undefined = owner;
  refuses = false;
  #stored: Sent = { metadata: { resourceVersion: '1' } };

  lease(stored: Sent['metadata'] = {}): LeaseAtServer {
    this.#stored = { metadata: { resourceVersion: '1', ...stored } };
    return new LeaseAtServer({
      client: { request: (request: KubeRequest) => this.#answer(request) } as KubeClient,
      namespace: 'ai',
      name: 'lease',
      labels: undefined,
      owner: () => this.owner,
      onUnowned: (error) => void this.refusals.push(error),
      durationMs: 15_000,
      timeoutMs: 1000,
      clock: manualClock(0),
      onHolder: () => undefined,
    });
  }

  #answer({ method, body }: KubeRequest): Promise<unknown> {
    if (method === 'GET') return Promise.resolve({ ...this.#stored, spec: {} });
    const { metadata } = body as Sent;
    const { ownerReferences } = metadata;
    this.sent.push(ownerReferences);
    const isChanged =
      JSON.stringify(ownerReferences) !== JSON.stringify(this.#stored.metadata['ownerReferences']);
    if (method === 'PUT' && this.refuses && isChanged)
      return Promise.reject(new KubeError('forbidden', { status: 403 }));
    this.#stored = { metadata: { ...metadata, resourceVersion: '2' } };
    return Promise.resolve({ ...this.#stored, spec: {} });
  }
}

test('a Lease is created with its owner, once that is known', async () => {
  const server = new Server();
  server.owner = undefined;
  expect(await server.lease().create(record, signal)).toBe(true);
  server.owner = owner;
  expect(await server.lease().create(record, signal)).toBe(true);
  expect(server.sent).toEqual([undefined, [owner]]);
});

test('a renewal adds it, in place of one of its name that is gone, and leaves the others', async () => {
  const server = new Server();
  const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'operator', uid: 'u-9' };
  const lease = server.lease({ ownerReferences: [other, { ...owner, uid: 'u-1' }] });
  const found = await lease.look(signal);
  await lease.replace(found!, record, signal);
  await lease.replace(lease.written!, record, signal);
  expect(server.sent).toEqual([
    [other, owner],
    [other, owner],
  ]);
});

test('where it may not have one it is renewed without, in the same attempt, and asked for no more', async () => {
  const server = new Server();
  server.refuses = true;
  const lease = server.lease();
  expect(await lease.replace((await lease.look(signal))!, record, signal)).toBe(true);
  expect(await lease.replace(lease.written!, record, signal)).toBe(true);
  expect(server.sent).toEqual([[owner], undefined, undefined]);
  expect(server.refusals).toHaveLength(1);
});

test('when that one was deleted, as the log says, the next is made with its owner', async () => {
  const server = new Server();
  server.refuses = true;
  const lease = server.lease();
  await lease.replace((await lease.look(signal))!, record, signal);
  expect(await lease.create(record, signal)).toBe(true);
  expect(server.sent).toEqual([[owner], undefined, [owner]]);
});

test('a refusal that is not for the owner is what it was', async () => {
  const server = new Server();
  server.owner = undefined;
  server.refuses = true;
  const lease = server.lease({ ownerReferences: [owner] });
  const found = (await lease.look(signal))!;
  const stranger = { ...found, metadata: { ...found.metadata, ownerReferences: [] } };
  await expect(lease.replace(stranger, record, signal)).rejects.toMatchObject({ status: 403 });
  expect(server.refusals).toEqual([]);
});
