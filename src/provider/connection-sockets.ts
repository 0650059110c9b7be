/**
 * The WebSockets to providers of one client connection, or of one HTTP request: which one a turn goes out on. A socket
 * serves turns of one fingerprint (socket-handshake.ts), and of one lane where the provider has no lanes.
 */
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import { ProviderSocket } from './provider-socket.ts';
import type { ProviderSockets, SocketOwner, SocketTarget } from './provider.ts';
import type { ParkingPlace } from './idle-sockets.ts';
import { type Handshake, toHandshake } from './socket-handshake.ts';
import type { Rider, SocketHolder } from './socket-rider.ts';
import type { SocketTools } from './socket-tools.ts';

/** Dials when a turn asks for it. {@link ConnectionSockets.close} is the one way out. */
export class ConnectionSockets implements ProviderSockets, SocketHolder {
  readonly #owner: SocketOwner;
  readonly #tools: SocketTools;
  readonly #sockets = new Set<ProviderSocket>();
  /** Both keys are parts of an immutable snapshot; one that is swapped out takes its handshakes with it. */
  readonly #handshakes = new WeakMap<CompiledRoute, WeakMap<CompiledProvider, Handshake>>();
  #isClosed = false;

  constructor(owner: SocketOwner, tools: SocketTools) {
    this.#owner = owner;
    this.#tools = tools;
  }

  holds(target: SocketTarget, responseId: string): boolean {
    if (this.#isClosed) return false;
    const handshake = this.#handshakeFor(target);
    return (
      this.#free(target, handshake).some((socket) => socket.holds(target.lane, responseId)) ||
      (this.#owner.entry === 'http' && this.#tools.idle.holds(this.#placeOf(handshake), responseId))
    );
  }

  /**
   * A socket for one turn, which takes its seat on it: the one that remembers the response that it continues, else a free
   * one, else one that is dialled now. Undefined once closed.
   */
  take(target: SocketTarget, responseId: string | undefined, rider: Rider): ProviderSocket | undefined {
    if (this.#isClosed) return undefined;
    const handshake = this.#handshakeFor(target);
    this.#retireOthers(target, handshake);
    const free = this.#free(target, handshake);
    const socket =
      free.find((each) => responseId !== undefined && each.holds(target.lane, responseId)) ??
      this.#unpark(handshake, responseId) ??
      free.at(-1) ??
      new ProviderSocket(target, handshake, this, this.#tools);
    // the one used last is the last
    this.#sockets.delete(socket);
    this.#sockets.add(socket);
    socket.take(target.lane, rider);
    return socket;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.#sockets) {
      if (this.#owner.entry === 'http' && !socket.isBusy && socket.isFreeFor('')) {
        this.#tools.idle.park(this.#placeOf(socket.handshake), socket);
      } else {
        socket.close('owner');
      }
    }
    this.#sockets.clear();
  }

  gone(socket: ProviderSocket): void {
    this.#sockets.delete(socket);
  }

  #free({ lane }: SocketTarget, { fingerprint }: Handshake): ProviderSocket[] {
    return [...this.#sockets].filter(
      (socket) => socket.handshake.fingerprint === fingerprint && socket.isFreeFor(lane),
    );
  }

  #unpark(handshake: Handshake, responseId: string | undefined): ProviderSocket | undefined {
    if (this.#owner.entry !== 'http') return undefined;
    const socket = this.#tools.idle.unpark(this.#placeOf(handshake), responseId);
    socket?.handTo(this);
    return socket;
  }

  /** Sockets to the same provider under an older fingerprint: its key or its address has changed. */
  #retireOthers({ route, provider }: SocketTarget, { fingerprint }: Handshake): void {
    for (const socket of this.#sockets) {
      const isSame = socket.route === route.id && socket.provider === provider.name;
      if (isSame && socket.handshake.fingerprint !== fingerprint) socket.retire('stale');
    }
  }

  #placeOf({ fingerprint }: Handshake): ParkingPlace {
    return { tenant: this.#owner.tenant, fingerprint };
  }

  #handshakeFor({ route, provider }: SocketTarget): Handshake {
    let ofRoute = this.#handshakes.get(route);
    if (ofRoute === undefined) {
      ofRoute = new WeakMap();
      this.#handshakes.set(route, ofRoute);
    }
    let handshake = ofRoute.get(provider);
    if (handshake === undefined) {
      handshake = toHandshake(this.#owner, route, provider);
      ofRoute.set(provider, handshake);
    }
    return handshake;
  }
}
