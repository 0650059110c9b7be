/** The one Secret that bridges read: what is in it now, and writing it. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { pause } from '../pace.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeError } from '../kube/kube-error.ts';
import { apiPath } from '../kube/kube-path.ts';
import { labelsOf } from './own-labels.ts';
import type { OwnerAccounts } from './owner-accounts.ts';
import { SecretOwner } from './secret-owner.ts';
import type { WrittenSnapshot } from '../reconcile/programmed.ts';
import { unpackSnapshotSlowly } from '../route/packed-snapshot.ts';
import { versionOf } from '../route/route-groups.ts';
import type { ServedRoute } from '../route/snapshot.ts';

/** Of the Secret; bridges and people tell it by that from Secrets of other kinds. */
export const SNAPSHOT_TYPE = 'turnbridge.dev/snapshot';
/** Who wrote a field, for the API server and for `kubectl apply`. */
const FIELD_MANAGER = 'turnbridge-operator';
/** A Secret holds 1 MiB, and text of routes shrinks to a tenth; what is larger than this is not ours. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

export interface SnapshotSecretOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  readonly bridgeName: string;
  readonly installation: string;
  /** Of this program. */
  readonly version: string;
  readonly owners: Pick<OwnerAccounts, 'find' | 'refused'>;
}

/** What is in the cluster. */
export type StoredSnapshot =
  | { readonly kind: 'absent' }
  | {
      /** Written by this installation, or by nobody yet. */
      readonly kind: 'ours';
      readonly resourceVersion: string;
      /** Undefined where it holds nothing that can be read; its version is empty where somebody changed it. */
      readonly written: WrittenSnapshot | undefined;
      /** What is in it; undefined unless it was unpacked just now. */
      readonly content: StoredContent | undefined;
    }
  | { readonly kind: 'foreign'; readonly sentence: string };

/** What bridges serve by a snapshot, and which hosts they refuse. */
export interface StoredContent {
  readonly served: readonly ServedRoute[];
  readonly closedHosts: readonly string[];
}

/** What is written. */
export interface NewSnapshot extends WrittenSnapshot {
  /** The text, compressed. */
  readonly gzip: Buffer;
  /** That of the Secret as it was read: another write in between is refused by the API server. Undefined: it is new. */
  readonly resourceVersion: string | undefined;
}

const ANNOTATIONS = {
  installation: 'turnbridge.dev/installation',
  version: 'turnbridge.dev/snapshot-version',
  generation: 'turnbridge.dev/snapshot-generation',
} as const;

const unzip = promisify(gunzip);

export class SnapshotSecret {
  /** `namespace/name`. */
  readonly id: string;
  readonly #options: SnapshotSecretOptions;
  readonly #path: string;
  /** What was written or unpacked last: the same bytes need not be unpacked again. */
  #known: { readonly digest: string; readonly written: WrittenSnapshot } | undefined;
  readonly #owner: SecretOwner;

  constructor(options: SnapshotSecretOptions) {
    const { namespace, name, owners } = options;
    this.#options = options;
    this.id = `${namespace}/${name}`;
    this.#path = apiPath({ version: 'v1', namespace, resource: 'secrets', name });
    this.#owner = new SecretOwner({ namespace, what: `Secret ${this.id}`, accounts: owners });
  }

