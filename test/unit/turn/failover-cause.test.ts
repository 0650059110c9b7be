import { describe, expect, test } from '@jest/globals';
import { eventTypeOf } from '../../../src/events/event-type.ts';
import { ProviderFault, type AttemptEnd, type ProviderFaultCode } from '../../../src/provider/provider.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { judgeEnd, judgeFirstEvent, judgeTimeout, type Judgement } from '../../../src/turn/failover-cause.ts';
import { aProvider } from '../../harness/compiled-route.ts';

const OWN: CompiledProvider['auth'] = {
  type: 'APIKey',
  header: 'authorization',
  prefix: 'Bearer ',
  key: new Secret('sk-1'),
};
const OWN_KEY = aProvider({ auth: OWN });
const CLIENTS_KEY = aProvider({ auth: { type: 'Passthrough' } });
const AUTO = aProvider({ transport: 'Auto', auth: OWN });
const SOCKETS_ONLY = aProvider({ transport: 'WebSocket', auth: OWN });

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const OVER_HTTP = { transport: 'http', isAnswered: false } as const;
const OVER_WEBSOCKET = { transport: 'websocket', isAnswered: true } as const;

/** What is true of a judgement, in the fewest words. */
function said(judgement: Judgement): string {
  const { cause, isFailure, isAnswer, releasesPin, retryAfterMs, fallback, lack, isStale } = judgement;
  return [
    cause,
    isFailure && 'failure',
    isAnswer && 'answer',
    releasesPin && 'unpins',
    retryAfterMs !== undefined && `after ${retryAfterMs}`,
    fallback !== undefined && `http: ${fallback}`,
    lack !== undefined && (lack === fallback ? 'remembered' : `remembered: ${lack}`),
    isStale && 'stale',
  ]
    .filter((word) => typeof word === 'string')
    .join(', ');
}

