/** What all WebSockets of a transport share. */
import type { EventLatency } from '../events/event-latency.ts';
import type { AttemptLimits } from './attempt-tools.ts';
import type { ByteAccount } from './held-answer.ts';
import type { IdleSockets } from './idle-sockets.ts';
import type { ProviderSocket } from './provider-socket.ts';
import type { SocketFactListener } from './socket-facts.ts';
import type { SocketHeartbeat } from './socket-heartbeat.ts';
import type { SocketLimits } from './socket-limits.ts';
import type { SocketRegister } from './socket-register.ts';
import type { SocketTunnel } from './socket-tunnel.ts';
import type { SocketWays } from './socket-ways.ts';

/** Owned by the transport. */
export interface SocketTools {
  readonly ways: SocketWays;
  readonly limits: SocketLimits;
  readonly attemptLimits: AttemptLimits;
  readonly heartbeat: SocketHeartbeat;
  readonly idle: IdleSockets;
  /** Those of turns, until nothing of them is left. */
  readonly sockets: SocketRegister<ProviderSocket>;
  readonly tunnels: SocketRegister<SocketTunnel>;
  /** What messages keep until they are whole, and repairs until their end. */
  readonly answers: ByteAccount;
  readonly latency: EventLatency;
  readonly facts: SocketFactListener;
  /** Hears what our own code threw where nobody could catch it. Must not throw. */
  readonly onMistake: (error: unknown) => void;
}
