import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ERROR_CODES, refusal } from '../../../src/frames/errors.ts';
import { ProviderFault, type ProviderFaultCode } from '../../../src/provider/provider.ts';
import { Secret } from '../../../src/route/secret.ts';
import { isClientsFault, toErrorType } from '../../../src/turn/error-type.ts';
import {
  fromAttemptEnd,
  fromErrorEvent,
  fromFailedEvent,
  fromFailedResponse,
  rejected,
  saysForgotten,
  timedOut,
} from '../../../src/turn/failure.ts';
import { aProvider } from '../../harness/compiled-route.ts';

const PROVIDER = aProvider();
const OWN_KEY = aProvider({
  auth: { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key: new Secret('sk-1') },
});

const CLIENTS_KEY = aProvider({ auth: { type: 'Passthrough' } });

function refusedBy(status: number, error: object) {
  const body = Buffer.from(JSON.stringify({ error }));
  return {
    kind: 'refused' as const,
    phase: 'request' as const,
    status,
    httpVersion: undefined,
    headers: {},
    body,
  };
}

function errorEvent(event: object) {
  return fromErrorEvent(Buffer.from(JSON.stringify({ type: 'error', ...event })), PROVIDER);
}

describe('an error event', () => {
  test.each<[string, object, number, string | null]>([
    ['flat, with a known code', { code: 'rate_limit_exceeded', message: 'm' }, 429, 'rate_limit_exceeded'],
    ['flat, with another code', { code: 'weird', message: 'm' }, 502, 'weird'],
    ['flat, with nothing', {}, 502, null],
    ['nested', { error: { code: 'invalid_prompt', message: 'm' } }, 400, 'invalid_prompt'],
    ['nested, known by its type', { error: { type: 'invalid_request_error', code: 'x' } }, 400, 'x'],
    ['nested, with a status as code', { error: { code: 418, message: 'm' } }, 418, '418'],
    [
      'with a status of its own',
      { status: 409, error: { code: 'rate_limit_exceeded' } },
      409,
      'rate_limit_exceeded',
    ],
    ['with the other name for it', { status_code: 503, code: 'x' }, 503, 'x'],
    ['with a status that is none', { status: 200, code: 'slow_down' }, 503, 'slow_down'],
    ['with a status that is no number', { status: '429', code: 'x' }, 502, 'x'],
    ['with an error that is a text', { error: 'boom' }, 502, 'server_error'],
    ['with an error that is null', { error: null, code: 'model_not_found' }, 404, 'model_not_found'],
    ['with a code that objects have by themselves', { code: 'constructor' }, 502, 'constructor'],
    ['with a type that objects have by themselves', { error: { type: 'toString' } }, 502, null],
  ])('%s has a status that clients act on', (_, event, status, code) => {
    const { answer } = errorEvent(event);
    expect(answer.status).toBe(status);
    expect(answer.error.code ?? null).toBe(code);
  });

  test.each([
    [{ error: { code: 'invalid_prompt' } }, 'rejected'],
    [{ status: 503, error: { code: 'context_length_exceeded' } }, 'rejected'],
    [{ status: 422, error: { code: 'x' } }, 'rejected'],
    [{ error: { type: 'invalid_request_error', code: 'x' } }, 'rejected'],
    [{ status: 409, error: { code: 'rate_limit_exceeded' } }, 'failed'],
    [{ status: 400, error: { type: 'usage_not_included' } }, 'failed'],
    [{ status: 418 }, 'failed'],
    [{ status: 503 }, 'failed'],
    [{}, 'failed'],
    [{ error: { code: 'invalid_api_key' } }, 'failed'],
  ])('%j ends a turn as %s', (event, outcome) => {
    expect(errorEvent(event).outcome).toBe(outcome);
  });

  test('hands on the header values that clients act on, and no others', () => {
    const { answer } = errorEvent({
      status: 429,
      code: 'x',
      headers: { 'Retry-After': 7, 'x-codex-a': 'b', 'X-RateLimit-Limit': '3', 'set-cookie': 'c', other: {} },
    });
    expect(answer.headers).toEqual({ 'retry-after': '7', 'x-codex-a': 'b', 'x-ratelimit-limit': '3' });
  });

  test('that is no JSON is an error all the same', () => {
    expect(fromErrorEvent(Buffer.from('boom'), PROVIDER).answer.status).toBe(502);
  });

  test('of enormous size is told by its code, without what makes it large', () => {
    const { answer } = errorEvent({ error: { message: 'm'.repeat(70_000), code: 'invalid_prompt' } });
    expect(answer).toMatchObject({ status: 400, error: { code: 'invalid_prompt' } });
    expect(JSON.stringify(answer).length).toBeLessThan(1_000);
  });

  test('about our own key does not reach the client', () => {
    const event = Buffer.from('{"type":"error","error":{"code":"invalid_api_key","message":"sk-1 is bad"}}');
    const { answer, errorType, outcome } = fromErrorEvent(event, OWN_KEY);
    expect([answer.status, answer.error.code, errorType, outcome]).toEqual([
      400,
      'provider_unauthorized',
      'provider_unauthorized',
      'failed',
    ]);
    expect(JSON.stringify(answer)).not.toContain('sk-1');
  });
});

