/** `changed` counts from now on; `unsettled` counts if it is seen once more. */
export type Sight = 'unchanged' | 'unsettled' | 'changed';

/** Decides when a change counts: after two equal sights, so that nothing is taken while it is being written. */
export class SettledContent {
  #counting: string;
  #seenOnce: string | undefined;

  /** @param digest Of what counts at the start. */
  constructor(digest: string) {
    this.#counting = digest;
  }

  /** Takes the digest of what is there now. */
  see(digest: string): Sight {
    const isSecondSight = digest === this.#seenOnce;
    this.#seenOnce = undefined;
    if (digest === this.#counting) return 'unchanged';
    if (isSecondSight) {
      this.#counting = digest;
      return 'changed';
    }
    this.#seenOnce = digest;
    return 'unsettled';
  }
}
