import { KubeError } from '../kube/kube-error.ts';

/** Why the snapshot Secret cannot be read or written, in words, with what helps; undefined: a retry may mend it. */
export function failureOf(error: unknown, what: 'read' | 'written'): string | undefined {
  if (!(error instanceof KubeError) || error.status === undefined) return undefined;
  const isPassing = error.status === 409 || error.status === 429 || error.status >= 500;
  if (isPassing) return undefined;
  const start = `the snapshot Secret cannot be ${what}: ${error.message}`;
  if (error.status === 403) return `${start}; its rights are in manifests/rbac`;
  if (error.status === 404)
    return `${start}; create the namespace, or write another one (--snapshot-secret, --sidecar-namespaces)`;
  return start;
}
