/** Whether what routes refer to is known, and in what words it is said when it is not. */
import type { KubeError } from '../kube/kube-error.ts';
import { because } from './trouble.ts';

/** Whether what a route refers to is known. */
export type Readability =
  | { readonly kind: 'known' }
  /** It was read, and cannot be read any more: what is known may be out of date. */
  | { readonly kind: 'stale'; readonly sentence: string }
  /** Soon: nothing new is decided about these routes until then. */
  | { readonly kind: 'awaited' }
  /** Not, and nobody waits any longer. */
  | { readonly kind: 'unreadable'; readonly sentence: string };

export const KNOWN: Readability = { kind: 'known' };
export const AWAITED: Readability = { kind: 'awaited' };

/** What hinders reading, in words that a status can hold: the same words for as long as the hindrance is of one kind. */
export interface Trouble {
  /** `Refused`: somebody has to give a right, or make room. `Passing`: it is tried until it succeeds. */
  readonly kind: 'Refused' | 'Passing';
  readonly sentence: string;
}

/** What could not be read. */
export interface Unread {
  /** `Secrets of namespace ai`, `Secret k2 of namespace ai`. */
  readonly what: string;
  readonly namespace: string;
  /** The rights that it takes. */
  readonly verbs: string;
}

/**
 * @param before What was said until now: a status must not change with each attempt, so it stays while the next error
 * is of the same kind.
 * @param error Undefined: there was no answer yet.
 */
export function troubleWith(
  before: Trouble | undefined,
  unread: Unread,
  error: KubeError | undefined,
): Trouble {
  const kind = error?.status === 401 || error?.status === 403 ? 'Refused' : 'Passing';
  if (before?.kind === kind) return before;
  const start = `the operator cannot read the ${unread.what}${because(error?.message)}`;
  const cure =
    kind === 'Refused'
      ? `give its service account ${unread.verbs} there: apply manifests/rbac/operator.yaml, or with --namespaces operator-namespaced.yaml in namespace ${unread.namespace}`
      : 'it tries again until it can, nothing has to be done here';
  return { kind, sentence: `${start}: ${cure}` };
}
