/** `manifests/rbac`, put into namespaces of a test's own, under names that nobody else in the cluster has. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { applyType } from './api.ts';
import type { Cluster } from './use-cluster.ts';

export type RbacFile =
  'operator' | 'operator-namespaced' | 'operator-sidecars' | 'operator-demo' | 'bridge' | 'users';

export interface RbacObject {
  readonly apiVersion: string;
  readonly kind: 'ServiceAccount' | 'Role' | 'RoleBinding' | 'ClusterRole' | 'ClusterRoleBinding';
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly RbacRule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace?: string }[];
}

export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What stands in the files for the reader's own namespaces. */
export interface RbacNamespaces {
  /** In place of `turnbridge`: of the operator and of the snapshot Secret. */
  readonly turnbridge: string;
  /** In place of `team-a`: a watched one, or one with sidecars. The first one by default. */
  readonly teamA?: string;
}

/** As they are. */
export async function readRbac(file: RbacFile): Promise<readonly RbacObject[]> {
  const path = join(import.meta.dirname, '../../manifests/rbac', `${file}.yaml`);
  return parseAllDocuments(await readFile(path, 'utf8')).map((document) => document.toJS() as RbacObject);
}

/** Applies a file. What has no namespace, and so outlives the test's, is deleted after the last test of the file. */
export async function applyRbac(cluster: Cluster, file: RbacFile, namespaces: RbacNamespaces): Promise<void> {
  const api = await cluster.adminClient();
  for (const object of await readRbac(file)) {
    const placed = place(object, namespaces);
    const path = pathOf(placed);
    if (placed.metadata.namespace === undefined) {
      cluster.atEnd(() => api.ask({ method: 'DELETE', path }));
    }
    const query = { fieldManager: 'test', force: 'true' };
    await api.request({ method: 'PATCH', path, query, body: placed, contentType: applyType });
  }
}

function place(object: RbacObject, { turnbridge, teamA = turnbridge }: RbacNamespaces): RbacObject {
  const inNamespace = <T extends { readonly namespace?: string }>(part: T): T => {
    if (part.namespace === undefined) return part;
    return { ...part, namespace: part.namespace === 'team-a' ? teamA : turnbridge };
  };
  // a user's own cluster may have the product's own roles already
  const renamed = (kind: string, name: string): string =>
    kind.startsWith('Cluster') ? `${name}-${turnbridge}` : name;
  const { metadata, roleRef, subjects } = object;
  return {
    ...object,
    metadata: { ...inNamespace(metadata), name: renamed(object.kind, metadata.name) },
    ...(roleRef === undefined ? {} : { roleRef: { ...roleRef, name: renamed(roleRef.kind, roleRef.name) } }),
    ...(subjects === undefined ? {} : { subjects: subjects.map(inNamespace) }),
  };
}

function pathOf({ kind, metadata: { name, namespace } }: RbacObject): string {
  const prefix = kind === 'ServiceAccount' ? '/api/v1' : '/apis/rbac.authorization.k8s.io/v1';
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${prefix}${scope}/${kind.toLowerCase()}s/${name}`;
}
