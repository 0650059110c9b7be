/** How long it takes until a WebSocket is open, and where the time goes. */
import type { Socket } from 'node:net';
import { type DialWatch, watchDial } from './dial.ts';
import type { Dial, ProviderFault } from './provider.ts';

const NOWHERE = { dnsMs: undefined, tcpMs: undefined, tlsMs: undefined };

/** One dial. */
export class SocketDialTimes {
  readonly #provider: string;
  readonly #startedAt = performance.now();
  #watch: DialWatch | undefined;
  #opened: Dial | undefined;
  #openedAt: number | undefined;
  #tlsBeganAt: number | undefined;

  /** @param provider The provider's name within its route. */
  constructor(provider: string) {
    this.#provider = provider;
  }

  /** A request could be sent: what fails from here on is no failure to connect. */
  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** The first socket of the way has just begun to connect. */
  watch(socket: Socket): void {
    this.#watch = watchDial(socket, this.#provider);
  }

  /** TLS begins on a connection that exists: through a proxy. */
  beginTls(): void {
    this.#tlsBeganAt = performance.now();
  }

  /** The connection is there; the upgrade follows. */
  open(): void {
    this.#opened = this.#watch?.end(null);
    this.#openedAt = performance.now();
  }

  /** The upgrade was answered, or it came to nothing. */
  end(fault: ProviderFault | undefined): Dial {
    const endedAt = performance.now();
    const openedAt = this.#openedAt;
    const { dnsMs, tcpMs, tlsMs: ownTlsMs } = this.#opened ?? this.#watch?.end(fault ?? null) ?? NOWHERE;
    const tlsMs = this.#tlsBeganAt && openedAt && openedAt - this.#tlsBeganAt;
    return {
      startedAt: this.#startedAt,
      endedAt,
      dnsMs,
      tcpMs,
      tlsMs: tlsMs ?? ownTlsMs,
      upgradeMs: openedAt && endedAt - openedAt,
      fault,
    };
  }
}
