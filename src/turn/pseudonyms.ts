/**
 * Names under which telemetry shows the identifiers of clients. A keyed hash is the same for the same identifier, so
 * that the turns of a session can be found together, and says nothing to whoever has not the key.
 */
import { createHmac } from 'node:crypto';

/** How session ids appear: `telemetry.sessionIds` of a route. */
export type IdPolicy = 'Hashed' | 'Raw' | 'None';

/** Identifiers whose names are kept: each costs some 200 bytes, and a turn asks for the same few again and again. */
const MAX_KNOWN = 4_096;
/** Longer ones are no client's that is known; their names are made anew each time. */
const MAX_KNOWN_CHARS = 256;

/** What a raw identifier may look like; anything else is shown hashed, whatever the route says. */
const PLAIN_ID = /^[\w.:-]{1,128}$/;

export class Pseudonyms {
  readonly #key: Buffer;
  readonly #known = new Map<string, string>();

  /**
   * @param key Of the hash. One key for all replicas, and a session has one name in all of them; a random one, and its
   *   names end with the process.
   */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** `h:` and 16 hexadecimal digits; the identifier itself under `Raw`; undefined under `None` or without one. */
  nameOf(id: string | undefined, policy: IdPolicy): string | undefined {
    if (id === undefined || id === '' || policy === 'None') return undefined;
    return policy === 'Raw' && PLAIN_ID.test(id) ? id : this.#hashed(id);
  }

  #hashed(id: string): string {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const name = `h:${createHmac('sha256', this.#key).update(id).digest('hex').slice(0, 16)}`;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    if (id.length <= MAX_KNOWN_CHARS) this.#known.set(id, name);
    return name;
  }
}
