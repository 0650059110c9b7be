/**
 * What a turn announces. Metrics, log lines, spans and the ops page all listen to these facts; none of them is
 * sprinkled through the logic. A record holds closed sets, numbers and identifiers: never a header, a query, a body
 * or a provider's text.
 */

import type { FailoverCause } from '../route/failover-causes.ts';

/** How a turn ended: one closed set for metrics, logs and spans. */
export type TurnOutcome =
  | 'completed' // response.completed delivered
  | 'incomplete' // response.incomplete delivered
  | 'failed' // the provider's own failure, relayed
  | 'provider_error' // no usable answer: connect failure, reset, refusal 5xx, stream without an end
  | 'timeout' // first-event, idle or turn limit
  | 'rejected' // refused for what was asked: by us before any attempt, or by the provider
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

/** A span of ours, by the identifiers of W3C Trace Context. */
export interface TraceIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** The span is recorded and exported; only then can anybody find it. */
  readonly isSampled: boolean;
  /** `tracestate` as it came with the trace; empty when there is none. */
  readonly traceState: string;
}

/** The trace that a client says its request belongs to. Not judged yet: bounded text, and no more. */
export interface ClientTrace {
  /** At most 64 characters. */
  readonly traceparent: string;
  /** At most 512 characters. */
  readonly tracestate: string | undefined;
}

/** What a client's trace means to a turn: `clients.trace` of its route. */
export type TracePolicy = 'Parent' | 'ParentSampled' | 'Link' | 'Ignore';

/** What the Codex CLI calls a request (`request_kind` of its turn metadata). */
export type RequestKind = 'turn' | 'prewarm' | 'compaction' | 'memory' | 'other';

/**
 * What spans tell of a request beyond what everybody hears. Read only where somebody listens for it
 * (`TurnTools.readsDetails`). Identifiers of clients are pseudonyms (turn/pseudonyms.ts); the rest are numbers and
 * short words of a safe alphabet.
 */
export interface RequestDetails {
  readonly clientTrace: ClientTrace | undefined;
  readonly tracePolicy: TracePolicy;
  /** The lane's name as a pseudonym; undefined for the default lane. */
  readonly laneName: string | undefined;
  /** Codex's id of the user's turn, of which several requests are parts; a pseudonym. */
  readonly codexTurn: string | undefined;
  readonly requestKind: RequestKind | undefined;
  /** `x-openai-subagent`: what kind of helper of an agent asks. */
  readonly subagent: string | undefined;
  /** The model as the provider was asked for it. */
  readonly providerModel: string | undefined;
  readonly previousResponseId: string | undefined;
  readonly reasoningLevel: string | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly serviceTier: string | undefined;
  /** The client asked for JSON of a schema, or for a JSON object. */
  readonly asksForJson: boolean;
}

/** Why a response came to its end, in the words of the GenAI conventions. */
export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_call' | 'error';

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
  /** The provider's name within its route: of the last attempt. */
  provider: string | undefined;
  /** What the client asked for, if a route names that model; else `other`. Bounded by configuration. */
  model: string;
  /** Of the last attempt. */
  transport: 'http' | 'websocket';
  /** `default` for the lane without a name. Never the client's own text. */
  readonly lane: 'default' | 'named';
  readonly requestBytes: number;
  /** Where it came in: the group's base and `/responses`, from configuration. */
  readonly path: string;
  /** It asked to be warmed up: announced as a turn only when it was refused. */
  readonly isWarmup: boolean;
  /** The request names an earlier response. */
  readonly asksToContinue: boolean;
  readonly receivedAt: number;
  /** The turn's own span; set by the tracer, if there is one, before anybody else hears of `turn.started`. */
  trace: TraceIds | undefined;
  details: RequestDetails | undefined;
  /** The client's session, thread or conversation: a pseudonym, or raw where the route says so (`telemetry.sessionIds`). */
  session: string | undefined;
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
  /** When it was paused first. */
  firstPausedAt: number | undefined;
  /** `response.interrupt` came for it. */
  interruptedAt: number | undefined;
  /** Keep-alives of the provider that were passed on, and when the first one was. */
  keepalives: number;
  firstKeepaliveAt: number | undefined;
  /**
   * What the bridge itself took from the receipt of the request to handing it to the transport, without the time in
   * the lane's queue; undefined when there was no attempt.
   */
  overheadMs: number | undefined;
  continuation: ContinuationResult;
  outcome: TurnOutcome | undefined;
  /** From the closed list of docs/errors.md; undefined when nothing failed. */
  errorType: string | undefined;
  /** The code that the client heard, if it is one that docs/errors.md names; else `_OTHER`. */
  answerCode: string | undefined;
  /** HTTP status of the provider's refusal, or of ours. */
  status: number | undefined;
  finishReason: FinishReason | undefined;
  /** The model that answered, and the tier it was served in, as the terminal event names them. */
  responseModel: string | undefined;
  responseTier: string | undefined;
  usage: TokenUsage | undefined;
  /** The provider's response id, for its support; not a secret. */
  responseId: string | undefined;
  providerRequestId: string | undefined;
}

export type ClientKind = 'codex' | 'openai_sdk' | 'turnbridge' | 'other';

