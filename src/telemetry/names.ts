/**
 * Every name that leaves the process for an operator: log events, metrics, and the closed sets of their labels.
 * docs/logs.md and docs/metrics.md are compared with this file by tests. Labels and log fields keep the same words.
 */
import type { FrameRefusal, HandshakeResult, CloseInitiator, TlsFailure } from '../client/facts.ts';
import type { ClientKind, ContinuationResult, TurnOutcome } from '../turn/facts.ts';

/** Which names of the GenAI conventions spans and metrics carry: those of their main line, or of the last numbered version. */
export type Semconv = 'latest' | 'v1.41';

/** The prefix of every metric of ours. */
export const METRIC_PREFIX = 'turnbridge_';

/** The `event` field of a log line: what happened, as one word of a closed set. */
export const LOG_EVENTS = [
  'process.start',
  'process.ready',
  'process.drain',
  'process.exit',
  'config.reload',
  'config.watch',
  'connection.open',
  'connection.reject',
  'connection.close',
  'tunnel.open',
  'tunnel.close',
  'turn.start',
  'turn.end',
  'attempt.fail',
  'turn.failover',
  'turn.failover_denied',
  'turn.transport_fallback',
  'provider.ejected',
  'provider.returned',
  'slow.consumer',
  'protocol.error',
  'tls.certificate',
  'tls.handshake',
  'transcript.evict',
  'operator.lease',
  'operator.watch',
  'operator.snapshot',
  'operator.pods',
  'operator.status',
  'operator.reconcile',
  'operator.event',
  'operator.owner',
  'operator.demo',
  'bridge.mistake',
  'telemetry.drop',
  'telemetry.series',
] as const;

/** One of {@link LOG_EVENTS}. */
export type LogEvent = (typeof LOG_EVENTS)[number];

/** Label value where a turn has no such thing: a turn refused before a route or a provider was chosen. */
export const LABEL_NONE = 'none';

/** Label value that takes the place of every value beyond a limit or outside a closed set. */
export const LABEL_OTHER = 'other';

/** Every member of a union once; the compiler refuses a list that misses one or knows one too many. */
function allOf<T extends string>(members: Readonly<Record<T, true>>): readonly T[] {
  return Object.keys(members) as T[];
}

export const CLIENT_KINDS = allOf<ClientKind>({
  codex: true,
  openai_sdk: true,
  turnbridge: true,
  other: true,
});

export const HANDSHAKE_RESULTS = allOf<HandshakeResult>({
  accepted: true,
  bad_request: true,
  unauthorized: true,
  origin_refused: true,
  not_found: true,
  disabled: true,
  limited: true,
  draining: true,
  not_ready: true,
  provider_failed: true,
});

export const FRAME_REFUSALS = allOf<FrameRefusal>({
  invalid_json: true,
  unknown_event: true,
  unsupported_frame_type: true,
  frame_too_large: true,
  invalid_stream_id: true,
  stream_limit: true,
  queue_full: true,
  no_room: true,
  leaving: true,
  invalid_request: true,
  legacy_event: true,
});

export const TLS_FAILURES = allOf<TlsFailure>({
  timeout: true,
  plain_http: true,
  no_tls: true,
  not_agreed: true,
  certificate_refused: true,
  crowded_out: true,
  disconnected: true,
  other: true,
});

export const CLOSE_INITIATORS = allOf<CloseInitiator>({ local: true, remote: true, network: true });

/** The codes of RFC 6455 that a close can be reported with; any other counts as `other`. */
export const CLOSE_CODES: readonly string[] = [
  '1000',
  '1001',
  '1002',
  '1003',
  '1005',
  '1006',
  '1007',
  '1008',
  '1009',
  '1010',
  '1011',
  '1012',
  '1013',
  '1014',
];

/** `none` is left out: a turn that names no earlier response is not counted. */
export const CONTINUATION_RESULTS = allOf<Exclude<ContinuationResult, 'none'>>({
  hit: true,
  miss: true,
  passed: true,
});

/** What became of a span that was to be exported. */
export const SPAN_RESULTS = ['exported', 'dropped', 'failed'] as const;

/** Where the bridge's own time goes: until a request is with its transport, until an event is with its client. */
export const OVERHEAD_PHASES = ['request', 'event'] as const;

/** Garbage collections, as V8 tells them apart. */
export const GC_KINDS = ['minor', 'major', 'incremental', 'weakcb'] as const;

/** One of {@link GC_KINDS}. */
export type GcKind = (typeof GC_KINDS)[number];

/** What an outcome means to somebody who watches: did it work, did it fail, did the client not want it any more. */
export type OutcomeClass = 'ok' | 'error' | 'aborted';

export const OUTCOME_CLASSES: Readonly<Record<TurnOutcome, OutcomeClass>> = {
  completed: 'ok',
  incomplete: 'ok',
  failed: 'error',
  provider_error: 'error',
  timeout: 'error',
  rejected: 'error',
  cancelled: 'aborted',
  disconnected: 'aborted',
  drained: 'error',
  bridge_error: 'error',
};

/**
 * The outcomes by which service levels are judged, besides those that do not count: the success that makes a ratio
 * exist, and every failure. Shown with 0 before the first of them, so that rates see it.
 */
export const JUDGED_OUTCOMES = [
  'completed',
  'failed',
  'provider_error',
  'timeout',
  'drained',
  'bridge_error',
] as const satisfies readonly TurnOutcome[];

/**
 * Error types of attempts that ended by the bridge's own doing: its budget for answers was full, or it made a mistake.
 * They say nothing about the provider. The alert TurnbridgeProviderErrorRate leaves out the same ones; a test compares.
 */
export const OWN_FAULTS: ReadonlySet<string> = new Set(['no_room', 'internal_error']);

/** What became of a changed configuration: in effect, or refused while the last good one stays. */
export const CONFIG_RELOAD_RESULTS = ['success', 'failure'] as const;

/** One of {@link CONFIG_RELOAD_RESULTS}. */
export type ConfigReloadResult = (typeof CONFIG_RELOAD_RESULTS)[number];
