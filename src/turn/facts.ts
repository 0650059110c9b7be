/**
 * What a turn announces. Metrics, log lines and (later) spans all listen to these facts; none of them is
 * sprinkled through the logic. A record holds closed sets, numbers and identifiers: never a header, a URL, a body
 * or a provider's text.
 */

/** How a turn ended: one closed set for metrics, logs and spans. */
export type TurnOutcome =
  | 'completed' // response.completed delivered
  | 'incomplete' // response.incomplete delivered
  | 'failed' // the provider's own failure, relayed
  | 'provider_error' // no usable answer: connect failure, reset, refusal 5xx, stream without an end
  | 'timeout' // first-event, idle or turn limit
  | 'rejected' // refused before any attempt
  | 'cancelled' // response.interrupt
  | 'disconnected' // the client went away
  | 'drained' // cut by our shutdown
  | 'bridge_error'; // our bug

/** How `previous_response_id` was answered. */
export type ContinuationResult =
  | 'none' // the request named no response
  | 'hit' // expanded from the transcript
  | 'miss' // previous_response_not_found
  | 'passed'; // handed to the provider as it is

/**
 * One turn, as far as it is known. Filled while the turn runs, complete at `turn.ended`. Times are milliseconds of
 * the process's monotonic clock, durations milliseconds.
 */
export interface TurnRecord {
  /** Ours, unique: `t-…`. */
  readonly id: string;
  readonly connectionId: string;
  /** n-th turn of its connection, from 1. */
  readonly index: number;
  readonly via: 'websocket' | 'http';
  readonly clientKind: ClientKind;
  /** Name of the client's key; `anonymous`; or a keyed hash of a credential that is passed through. */
  readonly tenant: string;
  /** `namespace/name`; undefined until a route was chosen. */
  route: string | undefined;
  /** The provider's name within its route. */
  provider: string | undefined;
  /** What the client asked for, if a route names that model; else `other`. Bounded by configuration. */
  model: string;
  readonly transport: 'http' | 'websocket';
  /** `default` for the lane without a name. Never the client's own text. */
  readonly lane: 'default' | 'named';
  readonly requestBytes: number;
  readonly receivedAt: number;
  startedAt: number | undefined;
  firstEventAt: number | undefined;
  firstOutputAt: number | undefined;
  endedAt: number | undefined;
  attempts: number;
  events: number;
  bytesOut: number;
  /** Longest silence of the provider between two events. */
  maxGapMs: number;
  /** Time the provider was paused because the client read slowly. */
  pausedMs: number;
  continuation: ContinuationResult;
  outcome: TurnOutcome | undefined;
  /** From the closed list of docs/errors.md; undefined when nothing failed. */
  errorType: string | undefined;
  /** HTTP status of the provider's refusal, or of ours. */
  status: number | undefined;
  usage: TokenUsage | undefined;
  /** The provider's response id, for its support; not a secret. */
  responseId: string | undefined;
  providerRequestId: string | undefined;
}

export type ClientKind = 'codex' | 'openai_sdk' | 'turnbridge' | 'other';

export interface TokenUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** One attempt at a provider. */
export interface AttemptRecord {
  readonly number: number;
  readonly provider: string;
  /** Scheme, host and port of its url, from configuration. */
  readonly origin: string;
  readonly transport: 'http' | 'websocket';
  readonly startedAt: number;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  result: 'ok' | 'error' | 'aborted' | undefined;
  /** As TurnRecord.errorType. */
  errorType: string | undefined;
  status: number | undefined;
}

export type TurnFact =
  /** Accepted into its lane; may wait there. */
  | { readonly kind: 'turn.queued'; readonly turn: TurnRecord }
  /** Left its lane's queue; `turn.startedAt` is set. */
  | { readonly kind: 'turn.started'; readonly turn: TurnRecord }
  | { readonly kind: 'attempt.started'; readonly turn: TurnRecord; readonly attempt: AttemptRecord }
  | { readonly kind: 'turn.first-event'; readonly turn: TurnRecord }
  | { readonly kind: 'turn.first-output'; readonly turn: TurnRecord }
  | { readonly kind: 'attempt.ended'; readonly turn: TurnRecord; readonly attempt: AttemptRecord }
  /** Exactly once for each `turn.queued`, also when the turn never started. */
  | { readonly kind: 'turn.ended'; readonly turn: TurnRecord }
  /** A warm-up answered here. Never counted as a turn. */
  | { readonly kind: 'warmup.answered'; readonly route: string; readonly connectionId: string }
  /** Our own code threw. The error is for the log, which takes its name and stack and no message. */
  | { readonly kind: 'bridge.mistake'; readonly error: unknown }
  /** A chain was given up because a transcript budget was full. */
  | { readonly kind: 'transcript.evicted'; readonly connectionId: string; readonly bytes: number };

/** Hears facts as they happen. Must not throw and must not block. */
export type TurnFactListener = (fact: TurnFact) => void;
