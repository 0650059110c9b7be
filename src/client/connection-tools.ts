/** What the connections (and HTTP requests) of a process work with, and the settings that hold for all of them. */
import type { Budget } from '../turn/budget.ts';
import type { TranscriptStore } from '../turn/transcript.ts';
import type { TurnTools } from '../turn/turn-parts.ts';
import type { ClientFactListener, FrameCounts } from './facts.ts';
import type { FlowLimits } from './flow.ts';

/** Settings that hold for every connection of the process. */
export interface ConnectionSettings {
  readonly flow: FlowLimits;
  /** 0: no pings. */
  readonly pingIntervalMs: number;
  /** Silence after which a waiting Codex client gets a text; 0: never. */
  readonly keepaliveMs: number;
}

/** What every connection of a process shares. */
export interface ConnectionTools {
  readonly turnTools: TurnTools;
  readonly transcripts: TranscriptStore;
  readonly facts: ClientFactListener;
  readonly counts: FrameCounts;
  readonly inbound: Budget;
  readonly clientSend: Budget;
  readonly settings: ConnectionSettings;
}