function refused(
  status: number,
  body: unknown = {},
  headers: Record<string, string> = {},
  phase: 'request' | 'upgrade' = 'request',
): AttemptEnd {
  return {
    kind: 'refused',
    phase,
    status,
    httpVersion: '1.1',
    headers,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
}

function lost(code: ProviderFaultCode, closeCode?: number, isStale = false): AttemptEnd {
  return { kind: 'lost', fault: new ProviderFault(code, 'lost', undefined, closeCode), isStale };
}

describe('a refusal of a provider that the bridge pays for', () => {
  test.each<[number, string]>([
    [400, 'answer'],
    [401, 'ServerError, failure, unpins'],
    [402, 'ServerError, failure, unpins'],
    [403, 'ServerError, failure, unpins'],
    [404, ''],
    [405, ''],
    [408, 'Timeout, failure, unpins'],
    [409, 'answer'],
    [413, 'answer'],
    [415, 'answer'],
    [422, 'answer'],
    [426, ''],
    [429, 'RateLimited, failure, unpins'],
    [500, 'ServerError, failure, unpins'],
    [501, 'ServerError, failure, unpins'],
    [502, 'ServerError, failure, unpins'],
    [503, 'ServerError, failure, unpins'],
    [504, 'Timeout, failure, unpins'],
    [529, 'ServerError, failure, unpins'],
    [302, 'ServerError, failure, unpins'],
  ])('with status %p means: %s', (status, expected) => {
    expect(said(judgeEnd(refused(status), OWN_KEY, OVER_HTTP, NOW))).toBe(expected);
  });
});

describe('a refusal of a provider that clients pay for', () => {
  test.each<[number, string]>([
    [401, 'answer, unpins'],
    [402, 'unpins'],
    [403, 'answer, unpins'],
    [429, 'RateLimited, answer, unpins'],
    [500, 'ServerError, failure, unpins'],
  ])('with status %p means: %s', (status, expected) => {
    expect(said(judgeEnd(refused(status), CLIENTS_KEY, OVER_HTTP, NOW))).toBe(expected);
  });

  test('never sends the other clients away, however long this one has to wait', () => {
    const end = refused(429, {}, { 'retry-after': '3600' });
    expect(said(judgeEnd(end, CLIENTS_KEY, OVER_HTTP, NOW))).toBe('RateLimited, answer, unpins');
  });
});

describe('what a provider says decides', () => {
  test.each<[string, AttemptEnd, string]>([
    [
      'how long it wants to be left alone',
      refused(429, {}, { 'retry-after': '20' }),
      'RateLimited, unpins, after 20000',
    ],
    [
      'the same as a date',
      refused(429, {}, { 'retry-after': 'Sat, 21 Nov 2026 12:00:09 GMT' }),
      'RateLimited, unpins, after 9000',
    ],
    [
      'with a server that is down for a time',
      refused(503, {}, { 'retry-after-ms': '250' }),
      'ServerError, failure, unpins, after 250',
    ],
    [
      'a client’s fault under the status of a server',
      refused(500, { error: { code: 'context_length_exceeded' } }),
      'answer',
    ],
    ['a model that it does not have', refused(404, { error: { code: 'model_not_found' } }), 'answer'],
    [
      'a quota that is used up',
      refused(429, { error: { code: 'insufficient_quota' } }),
      'RateLimited, failure, unpins',
    ],
    [
      'a quota under another status',
      refused(403, { error: { type: 'usage_limit_reached' } }),
      'RateLimited, failure, unpins',
    ],
    ['nothing that could be read', refused(500, '<html>'), 'ServerError, failure, unpins'],
    ['an array', refused(400, [{ error: { message: 'x' } }]), 'answer'],
  ])('%s', (_what, end, expected) => {
    expect(said(judgeEnd(end, OWN_KEY, OVER_HTTP, NOW))).toBe(expected);
  });
});

describe('an attempt without an event', () => {
  test.each<[string, AttemptEnd, boolean, string]>([
    ['no connection', lost('connect_failed'), false, 'ConnectFailure, failure, unpins'],
    ['no connection in time', lost('connect_timeout'), false, 'ConnectFailure, failure, unpins'],
    ['no such host', lost('dns_failed'), false, 'ConnectFailure, failure, unpins'],
    ['no trust', lost('tls_failed'), false, 'ConnectFailure, failure, unpins'],
    ['an address that may not be', lost('address_refused'), false, 'ConnectFailure, failure, unpins'],
    ['lost before the answer', lost('connection_lost'), false, 'ConnectFailure, failure, unpins'],
    ['lost after the answer began', lost('connection_lost'), true, 'ServerError, failure, unpins'],
    ['nonsense', lost('protocol_error'), true, 'ServerError, failure, unpins'],
    ['an answer that ends at once', { kind: 'finished' }, true, 'ServerError, failure, unpins'],
    ['no room in the bridge', lost('no_room'), true, ''],
    ['a request that is too large', lost('request_too_large'), false, ''],
  ])('because of: %s', (_what, end, isAnswered, expected) => {
    const attempt = { transport: 'http', isAnswered } as const;
    expect(said(judgeEnd(end, OWN_KEY, attempt, NOW))).toBe(expected);
    // over HTTP there is nowhere to fall back to, though the next turn might go another way
    expect(said(judgeEnd(end, AUTO, attempt, NOW))).toBe(expected);
  });

  test('in time is a timeout', () => {
    expect(said(judgeTimeout())).toBe('Timeout, failure, unpins');
  });
});

describe('a WebSocket that is not to be had', () => {
  test.each<[number, string, string]>([
    [400, 'http: not_supported, remembered: bad_request', 'answer'],
    [404, 'http: not_supported, remembered', 'ServerError, failure, unpins'],
    [405, 'http: not_supported, remembered', 'ServerError, failure, unpins'],
    [426, 'http: not_supported, remembered', 'ServerError, failure, unpins'],
    [501, 'http: not_supported, remembered', 'ServerError, failure, unpins'],
    [401, 'http: upgrade_refused', 'ServerError, failure, unpins'],
    [403, 'http: upgrade_refused', 'ServerError, failure, unpins'],
    [429, 'http: upgrade_refused', 'RateLimited, failure, unpins'],
    [500, 'http: upgrade_refused', 'ServerError, failure, unpins'],
    [503, 'http: upgrade_refused', 'ServerError, failure, unpins'],
    [504, 'http: upgrade_refused', 'Timeout, failure, unpins'],
    [302, 'http: upgrade_refused', 'ServerError, failure, unpins'],
    [200, 'http: upgrade_refused', 'ServerError, failure, unpins'],
  ])('because of status %p', (status, withAuto, withWebSocketOnly) => {
    const end = refused(status, {}, {}, 'upgrade');
    expect(said(judgeEnd(end, AUTO, OVER_WEBSOCKET, NOW))).toBe(withAuto);
    expect(said(judgeEnd(end, SOCKETS_ONLY, OVER_WEBSOCKET, NOW))).toBe(withWebSocketOnly);
  });

  test.each<[string, AttemptEnd, string, string]>([
    [
      'a host that is not reached',
      lost('connect_failed'),
      'ConnectFailure, failure, unpins',
      'ConnectFailure, failure, unpins',
    ],
    [
      'a handshake that stalls',
      lost('handshake_timeout'),
      'http: handshake_timeout, remembered',
      'ConnectFailure, failure, unpins',
    ],
    [
      'a reset before the first event',
      lost('connection_lost'),
      'http: socket_lost',
      'ServerError, failure, unpins',
    ],
    [
      'a close without a code',
      lost('socket_closed', 1005),
      'http: socket_lost',
      'ServerError, failure, unpins',
    ],
    [
      'a server that restarts',
      lost('socket_closed', 1012),
      'http: socket_lost',
      'ServerError, failure, unpins',
    ],
    ['a message that is too big', lost('socket_closed', 1009), 'http: too_large', ''],
    ['a request that is too large', lost('request_too_large', 1009), 'http: too_large', ''],
    [
      'a server that wants to be asked later',
      lost('socket_closed', 1013),
      'RateLimited, failure, unpins',
      'RateLimited, failure, unpins',
    ],
    ['nonsense', lost('protocol_error'), 'ServerError, failure, unpins', 'ServerError, failure, unpins'],
    [
      'a socket that was dead before',
      lost('connection_lost', undefined, true),
      'ConnectFailure, http: socket_lost, stale',
      'ConnectFailure, stale',
    ],
  ])('because of: %s', (_what, end, withAuto, withWebSocketOnly) => {
    expect(said(judgeEnd(end, AUTO, OVER_WEBSOCKET, NOW))).toBe(withAuto);
    expect(said(judgeEnd(end, SOCKETS_ONLY, OVER_WEBSOCKET, NOW))).toBe(withWebSocketOnly);
  });
});

describe('the first event', () => {
  function judge(event: object, provider = OWN_KEY, transport: 'http' | 'websocket' = 'websocket'): string {
    const payload = Buffer.from(JSON.stringify(event));
    return said(judgeFirstEvent(payload, eventTypeOf(payload), provider, transport, NOW));
  }
  const failed = (error: unknown) => ({ type: 'response.failed', response: { id: 'resp_1', error } });

  test.each<[string, object, string]>([
    ['a response', { type: 'response.created', response: {} }, 'answer'],
    ['its whole end', { type: 'response.completed', response: {} }, 'answer'],
    ['anything unknown', { type: 'vendor.hello' }, 'answer'],
    ['a keep-alive', { type: 'keepalive' }, ''],
    ['metadata', { type: 'response.metadata', headers: {} }, ''],
    ['an error that says no more', { type: 'error' }, 'ServerError, failure, unpins'],
    [
      'an error with a status',
      { type: 'error', status: 503, error: { code: 'x' } },
      'ServerError, failure, unpins',
    ],
    ['an error with the other name for it', { type: 'error', status_code: 504 }, 'Timeout, failure, unpins'],
    [
      'an overloaded server',
      { type: 'error', error: { code: 'server_is_overloaded' } },
      'ServerError, failure, unpins',
    ],
    [
      'a busy server, flat',
      { type: 'error', code: 'slow_down', message: 'm' },
      'ServerError, failure, unpins',
    ],
    [
      'a rate limit',
      { type: 'error', error: { code: 'rate_limit_exceeded' }, headers: { 'Retry-After': 3 } },
      'RateLimited, unpins, after 3000',
    ],
    [
      'a login that is not valid',
      { type: 'error', status: 401, error: { code: 'invalid_api_key' } },
      'ServerError, failure, unpins',
    ],
    ['a client’s fault', { type: 'error', status: 400, error: { code: 'invalid_prompt' } }, 'answer'],
    ['a lost anchor', { type: 'error', error: { code: 'previous_response_not_found' } }, 'answer'],
    ['a word that nobody knows', { type: 'error', error: { code: 'weird_policy', message: 'm' } }, ''],
    [
      'a word that nobody knows, of a server',
      { type: 'error', error: { code: 'weird', type: 'server_error' } },
      'ServerError, failure, unpins',
    ],
    ['a failed response', failed({ code: 'server_error' }), 'ServerError, failure, unpins'],
    ['a failed response without a word', failed(null), 'ServerError, failure, unpins'],
    [
      'a failed response beyond a limit',
      failed({ code: 'rate_limit_exceeded' }),
      'RateLimited, failure, unpins',
    ],
    ['a failed response by the client’s fault', failed({ code: 'context_length_exceeded' }), 'answer'],
    ['a failed response that nobody understands', failed({ code: 'weird_policy' }), ''],
  ])('is %s', (_what, event, expected) => {
    expect(judge(event)).toBe(expected);
  });

  test('says that the socket is used up: a fresh one is tried', () => {
    const event = { type: 'error', status: 400, error: { code: 'websocket_connection_limit_reached' } };
    expect(judge(event, AUTO)).toBe('ConnectFailure, http: socket_lost, stale');
    expect(judge(event, SOCKETS_ONLY)).toBe('ConnectFailure, stale');
    expect(judge(event, AUTO, 'http')).toBe('');
  });

  test('of a client’s own limit does not rest the provider', () => {
    const event = { type: 'error', status: 429, headers: { 'retry-after': '60' } };
    expect(judge(event, CLIENTS_KEY)).toBe('RateLimited, answer, unpins');
  });
});