describe('a response.failed event, for a client that did not ask for a stream', () => {
  test.each([
    ['{"response":{"error":{"code":"rate_limit_exceeded","message":"m"}}}', 429, 'rate_limit_exceeded', 'm'],
    ['{"response":{"error":{"code":"new_code","message":"m"}}}', 502, 'new_code', 'm'],
    ['{"response":{"error":null}}', 502, 'server_error', 'The response failed.'],
    ['{}', 502, 'server_error', 'The response failed.'],
    ['x', 502, 'server_error', 'The response failed.'],
  ])('%s has a status', (event, status, code, message) => {
    expect(fromFailedEvent(Buffer.from(event))).toMatchObject({ status, error: { code, message } });
  });
});

test('a failed response of any size gives its error', () => {
  const output = Array.from({ length: 30_000 }, () => []);
  const event = { response: { output, error: { code: 'rate_limit_exceeded', message: 'm' } } };
  expect(fromFailedEvent(Buffer.from(JSON.stringify(event)))).toMatchObject({
    status: 429,
    error: { message: 'm' },
  });
});

describe('a provider’s WebSocket', () => {
  test.each([
    [1009, 'payload_too_large', 'rejected'],
    [1013, 'slow_down', 'provider_error'],
    [1011, 'provider_connection_lost', 'provider_error'],
    [undefined, 'provider_connection_lost', 'provider_error'],
  ])('that closes with %s is told as %s', (closeCode, code, outcome) => {
    const fault = new ProviderFault('socket_closed', 'Why', undefined, closeCode);
    const failure = fromAttemptEnd({ kind: 'lost', isStale: false, fault }, PROVIDER);
    expect(failure).toMatchObject({ outcome, errorType: 'socket_closed', answer: { error: { code } } });
  });

  test.each([200, 301, 404, 405, 426, 501])(
    'that is none (%i) is the route’s mistake, and said so',
    (status) => {
      const end = { ...refusedBy(status, { message: 'theirs' }), phase: 'upgrade' } as const;
      const { answer, outcome } = fromAttemptEnd(end, PROVIDER);
      expect(outcome).toBe('provider_error');
      expect(answer).toMatchObject({ status: 502, error: { code: 'provider_has_no_websocket' } });
      expect(answer.error.message).toMatch(/has no WebSocket at this URL.*transport/);
    },
  );

  test('that refuses the upgrade for another reason is told like any refusal', () => {
    const end = { ...refusedBy(429, { code: 'rate_limit_exceeded' }), phase: 'upgrade' } as const;
    expect(fromAttemptEnd(end, PROVIDER).answer.status).toBe(429);
  });
});