export interface TokenUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** A connection that was dialled for an attempt. Times as in {@link TurnRecord}. */
export interface DialRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  /** DNS, TCP and TLS took so long; undefined for a step that was not made or not reached. */
  readonly dnsMs: number | undefined;
  readonly tcpMs: number | undefined;
  readonly tlsMs: number | undefined;
  /** The same of the upgrade to a WebSocket. */
  readonly upgradeMs?: number | undefined;
  /** As TurnRecord.errorType; undefined when the connection was opened. */
  readonly errorType: string | undefined;
}

/** One attempt at a provider. */
export interface AttemptRecord {
  readonly number: number;
  readonly provider: string;
  /** Scheme, host and port of its url, from configuration. */
  readonly origin: string;
  /** The path asked for, from configuration: no query. */
  readonly path: string;
  readonly transport: 'http' | 'websocket';
  readonly reason: 'first' | 'retry' | 'failover' | 'transport_fallback';
  /** Why it travels as it does. */
  readonly transportReason: TransportReason;
  readonly startedAt: number;
  /** The attempt's span; set by the tracer, if there is one, while it hears of `attempt.started`. */
  trace: TraceIds | undefined;
  /** The connection that was opened for it; undefined: it went out on one that was there. */
  dial: DialRecord | undefined;
  /** HTTP version spoken, once it is known. */
  httpVersion: '1.1' | '2' | undefined;
  /** `x-request-id` of the answer. */
  requestId: string | undefined;
  firstEventAt: number | undefined;
  events: number;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  result: AttemptResult | undefined;
  /** As TurnRecord.errorType; there with `error`, `rejected` and `fallback`. */
  errorType: string | undefined;
  /** Of the answer; of a provider's WebSocket the one that its error event stands for, else that of the upgrade. */
  status: number | undefined;
  /** Seconds that the provider asked to wait. */
  retryAfterS: number | undefined;
  /** With which code the provider closed its WebSocket while the attempt ran; undefined where it did not. */
  closeCode?: number | undefined;
}

/** How an attempt ended. */
export type AttemptResult =
  | 'ok'
  | 'error'
  | 'rejected' // the provider refused what the client asked for, which says nothing about the provider
  | 'fallback' // its WebSocket did not serve: the turn went on without it, over HTTP or on a fresh one
  | 'aborted'; // nobody wanted it any more

/** Why an attempt travels over HTTP, or over the provider's WebSocket. */
export type TransportReason =
  | 'configured' // the route says so
  | 'preferred' // Auto, and nothing speaks against the WebSocket
  | 'dialect' // Auto, and providers of this dialect have no WebSocket
  | FallbackReason;

/** Why a turn that might have gone over a provider's WebSocket went over HTTP. */
export type FallbackReason =
  | 'not_supported' // the upgrade was refused as such, now or within the last five minutes
  | 'too_large' // beyond limits.maxWebSocketMessageBytes
  | 'upgrade_refused' // with another status: asked again next time
  | 'handshake_timeout' // the upgrade was not answered, now or within the last minute
  | 'socket_lost'; // the WebSocket was lost before the first event

/** Why no other provider was asked, though the cause allowed it. */
export type FailoverDenial = 'attempts' | 'budget' | 'pinned' | 'nowhere';

/** The rate-limit window of a provider's answer: what remains, from 0 to 1; undefined where it did not say. */
export interface RateLimitWindow {
  readonly requests: number | undefined;
  readonly tokens: number | undefined;
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
  | { readonly kind: 'warmup.answered'; readonly route: string; readonly turn: TurnRecord }
  /** Before its first event the turn goes on to another provider. */
  | {
      readonly kind: 'turn.failover';
      readonly turn: TurnRecord;
      readonly from: string;
      readonly to: string;
      readonly cause: FailoverCause;
    }
  /** It failed for a cause that allows another provider, and none was asked. */
  | {
      readonly kind: 'turn.failover-denied';
      readonly turn: TurnRecord;
      readonly provider: string;
      /** How many usable ones its route has. */
      readonly providers: number;
      readonly reason: FailoverDenial;
    }
  /** The turn travels over HTTP, though its provider's WebSocket was preferred. */
  | {
      readonly kind: 'turn.transport-fallback';
      readonly turn: TurnRecord;
      readonly provider: string;
      /** `now`: an attempt of this turn found it out. */
      readonly known: 'beforehand' | 'now';
      readonly reason: FallbackReason;
    }
  /** A provider is left alone for a while: it failed too often in a row, or asked for it by `retry-after`. */
  | {
      readonly kind: 'provider.ejected';
      readonly route: string;
      readonly provider: string;
      readonly why: 'failures' | 'retry_after';
      readonly forMs: number;
    }
  /** It answered again after a rest. */
  | { readonly kind: 'provider.returned'; readonly route: string; readonly provider: string }
  | {
      readonly kind: 'provider.rate-limit';
      readonly route: string;
      readonly provider: string;
      readonly window: RateLimitWindow;
    }
  /** Our own code threw. The error is for the log, which takes its name and stack and no message. */
  | { readonly kind: 'bridge.mistake'; readonly error: unknown }
  /** A chain was given up because a transcript budget was full. */
  | { readonly kind: 'transcript.evicted'; readonly connectionId: string; readonly bytes: number };

/** Hears facts as they happen. Must not throw and must not block. */
export type TurnFactListener = (fact: TurnFact) => void;