  /** @throws KubeError */
  async read(signal: AbortSignal): Promise<StoredSnapshot> {
    try {
      const found = await this.#options.client.request({ method: 'GET', path: this.#path, signal });
      return await this.#toStored(found as SecretObject, signal);
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 404) throw error;
      await this.#owner.missed(signal);
      return { kind: 'absent' };
    }
  }

  /**
   * Writes by server-side apply.
   * @returns the Secret's new resourceVersion
   * @throws KubeError; 409 when it is not as it was read any more
   */
  async write(snapshot: NewSnapshot, signal: AbortSignal): Promise<string> {
    const resourceVersion = await this.#applyOwned(snapshot, signal);
    const { gzip, version, generation } = snapshot;
    this.#known = { digest: digestOf(gzip.toString('base64')), written: { version, generation } };
    return resourceVersion;
  }

  /** Without its owner, where that is what was refused. */
  async #applyOwned(snapshot: NewSnapshot, signal: AbortSignal): Promise<string> {
    const owner = this.#owner;
    try {
      return await this.#apply(snapshot, owner.wished, signal);
    } catch (error) {
      if (snapshot.resourceVersion === undefined || !owner.isToBlame(error)) throw error;
      const resourceVersion = await this.#apply(snapshot, owner.kept, signal);
      owner.giveUp(error); // not before: were it refused all the same, the owner had nothing to do with it
      return resourceVersion;
    }
  }

  /** @returns the new resourceVersion */
  async #apply(
    { gzip, version, generation, resourceVersion }: NewSnapshot,
    ownerReferences: readonly unknown[],
    signal: AbortSignal,
  ): Promise<string> {
    const { client, namespace, name, bridgeName, installation, version: programVersion } = this.#options;
    const applied = (await client.request({
      method: 'PATCH',
      path: this.#path,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      signal,
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          namespace,
          name,
          ...(resourceVersion !== undefined && { resourceVersion }),
          ...(ownerReferences.length > 0 && { ownerReferences }),
          labels: {
            ...labelsOf('snapshot', { installation, version: programVersion }),
            'turnbridge.dev/bridge': bridgeName,
          },
          annotations: {
            [ANNOTATIONS.installation]: installation,
            [ANNOTATIONS.version]: version,
            [ANNOTATIONS.generation]: String(generation),
          },
        },
        type: SNAPSHOT_TYPE,
        data: { snapshot: gzip.toString('base64') },
      },
    })) as SecretObject;
    this.#owner.written(ownerReferences);
    return applied.metadata.resourceVersion;
  }

  /** Why it is none of ours, in words; undefined: it is. */
  #strangenessOf({ type, metadata }: SecretObject): string | undefined {
    const owner = metadata.annotations?.[ANNOTATIONS.installation];
    if (type !== SNAPSHOT_TYPE) {
      return `Secret ${this.id} is none of an operator's (its type is ${type ?? 'Opaque'}, not ${SNAPSHOT_TYPE}): delete it, or write another name with --snapshot-secret`;
    }
    if (owner !== undefined && owner !== this.#options.installation) {
      return `Secret ${this.id} belongs to the operator installation ${owner}, and this one is ${this.#options.installation}: stop one of the two, or give this one a bridge name and a Secret of its own (--bridge-name, --snapshot-secret)`;
    }
    return undefined;
  }

  async #toStored(secret: SecretObject, signal: AbortSignal): Promise<StoredSnapshot> {
    const { metadata, data } = secret;
    const sentence = this.#strangenessOf(secret);
    if (sentence !== undefined) return { kind: 'foreign', sentence };
    await this.#owner.found(metadata.ownerReferences, signal);
    const value = data?.['snapshot'] ?? '';
    const annotations = metadata.annotations ?? {};
    const { resourceVersion } = metadata;
    const digest = digestOf(value);
    const isKnown = digest === this.#known?.digest;
    const unpacked = isKnown ? undefined : await unpack(value);
    const read = isKnown ? this.#known?.written : unpacked?.written;
    this.#known = read && { digest, written: read };
    const told = Number(annotations[ANNOTATIONS.generation]);
    const generation = Math.max(Number.isSafeInteger(told) ? told : 0, read?.generation ?? 0);
    // nothing that a bridge could read either: it is written anew, and so is what was changed by hand, or has no owner yet
    const isSound =
      read !== undefined && read.version === annotations[ANNOTATIONS.version] && this.#owner.isRight;
    const version = isSound ? read.version : '';
    const written = isSound || generation > 0 ? { version, generation } : undefined;
    return { kind: 'ours', resourceVersion, written, content: unpacked };
  }
}

interface SecretObject {
  readonly type?: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: unknown;
  };
  readonly data?: Readonly<Record<string, string>>;
}

interface Unpacked extends StoredContent {
  /** By the content itself, not by what the text says of it: somebody may have changed one of the two. */
  readonly written: WrittenSnapshot;
}

/** Undefined: nothing that can be read. */
async function unpack(value: string): Promise<Unpacked | undefined> {
  try {
    const text = await unzip(Buffer.from(value, 'base64'), { maxOutputLength: MAX_TEXT_BYTES });
    const { served, snapshot, generation } = await unpackSnapshotSlowly(text.toString('utf8'), pause);
    for (const route of served) {
      versionOf([route]); // what it hashes is remembered there
      await pause();
    }
    const closedHosts = [...snapshot.closedHosts];
    return { written: { version: versionOf(served, closedHosts), generation }, served, closedHosts };
  } catch {
    return undefined;
  }
}

function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}
