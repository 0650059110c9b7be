/** What the connections (and HTTP requests) of a process work with, and the settings that hold for all of them. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { RouteGroup } from '../route/snapshot.ts';
import type { EventLatency } from '../events/event-latency.ts';
import type { Budget } from '../turn/budget.ts';
import type { TranscriptStore } from '../turn/transcript.ts';
import type { TurnClient } from '../turn/turn-client.ts';
import type { TurnTools } from '../turn/turn-parts.ts';
import type { ClientFactListener, ConnectionRecord, FrameCounts } from './facts.ts';
import type { FlowLimits } from './flow.ts';

/** Settings that hold for every connection of the process. */
export interface ConnectionSettings {
  readonly flow: FlowLimits;
  /** 0: no pings. */
  readonly pingIntervalMs: number;
  /** Silence after which a waiting Codex client gets a text; 0: never. */
  readonly keepaliveMs: number;
  readonly clientAddress: ClientAddressPolicy;
  /**
   * How long a drain leaves an HTTP connection open, behind an answer that promised to keep it, for one more request.
   * Left out: a second; only tests say otherwise.
   */
  readonly partingMs?: number;
}

/** How much of a client's address telemetry gets: its /24 or /48, or all of it. */
export type ClientAddressPolicy = 'truncated' | 'full';

/** What every connection of a process shares. */
export interface ConnectionTools {
  readonly turnTools: TurnTools;
  readonly transcripts: TranscriptStore;
  readonly facts: ClientFactListener;
  readonly counts: FrameCounts;
  readonly latency: EventLatency;
  readonly inbound: Budget;
  readonly clientSend: Budget;
  readonly settings: ConnectionSettings;
}

/** What one connection is made of. */
export interface ConnectionParts {
  readonly tools: ConnectionTools;
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly client: TurnClient;
  readonly record: ConnectionRecord;
  /** The group as it is now. */
  readonly group: () => RouteGroup;
  readonly isCodexDialect: boolean;
  /** A provider has answered a turn, with these headers for the client. */
  readonly onAnswered?: (headers: Readonly<Record<string, string>>) => void;
  /** Everything is given back; the last thing it calls. */
  readonly onClosed: () => void;
}
