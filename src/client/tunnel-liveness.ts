/**
 * Are both ends of a tunnel still there? Each is asked by pings of our own, since either may be silent for long; the
 * ends' own pings pass from one to the other, and so do the pongs to those.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Tunnel } from '../provider/tunnel.ts';
import { Liveness } from './liveness.ts';

/** Tells the pongs to our pings from those that belong to the other end's. */
const OWN_PING = randomBytes(8);

export class TunnelLiveness {
  readonly #client: Liveness;
  readonly #provider: Liveness;
  #heardBytes = 0;

  /**
   * @param intervalMs 0: no pings.
   * @param onRoundTrip Hears how long a client took to answer.
   */
  constructor(
    ends: { readonly ws: WebSocket; readonly socket: Socket; readonly tunnel: Tunnel },
    intervalMs: number,
    now: number,
    onRoundTrip: (ms: number) => void,
  ) {
    const { ws, socket, tunnel } = ends;
    const heardBytes = (): number => this.#heardBytes;
    // the bytes of a message under way cannot be seen from here: a whole one is the sign of life
    const provider: Pick<Socket, 'bytesRead'> = {
      get bytesRead() {
        return heardBytes();
      },
    };
    this.#client = new Liveness({ ping: () => ws.ping(OWN_PING) }, socket, intervalMs, now, onRoundTrip);
    this.#provider = new Liveness(
      { ping: () => tunnel.ping(OWN_PING) },
      provider,
      intervalMs,
      now,
      () => undefined,
    );
  }

  /** Anything came from the provider. */
  heardProvider(): void {
    this.#heardBytes++;
  }

  /** True: it was the answer to a ping of ours, and goes no further. */
  isClientsPong(data: Buffer): boolean {
    if (!data.equals(OWN_PING)) return false;
    this.#client.ponged(performance.now());
    return true;
  }

  /** As {@link isClientsPong}. */
  isProvidersPong(data: Buffer): boolean {
    if (!data.equals(OWN_PING)) return false;
    this.#provider.ponged(performance.now());
    return true;
  }

  /**
   * Sends the pings that are due. Says who is gone.
   * @param client It is behind with reading, or is not read itself: its pong could not come.
   * @param provider The same of the provider.
   */
  beat(
    now: number,
    waits: { readonly client: boolean; readonly provider: boolean },
  ): 'client' | 'provider' | undefined {
    if (waits.client) this.#client.hold(now);
    else if (!this.#client.beat(now)) return 'client';
    if (waits.provider) this.#provider.hold(now);
    else if (!this.#provider.beat(now)) return 'provider';
    return undefined;
  }
}
