/** The metrics of providers: attempts at them, what was chosen between them, and the connections to them. */
import { counter, gauge, histogram, TURN_BUCKETS } from './metric-definition.ts';

const CONNECT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10];

export const PROVIDER_CATALOGUE = {
  attempts: counter(
    'provider_attempts_total',
    ['provider', 'transport', 'result', 'error_type'],
    'Attempts at providers; error_type is empty where the result is ok or aborted.',
  ),
  attemptDuration: histogram(
    'provider_attempt_duration_seconds',
    ['provider', 'transport', 'result'],
    TURN_BUCKETS,
    'How long attempts at providers took.',
  ),
  providerConnect: histogram(
    'provider_connect_seconds',
    ['provider', 'transport'],
    CONNECT_BUCKETS,
    'How long connections to providers took to open: name, TCP, TLS and upgrade. Without those that failed.',
  ),
  providerConnections: gauge(
    'provider_connections',
    ['provider', 'transport', 'state'],
    'WebSockets to providers open now for turns, by whether one is under way on them. HTTP connections are not counted.',
  ),
  providerSocketsOpened: counter(
    'provider_websockets_opened_total',
    ['provider', 'use'],
    'WebSockets to providers opened: for turns, or for a client whose frames are passed on.',
  ),
  providerSocketsClosed: counter(
    'provider_websockets_closed_total',
    ['provider', 'reason', 'code'],
    'WebSockets to providers that ended, by why and by close code; code is none without a close frame.',
  ),
  providerSocketTurns: histogram(
    'provider_websocket_turns',
    ['provider'],
    [0, 1, 2, 5, 10, 20, 50, 100, 200, 500],
    'Turns per WebSocket to a provider.',
  ),
  transportFallbacks: counter(
    'provider_transport_fallbacks_total',
    ['provider', 'reason'],
    "Turns that travelled over HTTP though their provider's WebSocket was preferred.",
  ),
  failovers: counter(
    'provider_failovers_total',
    ['from', 'to', 'reason'],
    'Turns given to another provider before their first event, by cause.',
  ),
  failoversDenied: counter(
    'provider_failovers_denied_total',
    ['provider', 'reason'],
    'Failures that another provider might have mended, and none was asked.',
  ),
  providerEjected: gauge(
    'provider_ejected',
    ['route', 'provider'],
    '1 while a provider is left alone after failures or by its own retry-after, else 0.',
  ),
  providerEjections: counter(
    'provider_ejections_total',
    ['route', 'provider', 'reason'],
    'Times that a provider was left alone.',
  ),
  rateLimitRemaining: gauge(
    'provider_rate_limit_remaining_ratio',
    ['route', 'provider', 'kind'],
    "What remains of a provider's limit, 0 to 1, as it last said; forgotten after ten minutes.",
  ),
} as const;
