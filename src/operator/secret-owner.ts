/** Which owners a snapshot Secret has, which it shall have, and what to do when it may not. */
import { KubeError } from '../kube/kube-error.ts';
import { hasOwner, ownersNamed } from '../kube/owner-reference.ts';
import type { Owner, OwnerAccounts } from './owner-accounts.ts';

export interface SecretOwnerOptions {
  readonly namespace: string;
  /** `Secret ai/turnbridge-snapshot`, for sentences. */
  readonly what: string;
  readonly accounts: Pick<OwnerAccounts, 'find' | 'refused'>;
}

export class SecretOwner {
  readonly #options: SecretOwnerOptions;
  #owner: Owner = { kind: 'none' };
  /** As the Secret was read, or as it was written last. */
  #references: unknown = [];
  #isRefused = false;

  constructor(options: SecretOwnerOptions) {
    this.#options = options;
  }

  /** The Secret is there, with these `ownerReferences`. */
  async found(references: unknown, signal: AbortSignal): Promise<void> {
    const { accounts, namespace } = this.#options;
    this.#references = references;
    this.#owner = await accounts.find(namespace, { signal });
    if (!this.isRight) this.#owner = await accounts.find(namespace, { anew: true, signal });
  }

  /** The Secret is not there: perhaps because its owner is not, and another account has that name now. */
  async missed(signal: AbortSignal): Promise<void> {
    const { accounts, namespace } = this.#options;
    this.#references = [];
    this.#isRefused = false; // a new one may be made with its owner
    this.#owner = await accounts.find(namespace, { anew: true, signal });
  }

  /** Whether it has the owner that it shall have, or cannot have. */
  get isRight(): boolean {
    if (this.#owner.kind !== 'known' || this.#isRefused) return true;
    return hasOwner(this.#references, this.#owner.reference);
  }

  /** What is applied. Whatever of ours is left out, the API server takes away. */
  get wished(): readonly unknown[] {
    const owner = this.#owner;
    return owner.kind === 'known' && !this.#isRefused ? [owner.reference] : this.kept;
  }

  /** The owner that it has, if that is ours: what is applied where another one is refused. */
  get kept(): readonly unknown[] {
    const owner = this.#owner;
    if (owner.kind === 'none') return [];
    const name = owner.kind === 'known' ? owner.reference.name : owner.account;
    return ownersNamed(this.#references, { kind: 'ServiceAccount', name });
  }

  /** It was written with these. */
  written(references: readonly unknown[]): void {
    this.#references = references;
  }

  /**
   * A Secret that is there could not be written: whether that was for its new owner alone, so that it has to be tried
   * without. Some API servers let only those change owners who may delete the object.
   */
  isToBlame(error: unknown): boolean {
    return !this.isRight && error instanceof KubeError && error.status === 403;
  }

  /** It could be written with the owners that it has, and only so: it is left with them until it is made anew. */
  giveUp(error: unknown): void {
    this.#isRefused = true;
    const { accounts, namespace, what } = this.#options;
    accounts.refused(namespace, what, error);
  }
}
