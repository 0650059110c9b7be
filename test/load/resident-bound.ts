/**
 * The sizing rule of docs/reliability.md ("Memory"): how much memory a bridge may need, from its budgets and from how
 * much it serves. The load tests hold the process to it, and a test holds the page to it.
 */
import type { BudgetMib } from './bridge-process.ts';

/** What a bridge serves at a time. */
export interface Served {
  /** Connections of clients, idle ones included. */
  readonly connections: number;
  /** Turns and relayed requests under way. */
  readonly streams: number;
}

/** MiB. The process itself has 110; the rest is for garbage that is not collected yet and one message in work. */
export const BASE_MIB = 224;
/** KiB of each connection: sockets, headers, books. Measured: 15 to 30, most of it room that the heap leaves itself. */
export const CONNECTION_KIB = 64;
/** KiB of each stream: its turn, its socket, a read on both sides, what undici keeps. Measured: 60 to 110. */
export const STREAM_KIB = 192;
/** Of all budgets: memory that was freed is not with the system at once, and to join pieces takes both. Measured: 1.2 to 1.4. */
export const BUDGET_FACTOR = 1.5;

/** The most that may be resident, in MiB. */
export function residentBoundMib(served: Served, budgets: BudgetMib): number {
  const { inbound, clientSend, transcripts, answers } = budgets;
  const perPeer = (served.connections * CONNECTION_KIB + served.streams * STREAM_KIB) / 1024;
  return Math.ceil(BASE_MIB + perPeer + BUDGET_FACTOR * (inbound + clientSend + transcripts + answers));
}