describe('an attempt that ended', () => {
  test.each<[ProviderFaultCode, string | undefined, string, string]>([
    ['connect_failed', 'ECONNREFUSED', 'provider_unreachable', 'ECONNREFUSED'],
    ['connect_failed', 'SOMETHING_OF_THEIRS', 'provider_unreachable', 'connect_failed'],
    ['connect_timeout', undefined, 'connect_timeout', 'connect_timeout'],
    ['dns_failed', 'ENOTFOUND', 'provider_unreachable', 'ENOTFOUND'],
    ['tls_failed', 'CERT_HAS_EXPIRED', 'provider_unreachable', 'tls_error'],
    ['address_refused', undefined, 'provider_unreachable', 'address_refused'],
    ['connection_lost', 'ECONNRESET', 'provider_connection_lost', 'ECONNRESET'],
    ['protocol_error', undefined, 'provider_protocol_error', 'upstream_protocol_error'],
    ['request_too_large', undefined, 'payload_too_large', 'request_too_large'],
    ['handshake_timeout', undefined, 'connect_timeout', 'handshake_timeout'],
    ['socket_closed', undefined, 'provider_connection_lost', 'socket_closed'],
  ])('by %s (%s) becomes %s, counted as %s', (fault, reason, code, errorType) => {
    const failure = fromAttemptEnd(
      { kind: 'lost', isStale: false, fault: new ProviderFault(fault, 'Why', reason) },
      PROVIDER,
    );
    expect(failure.answer.error).toMatchObject({ code, message: 'Why.' });
    expect(failure.errorType).toBe(errorType);
    expect(failure.outcome).toBe(fault === 'request_too_large' ? 'rejected' : 'provider_error');
  });

  test.each([
    [500, 'provider_error', '500'],
    [302, 'provider_error', '_OTHER'],
    [418, 'failed', '_OTHER'],
    [429, 'failed', '429'],
    [402, 'failed', '_OTHER'],
    [408, 'failed', '408'],
    [404, 'failed', '404'],
    [422, 'rejected', '422'],
    [422, 'rejected', '422'],
  ])('by status %i is counted as %s', (status, outcome, errorType) => {
    expect(fromAttemptEnd(refusedBy(status, { code: 'x' }), PROVIDER)).toMatchObject({ outcome, errorType });
  });

  test.each([
    [400, { code: 'context_length_exceeded' }, 'rejected'],
    [500, { code: 'invalid_prompt' }, 'rejected'],
    [404, { code: 'model_not_found' }, 'rejected'],
    [400, { code: 'rate_limit_exceeded' }, 'failed'],
    [400, { code: 'insufficient_quota' }, 'failed'],
    [400, { code: 'billing_hard_limit_reached' }, 'failed'],
    [400, { code: 'provider_unauthorized' }, 'failed'],
    [503, { code: 'slow_down' }, 'provider_error'],
  ])('by status %i with %j ends its turn as %s: a known code decides', (status, error, outcome) => {
    expect(fromAttemptEnd(refusedBy(status, error), PROVIDER).outcome).toBe(outcome);
  });

  test.each([401, 403])('by %i is the client’s fault if the key was its own, and no other’s', (status) => {
    const outcomeOf = (provider: typeof PROVIDER, code?: string) =>
      fromAttemptEnd(refusedBy(status, { code, message: 'm' }), provider).outcome;
    expect([outcomeOf(CLIENTS_KEY), outcomeOf(CLIENTS_KEY, 'invalid_api_key')]).toEqual([
      'rejected',
      'rejected',
    ]);
    expect([outcomeOf(OWN_KEY), outcomeOf(OWN_KEY, 'invalid_api_key')]).toEqual(['failed', 'failed']);
    expect([outcomeOf(PROVIDER), outcomeOf(PROVIDER, 'invalid_api_key')]).toEqual(['failed', 'failed']);
  });
});

test('a response that failed is the client’s fault by its code alone', () => {
  const outcomeOf = (code: string | undefined, provider = PROVIDER) =>
    fromFailedResponse(code, provider).outcome;
  expect([outcomeOf('invalid_prompt'), outcomeOf('invalid_api_key', CLIENTS_KEY)]).toEqual([
    'rejected',
    'rejected',
  ]);
  expect([outcomeOf('server_error'), outcomeOf('new_code'), outcomeOf(undefined)]).toEqual(
    Array(3).fill('failed'),
  );
  expect([outcomeOf('invalid_api_key'), outcomeOf('400')]).toEqual(['failed', 'failed']);
});

test("a refusal that repeats the bridge's own key is told in our words, by its status", () => {
  const key = 'sk-live-0123456789';
  const provider = aProvider({
    auth: { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key: new Secret(key) },
  });
  const body = Buffer.from(
    JSON.stringify({ error: { code: 'slow_down', message: `${key} is over its quota` } }),
  );
  const end = {
    kind: 'refused' as const,
    phase: 'request' as const,
    status: 503,
    httpVersion: undefined,
    headers: {},
    body,
  };
  const { answer, errorType } = fromAttemptEnd(end, provider);
  expect(JSON.stringify(answer)).not.toContain(key);
  expect(answer).toMatchObject({
    status: 503,
    error: { message: 'Provider openai answered with status 503.' },
  });
  expect(errorType).toBe('503');
  expect(fromAttemptEnd(end, PROVIDER).answer.error.message).toContain(key); // nobody's key to that provider
});

describe('a provider that does not know the response to continue', () => {
  const words = 'The previous_response_id is invalid.';

  test.each<[string, object]>([
    ['by its code', { code: 'previous_response_not_found', message: 'gone' }],
    ['by its code, whatever its type', { type: 'not_found', code: 'previous_response_not_found' }],
    ['by the name of what it refuses', { type: 'invalid_request_error', param: 'previous_response_id' }],
    ['in words alone, as the Codex backend', { type: 'invalid_request_error', message: words }],
    ['in words, with a param of null', { type: 'invalid_request_error', param: null, message: words }],
  ])('says so %s', (_how, error) => {
    expect(saysForgotten(errorEvent({ status: 400, error }))).toBe(true);
    expect(saysForgotten(fromAttemptEnd(refusedBy(400, error), PROVIDER))).toBe(true);
  });

  test.each<[string, object]>([
    ['of another type', { type: 'server_error', message: words }],
    ['about something else', { type: 'invalid_request_error', message: 'The model is invalid.' }],
    [
      'about another field, which its text explains by this one',
      {
        type: 'invalid_request_error',
        param: 'input',
        message: 'input must be whole without previous_response_id',
      },
    ],
  ])('does not say so in an error %s', (_how, error) => {
    expect(saysForgotten(errorEvent({ status: 400, error }))).toBe(false);
    expect(saysForgotten(fromAttemptEnd(refusedBy(400, error), PROVIDER))).toBe(false);
  });
});

