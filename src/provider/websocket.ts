/** Providers over their own WebSockets: turns as frames, and sockets that are passed on whole. */
import type { LookupFunction } from 'node:net';
import { EventLatency } from '../events/event-latency.ts';
import { type AttemptLimits, DEFAULT_ATTEMPT_LIMITS } from './attempt-tools.ts';
import { isForbiddenHost } from './address-guard.ts';
import { ConnectionSockets } from './connection-sockets.ts';
import { type ByteAccount, UNLIMITED } from './held-answer.ts';
import { IdleSockets } from './idle-sockets.ts';
import type {
  Attempt,
  AttemptListener,
  ProviderFaultCode,
  ProviderSockets,
  ProviderTransport,
  SocketAttemptRequest,
  SocketOwner,
} from './provider.ts';
import type { ProviderSocket } from './provider-socket.ts';
import type { OutboundProxy } from './provider-pool.ts';
import { faultOf } from './provider-fault.ts';
import { keyObstacle } from './request-headers.ts';
import { SocketAttempt } from './socket-attempt.ts';
import type { ProviderConnections, SocketFactListener } from './socket-facts.ts';
import { SocketHeartbeat } from './socket-heartbeat.ts';
import { DEFAULT_SOCKET_LIMITS, type SocketLimits } from './socket-limits.ts';
import type { SocketTools } from './socket-tools.ts';
import { SocketRegister } from './socket-register.ts';
import { openSocketTunnel, type SocketTunnel } from './socket-tunnel.ts';
import { SocketWays } from './socket-ways.ts';
import type { Tunnel, TunnelRequest } from './tunnel.ts';

/** How the transport is set up; everything may be left out. */
export interface WebSocketOptions {
  readonly proxy?: OutboundProxy | undefined;
  /** Resolves host names; the system's resolver by default. */
  readonly lookup?: LookupFunction | undefined;
  readonly limits?: Partial<AttemptLimits> | undefined;
  readonly socketLimits?: Partial<SocketLimits> | undefined;
  /** Where answers count what they keep until they are whole; without it nobody counts. */
  readonly answers?: ByteAccount | undefined;
  /** Told of reads, to measure what the bridge adds; nobody measures without it. */
  readonly latency?: EventLatency | undefined;
  readonly facts?: SocketFactListener | undefined;
  /** As `HttpSseOptions.onMistake`. */
  readonly onMistake?: ((error: unknown) => void) | undefined;
}

/** A reason not to ask the provider at all, in the words of a fault. */
interface Obstacle {
  readonly code: ProviderFaultCode;
  readonly detail?: string | undefined;
}

/** All WebSockets to providers. One for the process; its owner closes it. */
export class WebSocketTransport implements Pick<ProviderTransport, 'openSockets' | 'openTunnel' | 'close'> {
  readonly #tools: SocketTools;
  #isClosed = false;

  constructor(options: WebSocketOptions = {}) {
    const limits = { ...DEFAULT_SOCKET_LIMITS, ...options.socketLimits };
    const onMistake = options.onMistake ?? (() => undefined);
    this.#tools = {
      ways: new SocketWays(options.proxy, options.lookup),
      limits,
      attemptLimits: { ...DEFAULT_ATTEMPT_LIMITS, ...options.limits },
      heartbeat: new SocketHeartbeat(limits.beatMs, onMistake),
      idle: new IdleSockets(limits),
      sockets: new SocketRegister<ProviderSocket>(),
      tunnels: new SocketRegister<SocketTunnel>(),
      answers: options.answers ?? UNLIMITED,
      latency: options.latency ?? new EventLatency(() => undefined),
      facts: options.facts ?? (() => undefined),
      onMistake,
    };
  }

  /** As `ProviderTransport.open`. The socket is chosen at once, so that two turns never want the same one. */
  open(request: SocketAttemptRequest, listener: AttemptListener): Attempt {
    const attempt = new SocketAttempt(request, listener, this.#tools);
    const obstacle = this.#obstacleTo(request);
    const socket = obstacle === undefined ? this.#take(request, attempt) : undefined;
    if (socket !== undefined) attempt.board(socket);
    else {
      const { code, detail } = obstacle ?? { code: 'connect_failed', detail: SHUT };
      queueMicrotask(() => attempt.fail(code, detail)); // not before `open` has returned
    }
    return attempt;
  }

  openSockets(owner: SocketOwner): ProviderSockets {
    return new ConnectionSockets(owner, this.#tools);
  }

  async openTunnel(request: TunnelRequest): Promise<Tunnel> {
    const tunnel = this.#isClosed ? undefined : await openSocketTunnel(request, this.#tools);
    if (tunnel === undefined || this.#isClosed) {
      tunnel?.terminate('shutdown');
      throw faultOf(request.provider.name, 'connect_failed', undefined, SHUT);
    }
    return tunnel;
  }

  /** Sockets of turns, for metrics. Those of HTTP are in undici's pools, which several routes may share. */
  connections(): readonly ProviderConnections[] {
    const counts = new Map<string, { provider: string; route: string; active: number; idle: number }>();
    for (const { route, provider, isBusy } of this.#tools.sockets) {
      const key = `${route} ${provider}`;
      const count = counts.get(key) ?? { provider, route, active: 0, idle: 0 };
      if (isBusy) count.active += 1;
      else count.idle += 1;
      counts.set(key, count);
    }
    return Array.from(counts.values(), (count) => ({ ...count, transport: 'websocket' as const }));
  }

  /** Lets turns on their sockets finish, ends idle sockets and tunnels, and waits for the last one. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { sockets, tunnels } = this.#tools;
    for (const socket of sockets) socket.retire('shutdown');
    for (const tunnel of tunnels) tunnel.terminate('shutdown');
    await Promise.all([sockets.empty(), tunnels.empty()]);
  }

  #take(request: SocketAttemptRequest, attempt: SocketAttempt): ProviderSocket | undefined {
    if (this.#isClosed) return undefined;
    const { sockets, previousResponseId } = request;
    if (!(sockets instanceof ConnectionSockets)) {
      this.#tools.onMistake(new TypeError('sockets have to come from openSockets of this transport'));
      return undefined;
    }
    return sockets.take(request, previousResponseId, attempt);
  }

  #obstacleTo({ provider, bodyBytes }: SocketAttemptRequest): Obstacle | undefined {
    const { maxWebSocketMessageBytes: most } = provider.limits;
    if (bodyBytes > most) {
      const detail = `takes messages of ${most} bytes at most on its WebSocket; this one has ${bodyBytes}`;
      return { code: 'request_too_large', detail };
    }
    if (!provider.loopbackAllowed && isForbiddenHost(new URL(provider.origin).hostname)) {
      return { code: 'address_refused' };
    }
    const detail = keyObstacle(provider);
    return detail === undefined ? undefined : { code: 'connect_failed', detail };
  }
}

const SHUT = 'was not called: the bridge is shutting down';
