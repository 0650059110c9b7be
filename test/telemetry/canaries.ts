/** Words that occur nowhere else, one for each place where somebody can put a text, and the search for them. */
import { createHash, randomBytes } from 'node:crypto';

/**
 * `word`: one word of the alphabet that identifiers have, such as a key. `sentence`: a sentence, such as a prompt. What
 * looks like an identifier may pass where an identifier is shown; a sentence never.
 */
export type Shape = 'word' | 'sentence';

/** Something that others get to see. */
export interface Exhibit {
  /** What it is, in closed words: `span chat: gen_ai.response.id`. */
  readonly where: string;
  readonly text: string;
}

/** A place whose text may be seen somewhere, and why. */
export interface Allowance {
  readonly place: RegExp;
  readonly where: RegExp;
  readonly reason: string;
}

export class Canaries {
  readonly shape: Shape;
  /** By place: the one word in it that nobody else has. */
  readonly #planted = new Map<string, string>();

  constructor(shape: Shape) {
    this.shape = shape;
  }

  /** A text for a place; the same one each time. */
  in(place: string): string {
    const word = this.#planted.get(place) ?? `kanari${randomBytes(8).toString('hex')}`;
    this.#planted.set(place, word);
    return this.shape === 'word' ? word : `the secret ${word} of mine`;
  }

  get places(): readonly string[] {
    return [...this.#planted.keys()];
  }

  /** Every place whose word is among the exhibits where it may not be, as sentences; empty when all is well. */
  leaks(exhibits: readonly Exhibit[], allowances: readonly Allowance[]): string[] {
    const leaks = new Set<string>();
    for (const { place, exhibit } of this.#sightings(exhibits)) {
      const isAllowed = allowances.some((one) => one.place.test(place) && one.where.test(exhibit.where));
      if (!isAllowed) leaks.add(`${place} is seen in ${exhibit.where}`);
    }
    return [...leaks];
  }

  /** Allowances that nothing made use of: they are not needed, or the test does not reach what they are for. */
  unused(exhibits: readonly Exhibit[], allowances: readonly Allowance[]): Allowance[] {
    const sightings = [...this.#sightings(exhibits)];
    return allowances.filter(
      (one) =>
        !sightings.some(({ place, exhibit }) => one.place.test(place) && one.where.test(exhibit.where)),
    );
  }

  *#sightings(exhibits: readonly Exhibit[]): Generator<{ place: string; exhibit: Exhibit }> {
    const planted = [...this.#planted].map(([place, word]) => ({ place, traces: tracesOf(word) }));
    for (const exhibit of exhibits) {
      const text = exhibit.text.toLowerCase();
      for (const { place, traces } of planted) {
        if (traces.some((trace) => text.includes(trace))) yield { place, exhibit };
      }
    }
  }
}

/** In lower case: the word, in base64 as credentials are sent, and its plain hash, which names a key as well as the key does. */
function tracesOf(word: string): string[] {
  const hash = createHash('sha256').update(word).digest('hex');
  return [word, Buffer.from(word).toString('base64').replace(/=+$/, '').toLowerCase(), hash.slice(0, 12)];
}
