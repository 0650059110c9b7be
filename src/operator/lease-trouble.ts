/** Why this process can never lead, by what its attempts at the Lease are told. */
import { KubeError } from '../kube/kube-error.ts';
import type { LeaseFact } from '../kube/lease-facts.ts';

export class LeaseTrouble {
  readonly #namespace: string;
  #sentence: string | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** In words, with what helps; undefined: it can, or that will pass by itself. */
  get sentence(): string | undefined {
    return this.#sentence;
  }

  hear(fact: LeaseFact): void {
    if (fact.kind !== 'lease.tried') return;
    if (fact.result !== 'error') this.#sentence = undefined;
    else if (fact.error instanceof KubeError) this.#sentence = this.#sentenceOf(fact.error) ?? this.#sentence;
  }

  #sentenceOf({ status, message }: KubeError): string | undefined {
    if (status === 403) return `the Lease cannot be had (${message}): its rights are in manifests/rbac`;
    if (status === 404)
      return `the Lease cannot be had (${message}): create namespace ${this.#namespace}, or write another --snapshot-secret`;
    return undefined;
  }
}
