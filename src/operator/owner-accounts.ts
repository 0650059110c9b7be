/**
 * Who owns what the operator writes: a ServiceAccount in the same namespace (`--owner-service-account`). When that is
 * deleted, as by `helm uninstall`, Kubernetes deletes snapshot Secret and Lease too.
 *
 * What has no owner is only left over; so nothing here keeps a snapshot from being written.
 */
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeError } from '../kube/kube-error.ts';
import { toKubeObject } from '../kube/kube-object.ts';
import { apiPath } from '../kube/kube-path.ts';
import type { OwnerReference } from '../kube/owner-reference.ts';
import type { OperatorFactListener } from './facts.ts';

/** Of what is written in one namespace. */
export type Owner =
  /** It shall have none, or the account is not there. */
  | { readonly kind: 'none' }
  /** It could not be found out: what has an owner keeps it. */
  | { readonly kind: 'unknown'; readonly account: string }
  | { readonly kind: 'known'; readonly reference: OwnerReference };

export interface OwnerAccountsOptions {
  readonly client: KubeClient;
  /** Of the account, in every namespace; undefined: nothing is owned. */
  readonly name: string | undefined;
  readonly facts: OperatorFactListener;
}

export interface FindOptions {
  /** Also where it is known: something that it owns is gone, so it may be another one. */
  readonly anew?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class OwnerAccounts {
  readonly #options: OwnerAccountsOptions;
  /** By namespace. */
  readonly #known = new Map<string, OwnerReference>();
  /** What was said last of each namespace: once is enough. */
  readonly #told = new Map<string, string>();

  constructor(options: OwnerAccountsOptions) {
    this.#options = options;
  }

  /** As far as it was found. */
  known(namespace: string): OwnerReference | undefined {
    return this.#known.get(namespace);
  }

  /** Asks the API server unless it is known. Never fails. */
  async find(namespace: string, { anew = false, signal }: FindOptions = {}): Promise<Owner> {
    const { client, name } = this.#options;
    if (name === undefined) return { kind: 'none' };
    const known = this.#known.get(namespace);
    if (known !== undefined && !anew) return { kind: 'known', reference: known };
    const path = apiPath({ version: 'v1', namespace, resource: 'serviceaccounts', name });
    try {
      const { metadata } = toKubeObject(`GET ${path}`, await client.request({ method: 'GET', path, signal }));
      const reference = { apiVersion: 'v1', kind: 'ServiceAccount', name, uid: metadata.uid } as const;
      this.#known.set(namespace, reference);
      if (this.#told.delete(namespace))
        this.#options.facts({ kind: 'owner.found', namespace, account: name });
      return { kind: 'known', reference };
    } catch (error) {
      return this.#unfound(namespace, name, error);
    }
  }

  /** The API server does not let this object be owned; it stays without. `what`: `Secret ai/turnbridge-snapshot`. */
  refused(namespace: string, what: string, error: unknown): void {
    const cure =
      'the right to delete it is needed where the API server runs OwnerReferencesPermissionEnforcement; delete it once, and it is made with its owner';
    this.#tell(namespace, `${what} cannot be given an owner (${messageOf(error)}): ${cure}`);
  }

  #unfound(namespace: string, name: string, error: unknown): Owner {
    const known = this.#known.get(namespace);
    const status = error instanceof KubeError ? error.status : undefined;
    const account = `ServiceAccount ${namespace}/${name}`;
    if (status === 404) {
      // what is written from now on is to go, too: it keeps its owner, though that is gone
      const sentence =
        known === undefined
          ? `${account} is not there, so what is written there has no owner and stays when this installation goes: create it, or leave --owner-service-account out`
          : `${account} was deleted, and Kubernetes deletes what it owned: create it again and restart the operator, or uninstall the rest`;
      this.#tell(namespace, sentence);
      if (known === undefined) return { kind: 'none' };
    }
    // without an answer nothing else can be written either, and that is told elsewhere
    if (status === 401 || status === 403)
      this.#tell(
        namespace,
        `${account} cannot be read (${messageOf(error)}), so what is written there has no owner and stays when this installation goes: its rights are in manifests/rbac`,
      );
    return known === undefined ? { kind: 'unknown', account: name } : { kind: 'known', reference: known };
  }

  #tell(namespace: string, sentence: string): void {
    if (this.#told.get(namespace) === sentence) return;
    this.#told.set(namespace, sentence);
    this.#options.facts({ kind: 'owner.missing', namespace, sentence });
  }
}

function messageOf(error: unknown): string {
  return error instanceof KubeError ? error.message : 'no reason given';
}
