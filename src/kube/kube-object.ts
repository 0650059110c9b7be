/** Objects as the API server sends them: what is certain about each of them, and no more. */
import { localError } from './kube-error.ts';

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

export interface KubeMetadata {
  readonly name: string;
  /** Undefined of objects of the cluster. */
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** See owner-reference.ts. */
  readonly ownerReferences?: unknown;
}

/** One page of a list. */
export interface KubeList {
  readonly resourceVersion: string;
  /** Empty on the last page. */
  readonly continue: string;
  readonly items: readonly KubeObject[];
}

/** `namespace/name`; of objects of the cluster their name. */
export function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** @throws KubeError Malformed */
export function toKubeObject(what: string, value: unknown): KubeObject {
  const { name, uid, resourceVersion, namespace } = metadataOf(value);
  const isWhole =
    isText(name) &&
    isText(uid) &&
    isText(resourceVersion) &&
    (namespace === undefined || typeof namespace === 'string');
  if (!isWhole) throw localError(what, 'Malformed', 'an object has no name, uid or resourceVersion');
  return value as KubeObject;
}

/** The resourceVersion of anything that has one: a list, a bookmark. @throws KubeError Malformed */
export function versionOf(what: string, value: unknown): string {
  const { resourceVersion } = metadataOf(value);
  if (!isText(resourceVersion)) throw localError(what, 'Malformed', 'an answer has no resourceVersion');
  return resourceVersion;
}

/** @throws KubeError Malformed */
export function toKubeList(what: string, value: unknown): KubeList {
  const resourceVersion = versionOf(what, value);
  const next = metadataOf(value)['continue'];
  const { items } = value as { readonly items?: unknown };
  // Go writes an empty list as null.
  if (items !== null && !Array.isArray(items)) throw localError(what, 'Malformed', 'a list has no items');
  return {
    resourceVersion,
    continue: isText(next) ? next : '',
    items: ((items ?? []) as unknown[]).map((item) => toKubeObject(what, item)),
  };
}

function metadataOf(value: unknown): Readonly<Record<string, unknown>> {
  const { metadata } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly metadata?: unknown;
  };
  return typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
