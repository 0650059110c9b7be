/** Models as parts of span names. Tools make a series of each name, and clients may ask for anything. */

/** Models that appear in names; the routes of one process have a few dozen. */
const MAX_NAMED = 100;

export class ModelNames {
  readonly #named = new Set<string>();

  /**
   * @param asked The model as the provider is asked for it, perhaps in the client's own words.
   * @param label The same as a metric label: bounded by configuration.
   * @returns `asked` for the first hundred of them, `label` for others
   */
  nameOf(asked: string, label: string): string {
    if (this.#named.has(asked)) return asked;
    if (this.#named.size >= MAX_NAMED) return label;
    this.#named.add(asked);
    return asked;
  }
}
