/**
 * Who watches the page: answers that stay open and get messages as server-sent events. A message is made once for all
 * of them. A viewer that does not read is left out, gets everything when it reads again, and goes if it never does: no
 * more than one message of everything ever waits for it.
 */
import type { ServerResponse } from 'node:http';

/** People, not machines: each costs the process a copy of every message. */
export const MAX_VIEWERS = 8;
/** A browser that has taken nothing for so long is asleep or gone; it asks again when it wakes. */
export const MAX_BEHIND_MS = 30_000;

type Viewer =
  | { readonly kind: 'current' }
  /** Missed messages since that moment of the clock. */
  | { readonly kind: 'behind'; readonly since: number };

export class Viewers {
  readonly #now: () => number;
  readonly #viewers = new Map<ServerResponse, Viewer>();

  /** @param now a monotonic clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  get count(): number {
    return this.#viewers.size;
  }

  get isFull(): boolean {
    return this.#viewers.size >= MAX_VIEWERS;
  }

  /** Takes an answer whose head is written, and ends it at {@link close}. `onGone` is called once it is gone. */
  add(response: ServerResponse, first: Buffer, onGone: () => void): void {
    response.on('error', () => undefined); // it went away while it was written to; `close` follows
    response.once('close', () => {
      this.#viewers.delete(response);
      onGone();
    });
    response.write(first);
    this.#viewers.set(response, { kind: 'current' });
  }

  /**
   * One round: the change to whoever is up to date, everything to whoever has caught up.
   * @param change undefined when nothing has changed
   * @param everything is asked at most once
   */
  send(change: Buffer | undefined, everything: () => Buffer): void {
    let whole: Buffer | undefined;
    for (const [response, viewer] of this.#viewers) {
      if (response.writableNeedDrain) this.#leaveOut(response, viewer, change !== undefined);
      else if (viewer.kind === 'behind') {
        response.write((whole ??= everything()));
        this.#viewers.set(response, { kind: 'current' });
      } else if (change !== undefined) response.write(change);
    }
  }

  close(): void {
    for (const response of this.#viewers.keys()) response.end();
    this.#viewers.clear();
  }

  #leaveOut(response: ServerResponse, viewer: Viewer, hasMissed: boolean): void {
    if (viewer.kind === 'behind') {
      if (this.#now() - viewer.since > MAX_BEHIND_MS) response.destroy();
    } else if (hasMissed) this.#viewers.set(response, { kind: 'behind', since: this.#now() });
  }
}
