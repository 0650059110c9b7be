/**
 * Who gave which response, for the ids that a client names and the bridge cannot resolve itself: a provider that stores
 * responses knows its own ones only. Pins (provider-pins.ts) know each lane's last; this knows older ones, those of other
 * connections, and those of clients over HTTP. It holds no word of a conversation.
 */
import { hash } from 'node:crypto';

/**
 * Responses that are remembered, of all clients. With 121 bytes each (measured) that is 8 MiB, and at ten turns a second
 * nearly two hours. What is forgotten may be asked of any provider.
 */
export const MAX_RESPONSE_OWNERS = 65_536;

/** To whom a response was given. The route tells apart what groups name alike: a tenant's name is its group's. */
export interface GivenTo {
  readonly route: string;
  readonly tenant: string;
}

/** One for a process. */
export class ResponseOwners {
  /** Provider names by {@link keyOf}, the one used longest ago first. */
  readonly #byResponse = new Map<string, string>();
  readonly #max: number;

  /** @param max Responses that are remembered. */
  constructor(max = MAX_RESPONSE_OWNERS) {
    this.#max = max;
  }

  /** The provider that gave it, by name; undefined: nobody knows, or no longer. */
  ownerOf(responseId: string, to: GivenTo): string | undefined {
    const key = keyOf(responseId, to);
    const provider = this.#byResponse.get(key);
    if (provider !== undefined) this.#put(key, provider);
    return provider;
  }

  /** This provider gave it. */
  gave(responseId: string, to: GivenTo, provider: string): void {
    this.#put(keyOf(responseId, to), provider);
    if (this.#byResponse.size <= this.#max) return;
    for (const oldest of this.#byResponse.keys()) {
      this.#byResponse.delete(oldest);
      return;
    }
  }

  #put(key: string, provider: string): void {
    this.#byResponse.delete(key);
    this.#byResponse.set(key, provider);
  }
}

/** A hash: ids may be a kilobyte long, and are clients' own. */
function keyOf(responseId: string, { route, tenant }: GivenTo): string {
  return hash('sha256', JSON.stringify([route, tenant, responseId]), 'base64');
}
