/**
 * WebSockets to providers on which no turn runs: a bound on all of them in the process, and the place where those of
 * HTTP clients wait for the next request of the same tenant.
 */
import type { ProviderSocket } from './provider-socket.ts';
import type { SocketLimits } from './socket-limits.ts';
import type { SocketHolder } from './socket-rider.ts';

/** Who may take a parked socket: the tenant that left it, for a request with the same handshake. */
export interface ParkingPlace {
  readonly tenant: string;
  readonly fingerprint: string;
}

type Bounds = Pick<SocketLimits, 'maxIdleSockets' | 'maxParkedSockets' | 'keptChains'>;

/** One for the process. Holds sockets that are open and idle; each leaves by itself when it is taken or closes. */
export class IdleSockets implements SocketHolder {
  readonly #bounds: Bounds;
  /** Longest unused first. */
  readonly #all = new Set<ProviderSocket>();
  /** Those that wait for a request, and where; longest unused first. */
  readonly #places = new Map<ProviderSocket, ParkingPlace>();
  /** The same by tenant, none of them empty. */
  readonly #parked = new Map<string, Set<ProviderSocket>>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /**
   * It has become idle. When there are too many, the one goes that was unused the longest: of those that wait for a
   * request which may never come, and only then of those that a client's open connection will use again.
   */
  add(socket: ProviderSocket): void {
    this.#all.delete(socket);
    this.#all.add(socket);
    while (this.#all.size > this.#bounds.maxIdleSockets) {
      const [oldest] = this.#places.size > 0 ? this.#places.keys() : this.#all;
      if (oldest === undefined) return;
      this.#all.delete(oldest); // whatever closing it does, there is one less
      this.gone(oldest);
      oldest.close('pool');
    }
  }

  /** It is busy again, or closes. */
  delete(socket: ProviderSocket): void {
    this.#all.delete(socket);
  }

  /** Keeps an idle socket for the next request from the same place. The tenant's oldest goes when it has too many. */
  park(place: ParkingPlace, socket: ProviderSocket): void {
    const waiting = this.#parked.get(place.tenant) ?? new Set();
    waiting.add(socket);
    this.#parked.set(place.tenant, waiting);
    this.#places.set(socket, place);
    socket.handTo(this);
    const [oldest] = waiting;
    if (waiting.size > this.#bounds.maxParkedSockets) oldest?.close('pool'); // and is heard to be gone
  }

  /** One that waits remembers this response. */
  holds(place: ParkingPlace, responseId: string): boolean {
    return this.#waitingAt(place).some((socket) => socket.holds('', responseId));
  }

  /**
   * One that waits, no longer parked: that which remembers the response, else one that remembers nothing, else the one
   * that was unused the longest if there are more of them than may be kept for their conversations.
   */
  unpark(place: ParkingPlace, responseId: string | undefined): ProviderSocket | undefined {
    const all = this.#waitingAt(place);
    const waiting = all.filter((socket) => socket.isFreeFor(''));
    const found =
      (responseId === undefined ? undefined : all.find((socket) => socket.holds('', responseId))) ??
      waiting.find((socket) => !socket.remembers) ??
      (waiting.length >= this.#bounds.keptChains ? waiting[0] : undefined);
    if (found !== undefined) this.gone(found);
    return found;
  }

  gone(socket: ProviderSocket): void {
    const place = this.#places.get(socket);
    if (place === undefined) return;
    this.#places.delete(socket);
    const waiting = this.#parked.get(place.tenant);
    waiting?.delete(socket);
    if (waiting?.size === 0) this.#parked.delete(place.tenant);
  }

  #waitingAt({ tenant, fingerprint }: ParkingPlace): ProviderSocket[] {
    return [...(this.#parked.get(tenant) ?? [])].filter(
      (socket) => socket.handshake.fingerprint === fingerprint,
    );
  }
}
