/**
 * Notices that the API server is back, by the one request that goes on at a steady pace whatever happens: the look at
 * the Lease, every two to five seconds. All others wait longer and longer while they fail, up to half a minute.
 */
import type { LeaseFact } from '../kube/lease-facts.ts';

/**
 * An API server that has just started refuses some things for a moment: it has not read all roles yet. So many looks
 * that succeed are told, the first ones after one that did not.
 */
const LOOKS = 4;

export class Recovery {
  readonly #onBack: () => void;
  #untold = 0;

  /** @param onBack Whatever has failed may be tried now. Called a few times after each failure, seconds apart. */
  constructor(onBack: () => void) {
    this.#onBack = onBack;
  }

  hear(fact: LeaseFact): void {
    if (fact.kind !== 'lease.tried') return;
    if (fact.result === 'error') this.#untold = LOOKS;
    else if (this.#untold > 0) {
      this.#untold -= 1;
      this.#onBack();
    }
  }
}
