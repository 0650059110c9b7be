/**
 * The Lease in the API server, as one contender sees and writes it. It remembers what it saw and since when, and what
 * it sent without hearing whether that arrived; it decides nothing.
 */
import type { KubeClient } from './kube-client.ts';
import type { KubeClock } from './kube-clock.ts';
import { KubeError } from './kube-error.ts';
import { apiPath } from './kube-path.ts';
import { sighted, type LeaseRecord, type Sighting } from './lease-decision.ts';
import { hasOwner, withOwner, type OwnerReference } from './owner-reference.ts';
import { leaseBody, toLeaseObject, type LeaseObject } from './lease-object.ts';

export interface LeaseAtServerOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Of a Lease that is created. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Of the Lease, as far as it is known by now; undefined: none, and those that it has stay. */
  readonly owner?: (() => OwnerReference | undefined) | undefined;
  /** It may not have its owner. Called once. */
  readonly onUnowned?: (error: unknown) => void;
  /** Of a record that says nothing about it. */
  readonly durationMs: number;
  /** Of each request. */
  readonly timeoutMs: number;
  readonly clock: KubeClock;
  readonly onHolder: (holder: string) => void;
}

/** Records of ours of which nothing was heard: more than a leader can send before its time is up. */
const MAX_UNHEARD = 8;

export class LeaseAtServer {
  readonly #options: LeaseAtServerOptions;
  readonly #collection: string;
  readonly #path: string;
  #seen: Sighting | undefined;
  #written: LeaseObject | undefined;
  #ours: readonly LeaseRecord[] = [];
  /** Of the Lease that is there: another attempt would be one request too many, each time. */
  #isOwnerRefused = false;

  constructor(options: LeaseAtServerOptions) {
    this.#options = options;
    const { namespace, name } = options;
    const place = { group: 'coordination.k8s.io', version: 'v1', namespace, resource: 'leases' };
    this.#collection = apiPath(place);
    this.#path = apiPath({ ...place, name });
  }

  /** The record that was there last, ours included, and since when. */
  get seen(): Sighting | undefined {
    return this.#seen;
  }

  /** The Lease as our last write left it. */
  get written(): LeaseObject | undefined {
    return this.#written;
  }

  /** Records of ours that may be there: the last that has arrived, and those sent since of which nothing was heard. */
  get ours(): readonly LeaseRecord[] {
    return this.#ours;
  }

  /**
   * The Lease as it is now; undefined: there is none.
   * @throws KubeError; TypeError for an answer that is no Lease.
   */
  async look(signal: AbortSignal): Promise<LeaseObject | undefined> {
    try {
      const json = await this.#request('GET', this.#path, undefined, signal);
      const object = toLeaseObject(json, this.#options.durationMs);
      this.#see(object.record);
      return object;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** Creates it; false: somebody else was faster. @throws as `look`. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<boolean> {
    const { name, namespace, labels } = this.#options;
    this.#isOwnerRefused = false; // what is new may be made with its owner
    const metadata = this.#owned({ name, namespace, ...(labels !== undefined && { labels }) });
    return this.#write('POST', this.#collection, metadata, record, signal);
  }

  /** Replaces the record of what was read; false: it is not as it was read any more. @throws as `look`. */
  async replace({ metadata }: LeaseObject, record: LeaseRecord, signal: AbortSignal): Promise<boolean> {
    const owned = this.#owned(metadata);
    try {
      return await this.#write('PUT', this.#path, owned, record, signal);
    } catch (error) {
      if (owned === metadata || statusOf(error) !== 403) throw error;
      const isWritten = await this.#write('PUT', this.#path, metadata, record, signal);
      this.#isOwnerRefused = true;
      this.#options.onUnowned?.(error);
      return isWritten;
    }
  }

  /** The same, if there is nothing to add. */
  #owned(metadata: LeaseObject['metadata']): LeaseObject['metadata'] {
    const owner = this.#isOwnerRefused ? undefined : this.#options.owner?.();
    const references = metadata['ownerReferences'];
    if (owner === undefined || hasOwner(references, owner)) return metadata;
    return { ...metadata, ownerReferences: withOwner(references, owner) };
  }

  async #write(
    method: 'POST' | 'PUT',
    path: string,
    metadata: LeaseObject['metadata'],
    record: LeaseRecord,
    signal: AbortSignal,
  ): Promise<boolean> {
    const before = this.#ours;
    this.#ours = [...before.slice(-MAX_UNHEARD), record];
    try {
      const json = await this.#request(method, path, leaseBody(metadata, record), signal);
      this.#written = toLeaseObject(json, this.#options.durationMs);
    } catch (error) {
      const status = statusOf(error);
      // From an answer like these it is certain that nothing was written.
      if (status !== undefined && status >= 400 && status < 500) this.#ours = before;
      // what was read is gone; of what is to be made, it is its namespace that is not there
      if (status === 409 || (status === 404 && method === 'PUT')) return false;
      throw error;
    }
    // Whatever is still under way was meant for an older version, and will be refused.
    this.#ours = [record];
    this.#see(record);
    return true;
  }

  #request(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { client, timeoutMs } = this.#options;
    return client.request({ method, path, signal, timeoutMs, ...(body !== undefined && { body }) });
  }

  #see(record: LeaseRecord): void {
    const before = this.#seen;
    this.#seen = sighted(before, record, this.#options.clock.now());
    if (before?.record.holder !== record.holder) this.#options.onHolder(record.holder);
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof KubeError ? error.status : undefined;
}
