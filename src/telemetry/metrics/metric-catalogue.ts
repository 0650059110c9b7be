/**
 * Every metric of ours: name, kind, labels, buckets, meaning. docs/metrics.md is compared with it by a test. Base
 * units are in the names; label values come from configuration or from the closed sets of names.ts.
 */
import { counter, gauge, histogram, TURN_BUCKETS } from './metric-definition.ts';
import { PROVIDER_CATALOGUE } from './provider-catalogue.ts';

const FIRST_EVENT_BUCKETS = [
  0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 120,
];
const GAP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const QUEUE_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** 3 600 s is the usual limit of a connection's life: dense around it. */
const CONNECTION_BUCKETS = [1, 10, 60, 300, 900, 1800, 2700, 3300, 3600, 7200, 14_400];
const RTT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SPEED_BUCKETS = [5, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1000];
/** What a turn says is some kilobytes at first, and megabytes when it carries its whole history or images. */
const FRAME_BUCKETS = [1e3, 1e4, 5e4, 1e5, 5e5, 1e6, 4e6, 16e6];
/** Ours: a fraction of a millisecond when all is well. */
const OVERHEAD_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const LOOP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const GC_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

export const CATALOGUE = {
  connections: gauge('client_connections', [], 'Client connections open now.'),
  connectionsLimit: gauge('client_connections_limit', [], 'Most client connections this process takes.'),
  connectionsOpened: counter('client_connections_opened_total', ['client'], 'Client connections opened.'),
  connectionsClosed: counter(
    'client_connections_closed_total',
    ['code', 'initiator'],
    'Client connections closed, by WebSocket close code and by who closed.',
  ),
  connectionDuration: histogram(
    'client_connection_duration_seconds',
    [],
    CONNECTION_BUCKETS,
    'How long client connections lived.',
  ),
  connectionTurns: histogram(
    'client_connection_turns',
    [],
    [0, 1, 2, 5, 10, 20, 50, 100, 200, 500],
    'Turns per client connection.',
  ),
  handshakes: counter(
    'client_handshakes_total',
    ['result'],
    'Upgrade requests, by how they were answered, and HTTP requests that were not let in.',
  ),
  frames: counter('client_frames_total', ['direction', 'type'], 'Data frames on client connections.'),
  frameBytes: counter('client_frame_bytes_total', ['direction'], 'Payload bytes on client connections.'),
  frameSize: histogram(
    'client_frame_size_bytes',
    [],
    FRAME_BUCKETS,
    'Size of requests for a turn: frames and HTTP bodies, warm-ups included.',
  ),
  sendBuffer: gauge(
    'client_send_buffer_bytes',
    [],
    'Bytes written to client sockets and not yet taken by them.',
  ),
  backpressure: counter(
    'client_backpressure_seconds_total',
    [],
    'Time that providers were paused because a client read slowly.',
  ),
  pingRtt: histogram(
    'client_ping_rtt_seconds',
    [],
    RTT_BUCKETS,
    'From a WebSocket ping to the pong of the client.',
  ),
  protocolErrors: counter('client_protocol_errors_total', ['reason'], 'Frames refused.'),
  tlsHandshakeFailures: counter(
    'client_tls_handshake_failures_total',
    ['reason'],
    'TLS handshakes with clients that failed.',
  ),

  tunnelsActive: gauge(
    'tunnels_active',
    ['provider'],
    'WebSockets of clients that are passed on to a provider now; they are connections as well.',
  ),
  tunnels: counter(
    'tunnels_total',
    ['route', 'provider', 'ended_by'],
    'WebSockets passed on that ended, by whose end of it went first.',
  ),
  tunnelBytes: counter(
    'tunnel_bytes_total',
    ['provider', 'direction'],
    'Payload bytes of WebSockets passed on, counted when they end.',
  ),

  turnsStarted: counter(
    'turns_started_total',
    ['route', 'provider', 'model'],
    'Turns that left their queue, labelled with what was known then.',
  ),
  turns: counter(
    'turns_total',
    ['route', 'provider', 'model', 'transport', 'outcome'],
    'Turns that ended, by outcome.',
  ),
  turnDuration: histogram(
    'turn_duration_seconds',
    ['provider', 'model', 'outcome_class'],
    TURN_BUCKETS,
    'From the receipt of the request to the end of the turn.',
  ),
  turnsActive: gauge('turns_active', ['provider'], 'Turns running now.'),
  turnQueueDepth: gauge('turn_queue_depth', [], 'Turns waiting in a lane now.'),
  turnQueue: histogram('turn_queue_seconds', [], QUEUE_BUCKETS, 'Time that turns waited in their lane.'),
  timeToFirstEvent: histogram(
    'turn_time_to_first_event_seconds',
    ['provider', 'model', 'transport'],
    FIRST_EVENT_BUCKETS,
    'From the receipt of the request to the first event for the client.',
  ),
  timeToFirstOutput: histogram(
    'turn_time_to_first_output_seconds',
    ['provider', 'model', 'transport'],
    [...FIRST_EVENT_BUCKETS, 300],
    'From the receipt of the request to the first output for the client.',
  ),
  streamGap: histogram(
    'turn_stream_gap_seconds',
    ['provider'],
    GAP_BUCKETS,
    'The longest silence of the provider between two events, once per turn.',
  ),
  outputSpeed: histogram(
    'turn_output_tokens_per_second',
    ['provider', 'model'],
    SPEED_BUCKETS,
    'Output tokens per second from first output to end; completed turns of 16 tokens and more.',
  ),
  turnAttempts: histogram('turn_attempts', [], [1, 2, 3, 4, 5], 'Attempts per turn that had any.'),
  overhead: histogram(
    'overhead_seconds',
    ['phase'],
    OVERHEAD_BUCKETS,
    'What the bridge itself takes: from a request to its transport, and from a provider event to the client.',
  ),
  turnRejections: counter(
    'turn_rejections_total',
    ['reason'],
    'Turns refused for what was asked, by the bridge or by the provider, by error type.',
  ),
  warmups: counter('warmups_total', ['route'], 'Warm-ups answered here; they are no turns.'),
  transcriptBytes: gauge('transcript_bytes', [], 'Bytes held for continuation.'),
  transcriptEvictions: counter(
    'transcript_evictions_total',
    [],
    'Transcripts given up because a budget was full.',
  ),
  queuedBytes: gauge('queued_bytes', ['place'], 'Bytes waiting, by place.'),
  continuations: counter(
    'continuations_total',
    ['result'],
    'Turns that named an earlier response, by how it was resolved.',
  ),
  errors: counter(
    'errors_total',
    ['side', 'error_type'],
    'Errors: of attempts at providers, and of turns as the client heard them.',
  ),

  inputTokens: counter('input_tokens_total', ['provider', 'model'], 'Input tokens as reported.'),
  outputTokens: counter('output_tokens_total', ['provider', 'model'], 'Output tokens as reported.'),
  inputCachedTokens: counter(
    'input_cached_tokens_total',
    ['provider', 'model'],
    'Input tokens served from a cache: a part of the input tokens.',
  ),
  inputCacheWriteTokens: counter(
    'input_cache_write_tokens_total',
    ['provider', 'model'],
    'Input tokens written to a cache: a part of the input tokens.',
  ),
  outputReasoningTokens: counter(
    'output_reasoning_tokens_total',
    ['provider', 'model'],
    'Output tokens spent on reasoning: a part of the output tokens.',
  ),
  turnsWithoutUsage: counter(
    'turns_without_usage_total',
    ['provider', 'model'],
    'Turns that completed without a usage report: what the token counters do not see.',
  ),

  ...PROVIDER_CATALOGUE,

  buildInfo: gauge('build_info', ['version', 'revision', 'node'], 'Always 1; what runs is in the labels.'),
  ready: gauge('ready', [], '1 while the process takes new connections.'),
  draining: gauge('draining', [], '1 from the stop signal on.'),
  configReloads: counter(
    'config_reloads_total',
    ['result'],
    'Changed configurations, by what became of them.',
  ),
  configLastSuccess: gauge(
    'config_last_reload_success_timestamp_seconds',
    [],
    'When the configuration in effect was taken; 0 before the first.',
  ),
  configLastReloadSuccessful: gauge(
    'config_last_reload_successful',
    [],
    '1 if the last changed configuration was taken, or none came yet; 0 while a refused one waits to be mended.',
  ),
  snapshotGeneration: gauge(
    'snapshot_generation',
    [],
    "Generation of the operator's snapshot in effect: larger with each that it writes.",
  ),
  snapshotRoutes: gauge('snapshot_routes', [], 'Routes in effect.'),
  snapshotLastApplied: gauge(
    'snapshot_last_applied_timestamp_seconds',
    [],
    'When the routes in effect were taken.',
  ),
  snapshotWatchUp: gauge(
    'snapshot_watch_up',
    [],
    "1 while the watch on the snapshot's Secret is open, 0 while it is not.",
  ),
  tlsExpiry: gauge(
    'tls_certificate_expiry_timestamp_seconds',
    [],
    "When the listener's certificate ends; not there without TLS.",
  ),
  tlsReloads: counter(
    'tls_certificate_reloads_total',
    ['result'],
    'Changed certificates of the listener, by what became of them.',
  ),
  tlsLastReloadSuccessful: gauge(
    'tls_certificate_last_reload_successful',
    [],
    "1 if the files of the listener's certificate are in use as they are; 0 while a refused one waits to be mended.",
  ),
  memoryLimit: gauge(
    'memory_limit_bytes',
    [],
    "Memory that this process may use: its control group's limit, or the machine's.",
  ),
  eventLoopDelay: histogram(
    'event_loop_delay_seconds',
    [],
    LOOP_BUCKETS,
    'How late the event loop is, measured every 10 ms.',
  ),
  eventLoopUtilization: gauge(
    'event_loop_utilization_ratio',
    [],
    'Share of the last second that the event loop was busy, 0 to 1.',
  ),
  gcDuration: histogram(
    'gc_duration_seconds',
    ['kind'],
    GC_BUCKETS,
    'Pauses for garbage collection, by kind.',
  ),
  spans: counter(
    'spans_total',
    ['result'],
    'Spans that ended and were to be exported, by what became of them.',
  ),
  spanQueueLength: gauge('span_queue_length', [], 'Spans that ended and wait for export now.'),
  logLines: counter('log_lines_total', ['level'], 'Log lines taken for writing.'),
  logLinesDropped: counter(
    'log_lines_dropped_total',
    [],
    'Log lines lost because the reader was too slow or gone.',
  ),
  seriesDropped: counter(
    'metric_series_dropped_total',
    ['metric'],
    'Observations whose labels were replaced by "other" because a limit of label values or sets was reached.',
  ),
} as const;
