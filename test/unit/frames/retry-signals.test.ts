/** What tells a client on a socket whether to try again. Measured with the real Codex: test/clients/error-table. */
import { describe, expect, test } from '@jest/globals';
import { refusal, toErrorBody, toErrorFrame, type ErrorAnswer } from '../../../src/frames/errors.ts';
import { isFinalLimit, toFailedError, toFrameStatus } from '../../../src/frames/retry-signals.ts';

function answer(status: number, error: Partial<ErrorAnswer['error']> = {}, headers = {}): ErrorAnswer {
  return {
    status,
    error: { type: 'some_error', code: null, message: 'It failed.', param: null, ...error },
    headers,
  };
}

describe('the status of an error frame', () => {
  test.each([400, 402, 403, 404, 405, 410, 411, 413, 415, 418, 422, 426, 431, 451, 499])(
    '%i is told as 400: nothing that is sent again would be answered',
    (status) => {
      expect(toFrameStatus(answer(status))).toBe(400);
    },
  );

  test.each([401, 408, 409, 425, 429, 500, 502, 503, 504, 529])(
    '%i stays: another try may be answered',
    (status) => {
      expect(toFrameStatus(answer(status))).toBe(status);
    },
  );

  test('a 404 that says that there is no such model stays: Codex stops at it and shows its text', () => {
    expect(toFrameStatus(answer(404, { code: 'model_not_found' }))).toBe(404);
    expect(toFrameStatus(answer(404, { code: 'not_found' }))).toBe(400);
  });

  test('is that of the frame alone: over HTTP the status is the provider’s', () => {
    const refused = answer(422);
    expect(JSON.parse(toErrorFrame(refused).toString())).toMatchObject({ status: 400 });
    expect(refused.status).toBe(422);
    expect(toErrorBody(refused)).not.toContain('status');
  });
});

describe('the error of a response.failed', () => {
  test.each(['context_length_exceeded', 'insufficient_quota', 'invalid_prompt'])(
    '%s keeps its code: Codex stops at it',
    (code) => {
      expect(toFailedError(answer(400, { code }))).toEqual({ code, message: 'It failed.' });
    },
  );

  test.each(['previous_response_not_found', 'websocket_connection_limit_reached'])(
    '%s keeps its code: Codex sends everything again',
    (code) => {
      expect(toFailedError(answer(400, { code }))).toEqual({ code, message: 'It failed.' });
    },
  );

  test('a refused request is an invalid prompt: Codex would repeat any other code', () => {
    expect(toFailedError(answer(400, { code: 'no_cats', message: 'No cats.' }))).toEqual({
      code: 'invalid_prompt',
      message: 'No cats.',
    });
    expect(toFailedError(refusal('provider_unauthorized', 'Its key.')).code).toBe('invalid_prompt');
  });

  test('a limit that waiting does not cure is a quota, of whatever name', () => {
    expect(toFailedError(answer(429, { type: 'usage_limit_reached' })).code).toBe('insufficient_quota');
  });

  test('an overload becomes a limit with a time to wait: Codex would stop at its own code', () => {
    const overloaded = answer(503, { code: 'server_is_overloaded' }, { 'retry-after': '5' });
    expect(toFailedError(overloaded)).toEqual({
      code: 'rate_limit_exceeded',
      message: 'It failed. Please try again in 5s.',
    });
  });

  test('the time to wait stands in the message, once', () => {
    const limited = answer(429, { code: 'rate_limit_exceeded' }, { 'retry-after': '2' });
    expect(toFailedError(limited).message).toBe('It failed. Please try again in 2s.');
    const said = answer(429, { message: 'Try again in 1.5s.' }, { 'retry-after': '2' });
    expect(toFailedError(said).message).toBe('Try again in 1.5s.');
  });

  test('a 429 without a time says no time', () => {
    expect(toFailedError(answer(429))).toEqual({ code: 'rate_limit_exceeded', message: 'It failed.' });
  });

  test.each(['provider_connection_lost', 'idle_timeout', 'server_draining', 'internal_error'] as const)(
    '%s of ours keeps its code: Codex tries again',
    (code) => {
      expect(toFailedError(refusal(code, 'It failed.'))).toEqual({ code, message: 'It failed.' });
    },
  );

  test('a failure without a code is a server error', () => {
    expect(toFailedError(answer(500)).code).toBe('server_error');
  });
});

test('a limit is final by its type as well as by its code', () => {
  expect(isFinalLimit({ type: 'insufficient_quota', code: null })).toBe(true);
  expect(isFinalLimit({ type: 'requests', code: 'billing_hard_limit_reached' })).toBe(true);
  expect(isFinalLimit({ type: 'requests', code: 'rate_limit_exceeded' })).toBe(false);
});