test('our own refusals are counted by their codes', () => {
  expect(rejected(refusal('model_not_found', 'm'))).toMatchObject({
    outcome: 'rejected',
    errorType: 'model_not_found',
  });
  expect(timedOut('idle_timeout', 'm')).toMatchObject({ outcome: 'timeout', errorType: 'idle_timeout' });
});

test('a text of a provider is never a label', () => {
  expect([toErrorType('Your key sk-1', 400), toErrorType('__proto__'), toErrorType(undefined, 418)]).toEqual([
    '400',
    '_OTHER',
    '_OTHER',
  ]);
});

describe('docs/errors.md, error types', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('## Error types in telemetry'), page.indexOf('## Close codes'));
  const listed = (row: string): string[] => {
    const line = section.split('\n').find((text) => text.startsWith(`| ${row}`)) ?? '';
    return [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  };

  test('names every code of a provider that is counted by its name', () => {
    expect(listed('code')).not.toEqual([]);
    for (const code of listed('code')) expect(toErrorType(code)).toBe(code);
  });

  test('names every status that is counted by its number', () => {
    const counted = Array.from({ length: 600 }, (_, status) => toErrorType(undefined, status));
    expect(counted.filter((type) => type !== '_OTHER')).toEqual(listed('status'));
  });

  test('names the words for a lost connection that are counted', () => {
    for (const reason of listed('system')) {
      const fault = new ProviderFault('connection_lost', 'm', reason);
      expect(fromAttemptEnd({ kind: 'lost', isStale: false, fault }, PROVIDER).errorType).toBe(reason);
    }
    expect(listed('fault')).toEqual([
      'connect_failed',
      'connect_timeout',
      'dns_failed',
      'address_refused',
      'connection_lost',
      'request_too_large',
      'tls_error',
      'upstream_protocol_error',
      'upstream_stream_ended',
      'no_room',
      'handshake_timeout',
      'socket_closed',
    ]);
  });

  test('says by code and by status whose fault it was', () => {
    const fault = (code: string | undefined, status?: number) =>
      isClientsFault({ code, status, isClientsKey: false });
    const rows = section.slice(section.indexOf('### Whose fault')).split('\n');
    const codes = [...(rows.find((row) => row.startsWith('| `invalid_prompt`')) ?? '').matchAll(/`([^`]+)`/g)]
      .map(([, code]) => code ?? '')
      .filter((code) => code !== 'rejected');
    expect(new Set(codes)).toEqual(new Set(listed('code').filter((code) => fault(code))));
    const numbers = rows.find((row) => row.startsWith('| 400')) ?? '';
    const statuses = Array.from({ length: 600 }, (_, status) => status).filter((status) =>
      fault(undefined, status),
    );
    expect([...numbers.matchAll(/\d{3}/g)].map(([text]) => Number(text))).toEqual(statuses);
  });

  test.each<[ProviderFaultCode, string | undefined]>([
    ['connect_failed', undefined],
    ['connect_failed', 'ECONNREFUSED'],
    ['connect_failed', 'EHOSTUNREACH'],
    ['dns_failed', undefined],
    ['dns_failed', 'ENOTFOUND'],
    ['tls_failed', 'EPROTO'],
    ['address_refused', undefined],
    ['connect_timeout', 'UND_ERR_CONNECT_TIMEOUT'],
    ['connect_timeout', 'ETIMEDOUT'],
    ['connection_lost', undefined],
    ['connection_lost', 'ECONNRESET'],
    ['connection_lost', 'ETIMEDOUT'],
    ['protocol_error', 'HTTP_MALFORMED'],
    ['no_room', undefined],
    ['request_too_large', undefined],
    ['handshake_timeout', undefined],
    ['socket_closed', undefined],
  ])('says what the log calls what the client heard of %s (%s)', (code, reason) => {
    const fault = new ProviderFault(code, 'm', reason);
    const { answer, errorType } = fromAttemptEnd({ kind: 'lost', isStale: false, fault }, PROVIDER);
    const inLog = section
      .split('\n')
      .filter((line) => line.startsWith(`| \`${answer.error.code}\``))
      .map((line) => line.split('|')[2]);
    expect(inLog.join()).toContain(`\`${errorType}\``);
  });

  test('says that our own codes are error types too', () => {
    expect(ERROR_CODES.size).toBeGreaterThan(30);
    expect(section).toContain('a code of the tables above');
  });
});
