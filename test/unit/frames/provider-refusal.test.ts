import { describe, expect, test } from '@jest/globals';
import type { ErrorAnswer } from '../../../src/frames/errors.ts';
import { toErrorAnswer, type ProviderRefusal } from '../../../src/frames/provider-refusal.ts';
import { parseJson } from '../../../src/json/json-object.ts';

function answerTo(status: number, body: unknown = {}, changes: Partial<ProviderRefusal> = {}): ErrorAnswer {
  return toErrorAnswer({
    status,
    headers: {},
    body: typeof body === 'string' ? parseJson(Buffer.from(body)) : body,
    ownKey: false,
    provider: 'openai',
    ...changes,
  });
}

/** What the measured Codex CLI does with an error frame. */
function codexDoes({ status, error, headers }: ErrorAnswer): 'retries' | 'stops' | 'hangs' {
  if (!Number.isInteger(status)) return 'hangs';
  const { code, type } = error;
  if (code === 'previous_response_not_found' || code === 'websocket_connection_limit_reached')
    return 'retries';
  if (type === 'usage_limit_reached' || code === 'insufficient_quota') return 'stops';
  const waits = headers['retry-after'] !== undefined;
  if (status === 429) return waits ? 'retries' : 'stops';
  if (status === 503 && code === 'server_is_overloaded') return waits ? 'retries' : 'stops';
  return status === 400 || status === 404 ? 'stops' : 'retries';
}

function error(code: string | null, type = 'invalid_request_error', message = 'm'): object {
  return { error: { code, type, message, param: null } };
}

describe('what is retried and what is not', () => {
  test.each<[string, ErrorAnswer, 'retries' | 'stops']>([
    [
      '429 without a word on when',
      answerTo(429, error('rate_limit_exceeded', 'rate_limit_error')),
      'retries',
    ],
    ['429 with no body', answerTo(429, ''), 'retries'],
    ['429 for a quota', answerTo(429, error('insufficient_quota')), 'stops'],
    ['429 for a usage limit', answerTo(429, error(null, 'usage_limit_reached')), 'stops'],
    ['503 overloaded', answerTo(503, error('server_is_overloaded', 'server_error')), 'retries'],
    ['503 slow down', answerTo(503, error('slow_down', 'server_error')), 'retries'],
    ['500', answerTo(500, 'oops'), 'retries'],
    ['502 of a proxy', answerTo(502, '<html>'), 'retries'],
    ['504', answerTo(504), 'retries'],
    ['529', answerTo(529, error(null, 'overloaded_error')), 'retries'],
    ['408', answerTo(408), 'retries'],
    ['409', answerTo(409), 'retries'],
    ['301', answerTo(301), 'retries'],
    ['400', answerTo(400, error('context_length_exceeded')), 'stops'],
    ['404', answerTo(404, error('model_not_found')), 'stops'],
    ['413: the same bytes would come five times', answerTo(413, '<html>too large'), 'stops'],
    ['401 with the client’s own key', answerTo(401, error('invalid_api_key')), 'retries'],
    ['401 with our key', answerTo(401, error('invalid_api_key'), { ownKey: true }), 'stops'],
    ['403 with our key', answerTo(403, error('x'), { ownKey: true }), 'stops'],
    ['a forgotten response', answerTo(400, error('previous_response_not_found')), 'retries'],
    ['a full connection', answerTo(400, error('websocket_connection_limit_reached')), 'retries'],
  ])('%s: the client does the right thing', (_, answer, does) => {
    expect(codexDoes(answer)).toBe(does);
  });
});

