/**
 * Who served the lanes of one connection last: it has their prompts in its cache, and over a WebSocket maybe the response
 * itself. One entry a lane, so as many as `limits.maxLanes` allows.
 */

interface Pin {
  readonly route: string;
  readonly provider: string;
  /** The response that it ended with; undefined: none that can be continued. */
  readonly responseId: string | undefined;
  /** False once it has failed the lane: it is still the one who knows the response. */
  readonly isPreferred: boolean;
}

export class ProviderPins {
  readonly #byLane = new Map<string, Pin>();

  /** The provider that the lane's next turn prefers, by name; undefined where it has none in this route. */
  preferred(lane: string, route: string): string | undefined {
    const pin = this.#byLane.get(lane);
    return pin?.route === route && pin.isPreferred ? pin.provider : undefined;
  }

  /** Who gave this response to a client of this connection; undefined for one that is no lane's last. */
  ownerOf(responseId: string, route: string): string | undefined {
    for (const pin of this.#byLane.values()) {
      if (pin.route === route && pin.responseId === responseId) return pin.provider;
    }
    return undefined;
  }

  /** A lane's last turn ended with this response. */
  isLatest(responseId: string): boolean {
    for (const pin of this.#byLane.values()) if (pin.responseId === responseId) return true;
    return false;
  }

  /** This provider serves the lane's turn. */
  served(lane: string, route: string, provider: string, responseId?: string): void {
    this.#byLane.set(lane, { route, provider, responseId, isPreferred: true });
  }

  /** It has failed the lane: the next turn need not go there. */
  release(lane: string): void {
    const pin = this.#byLane.get(lane);
    if (pin !== undefined) this.#byLane.set(lane, { ...pin, isPreferred: false });
  }
}