describe('what is said', () => {
  test('status, code, message and what stands beside them are kept', () => {
    expect(
      answerTo(400, { error: { message: 'no', type: 't', param: 'input', code: 'c', plan_type: 'pro' } }),
    ).toEqual({
      status: 400,
      error: { message: 'no', type: 't', param: 'input', code: 'c', plan_type: 'pro' },
      headers: {},
    });
  });

  test.each<[string, unknown, object]>([
    ['an error that is a text', { error: 'boom' }, { message: 'boom', code: null }],
    ['a message alone', { message: 'boom', code: 7 }, { message: 'boom', code: '7' }],
    ['a detail', { detail: 'boom' }, { message: 'boom' }],
    [
      'a detail of several fields',
      { detail: { code: 'deactivated_workspace', message: 'boom' } },
      { code: 'deactivated_workspace', message: 'boom' },
    ],
    ['a list of errors', [{ error: { message: 'boom' } }], { message: 'boom' }],
    ['a code that is a number', { error: { message: 'm', code: 400 } }, { code: '400' }],
    ['a message that is none', { error: { message: 7, param: 8 } }, { param: null }],
  ])('%s is understood', (_, body, expected) => {
    expect(answerTo(400, body).error).toMatchObject(expected);
  });

  test.each([
    [400, 'invalid_request_error', null],
    [404, 'invalid_request_error', 'not_found'],
    [413, 'invalid_request_error', 'payload_too_large'],
    [429, 'rate_limit_error', 'rate_limit_exceeded'],
    [500, 'server_error', 'server_error'],
    [302, 'server_error', 'server_error'],
  ])('without a readable body status %i becomes %s/%s', (status, type, code) => {
    for (const body of ['', '<html>', 'null', '[]', '7']) {
      expect(answerTo(status, body).error).toEqual({
        type,
        code,
        message: `Provider openai answered with status ${status}.`,
        param: null,
      });
    }
  });

  test('a redirect is a bad gateway, a 413 is a bad request, all other statuses stay', () => {
    expect([301, 307, 413, 400, 401, 422, 429, 500, 529].map((status) => answerTo(status).status)).toEqual([
      502, 502, 400, 400, 401, 422, 429, 500, 529,
    ]);
  });

  test('a refusal of our own key never quotes the provider, who may quote the key', () => {
    const answer = answerTo(401, error('invalid_api_key', 'x', 'Incorrect key sk-secret'), { ownKey: true });
    expect(JSON.stringify(answer)).not.toContain('sk-secret');
    expect(answer).toMatchObject({ status: 400, error: { code: 'provider_unauthorized' } });
    expect(answer.error.message).toContain('Provider openai refused the credentials');
  });
});

describe('how long to wait', () => {
  const LIMITED = error('rate_limit_exceeded', 'rate_limit_error');
  const said = (text: string) => error('rate_limit_exceeded', 'rate_limit_error', text);

  test.each<[string, unknown, Record<string, string>, string]>([
    ['the provider’s own figure', LIMITED, { 'retry-after': '17' }, '17'],
    ['its figure also against its text', said('try again in 3s'), { 'retry-after': '17' }, '17'],
    ['milliseconds, rounded up', LIMITED, { 'retry-after-ms': '1500' }, '2'],
    ['at least a second', LIMITED, { 'retry-after-ms': '1' }, '1'],
    ['what its message says', said('Please try again in 1.5s.'), {}, '2'],
    ['what its message says in ms', said('Try again in 20 ms'), {}, '1'],
    ['what its message says in long', said('try again in 90 s'), {}, '90'],
    ['an hour at most', said('try again in 99999s'), {}, '3600'],
    ['five seconds when nothing is said', LIMITED, {}, '5'],
    ['five seconds when nonsense is said', said('try again in ...s'), { 'retry-after-ms': 'soon' }, '5'],
    ['five seconds when minutes are said', said('try again in 2 minutes'), {}, '5'],
  ])('%s', (_, body, headers, expected) => {
    expect(answerTo(429, body, { headers }).headers['retry-after']).toBe(expected);
  });

  test('a plain 503 gets no delay of ours: Codex tries it again by itself, sooner', () => {
    expect(answerTo(503, error('server_error', 'server_error')).headers).toEqual({});
    expect(answerTo(503, error('server_is_overloaded', 'server_error')).headers).toEqual({
      'retry-after': '5',
    });
  });

  test.each([
    'insufficient_quota',
    'usage_limit_reached',
    'usage_not_included',
    'billing_hard_limit_reached',
  ])('%s gets no delay: no waiting cures it', (word) => {
    expect(answerTo(429, error(word)).headers).toEqual({});
    expect(answerTo(429, error(null, word)).headers).toEqual({});
  });

  test('other statuses keep their headers and get none', () => {
    expect(answerTo(500, {}, { headers: { 'x-ratelimit-limit': '1' } }).headers).toEqual({
      'x-ratelimit-limit': '1',
    });
  });
});
