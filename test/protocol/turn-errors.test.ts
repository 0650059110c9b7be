/** What a client hears when a provider refuses or breaks off: status, code and message kept, and a retry where it helps. */
import { describe, expect, test } from '@jest/globals';
import { ask, logged, openScene, responseOf, said, typesOf, type JsonObject } from './scene.ts';
import type { Answer } from '../../src/scripted/script.ts';

interface Row {
  readonly what: string;
  readonly answer: Answer;
  readonly heard: JsonObject;
}

function refusal(code: number, error: JsonObject | string, headers: Record<string, string> = {}): Answer {
  return { status: { code, headers, body: typeof error === 'string' ? error : { error } } };
}

const rows: readonly Row[] = [
  {
    what: 'a 400 keeps its code, message and param',
    answer: refusal(400, {
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      message: 'Too long.',
      param: 'input',
    }),
    heard: {
      status: 400,
      error: {
        type: 'invalid_request_error',
        code: 'context_length_exceeded',
        message: 'Too long.',
        param: 'input',
      },
    },
  },
  {
    what: 'a 404 keeps what it says of the model',
    answer: refusal(404, {
      type: 'invalid_request_error',
      code: 'model_not_found',
      message: 'No such model.',
      param: 'model',
    }),
    heard: { status: 404, error: { code: 'model_not_found', message: 'No such model.' } },
  },
  {
    what: 'a 413 becomes a 400, which is not repeated with the whole payload',
    answer: refusal(413, '<html>Request Entity Too Large</html>'),
    heard: { status: 400, error: { code: 'payload_too_large' } },
  },
  {
    what: 'a 429 keeps its retry-after and rate limits',
    answer: refusal(
      429,
      { type: 'requests', code: 'rate_limit_exceeded', message: 'Slow.' },
      { 'retry-after': '7', 'x-ratelimit-limit-requests': '10', 'x-codex-primary-used-percent': '100.0' },
    ),
    heard: {
      status: 429,
      error: { code: 'rate_limit_exceeded' },
      headers: {
        'retry-after': '7',
        'x-ratelimit-limit-requests': '10',
        'x-codex-primary-used-percent': '100.0',
      },
    },
  },
  {
    what: 'a 429 without retry-after gets one from its message',
    answer: refusal(429, {
      type: 'tokens',
      code: 'rate_limit_exceeded',
      message: 'Please try again in 1.5s.',
    }),
    heard: { status: 429, headers: { 'retry-after': '2' } },
  },
  {
    what: 'a 429 that says nothing of the delay gets the default',
    answer: refusal(429, 'too many'),
    heard: { status: 429, error: { code: 'rate_limit_exceeded' }, headers: { 'retry-after': '5' } },
  },
  {
    what: 'a 429 that no waiting cures gets none',
    answer: refusal(
      429,
      { type: 'usage_limit_reached', message: 'Limit.', plan_type: 'plus', resets_at: 1_795_000_000 },
      { 'x-codex-primary-used-percent': '100.0' },
    ),
    heard: {
      status: 429,
      error: { type: 'usage_limit_reached', plan_type: 'plus', resets_at: 1_795_000_000 },
      headers: { 'x-codex-primary-used-percent': '100.0' },
    },
  },
  {
    what: 'a 500 keeps its status',
    answer: refusal(500, { type: 'server_error', code: null, message: 'Oops.' }),
    heard: { status: 500, error: { type: 'server_error', code: null, message: 'Oops.' } },
  },
  {
    what: 'a 503 that is overloaded gets a retry-after, without which Codex stops for good',
    answer: refusal(503, { type: 'server_error', code: 'server_is_overloaded', message: 'Full.' }),
    heard: { status: 503, error: { code: 'server_is_overloaded' }, headers: { 'retry-after': '5' } },
  },
  {
    what: 'a 502 of a proxy in between names the provider, not the page',
    answer: refusal(502, '<html>Bad gateway at 10.1.2.3</html>'),
    heard: {
      status: 502,
      error: {
        type: 'server_error',
        code: 'server_error',
        message: 'Provider scripted answered with status 502.',
      },
    },
  },
  {
    what: 'a redirect is not followed and becomes a 502',
    answer: refusal(302, '', { location: 'http://127.0.0.1:1/' }),
    heard: { status: 502, error: { type: 'server_error' } },
  },
  {
    what: 'FastAPI’s detail is the message; a 422 is a 400 here, which is not repeated',
    answer: { status: { code: 422, body: { detail: 'field required' } } },
    heard: { status: 400, error: { message: 'field required' } },
  },
  {
    what: 'a code that is a number becomes text; a 402 is a 400 here, which is not repeated',
    answer: refusal(402, { code: 402, message: 'Out of credit.' }),
    heard: { status: 400, error: { code: '402', message: 'Out of credit.' } },
  },
];

describe('a refusal before the stream', () => {
  test.each(rows)('$what', async ({ answer, heard }) => {
    await using scene = await openScene({ script: answer });
    const client = await scene.connect();
    const events = await ask(client, { input: [said('hi')] });
    expect(events).toMatchObject([{ type: 'error', ...heard }]);
    expect(events[0]!['headers']).toEqual(heard['headers']);
    expect(scene.provider.requests).toHaveLength(1);
    scene.provider.use('hello');
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('of our own, for a request above the limit of the provider, never reaches it', async () => {
    await using scene = await openScene({ route: { provider: { limits: { maxRequestBytes: 2048 } } } });
    const client = await scene.connect();
    expect(await ask(client, { input: [said('x'.repeat(3000))] })).toMatchObject([
      { type: 'error', status: 400, error: { code: 'payload_too_large' } },
    ]);
    expect(scene.provider.requests).toEqual([]);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('of the key that the bridge holds is a 400 for the client, and its text stays here', async () => {
    await using scene = await openScene({
      script: refusal(401, {
        message: 'Incorrect API key provided: bridge-own-key.',
        code: 'invalid_api_key',
      }),
      route: { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } },
      secrets: { own: { apiKey: 'bridge-own-key' } },
    });
    const client = await scene.connect();
    const [error] = await ask(client, {});
    expect(error).toMatchObject({ type: 'error', status: 400, error: { code: 'provider_unauthorized' } });
    expect(JSON.stringify(error)).toContain('Provider scripted refused the credentials');
    expect(JSON.stringify(error)).not.toContain('bridge-own-key');
  });

  test('of the client’s own key is passed on as the 401 it is', async () => {
    await using scene = await openScene({
      script: refusal(401, {
        type: 'invalid_request_error',
        message: 'Token expired.',
        code: 'invalid_api_key',
      }),
      route: { clients: {}, provider: { auth: { type: 'Passthrough' } } },
    });
    const client = await scene.connect({ headers: { authorization: 'Bearer mine' } });
    expect(await ask(client, {})).toMatchObject([
      { type: 'error', status: 401, error: { code: 'invalid_api_key', message: 'Token expired.' } },
    ]);
  });

  test('is one turn of the outcome rejected, failed or provider_error, by whose fault it is', async () => {
    const statuses = [400, 429, 500];
    await using scene = await openScene({
      script: ({ number }) => refusal(statuses[number - 1]!, { message: 'no' }),
    });
    const client = await scene.connect();
    await ask(client, {});
    await ask(client, {});
    await ask(client, {});
    expect(await logged(scene.bridge, 'turn.end', 3)).toMatchObject([
      { outcome: 'rejected', error_type: '400', status_code: 400 },
      { outcome: 'failed', error_type: '429', status_code: 429 },
      { outcome: 'provider_error', error_type: '500', status_code: 500 },
    ]);
  });
});

describe('an answer that breaks off', () => {
  test('before response.created, without a terminal event, is a 502', async () => {
    await using scene = await openScene({ script: [{ open: true }, { end: true }] });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      { type: 'error', status: 502, error: { type: 'server_error', code: 'provider_stream_ended' } },
    ]);
  });

  test.each([
    ['ends', { end: true }],
    ['is reset', { reset: true }],
  ] as const)('after response.created, when it %s, is response.failed with the same id', async (_, end) => {
    await using scene = await openScene({
      script: [{ text: 'whole' }, { text: 'half', unfinished: true }, end],
    });
    const client = await scene.connect();
    const events = await ask(client, { input: [said('hi')] });
    const last = events.at(-1)!;
    expect(last).toMatchObject({
      type: 'response.failed',
      sequence_number: events.length - 1,
      response: {
        id: responseOf(events[0])['id'],
        object: 'response',
        status: 'failed',
        model: 'm',
        error: { code: expect.stringMatching(/^provider_(stream_ended|connection_lost)$/) },
        output: [{ type: 'message', content: [{ text: 'whole' }] }],
      },
    });
    expect(typesOf(events)).not.toContain('response.completed');
    expect(client.frames).toHaveLength(events.length);
  });

  test('that is a web page is a 502 that says so', async () => {
    await using scene = await openScene({ script: 'html' });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      {
        type: 'error',
        status: 502,
        error: { code: 'provider_protocol_error', message: expect.stringContaining('text/html') },
      },
    ]);
  });

  test('with an event that is half a JSON object ends as a failure, not as a success', async () => {
    await using scene = await openScene({
      script: [{ begin: true }, { raw: 'data: {"type":\n\n' }, { end: true }],
    });
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.failed');
  });
});

describe('an error within the stream', () => {
  const error = { type: 'server_error', code: 'rate_limit_exceeded', message: 'Try again in 3s.' };

  test.each(['nested', 'flat'] as const)(
    'before response.created (%s) is an error with a status',
    async (form) => {
      await using scene = await openScene({ script: [{ open: true }, { error: { ...error, form } }] });
      const client = await scene.connect();
      expect(await ask(client, {})).toMatchObject([
        {
          type: 'error',
          status: 429,
          error: { code: 'rate_limit_exceeded', message: 'Try again in 3s.' },
          headers: { 'retry-after': '3' },
        },
      ]);
    },
  );

  test.each(['nested', 'flat'] as const)('after response.created (%s) is response.failed', async (form) => {
    await using scene = await openScene({
      script: [{ text: 'half', unfinished: true }, { error: { ...error, form } }],
    });
    const client = await scene.connect();
    const events = await ask(client, {});
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: {
        id: responseOf(events[0])['id'],
        error: { code: 'rate_limit_exceeded', message: 'Try again in 3s.' },
      },
    });
    expect(typesOf(events)).not.toContain('error');
  });

  test('response.failed passes as it came, once', async () => {
    await using scene = await openScene({ script: 'failed' });
    const client = await scene.connect();
    const events = await ask(client, {});
    expect(events.filter(({ type }) => type === 'response.failed')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ response: { error: { code: 'server_error' } } });
  });

  test('what comes after the terminal event is not passed on', async () => {
    await using scene = await openScene({
      script: [
        { text: 'a' },
        { complete: {} },
        { event: { type: 'response.output_text.delta', delta: 'late' } },
      ],
    });
    const client = await scene.connect();
    const first = await ask(client, {});
    expect(typesOf(first).at(-1)).toBe('response.completed');
    const second = await ask(client, {});
    expect(typesOf(second)[0]).toBe('response.created');
  });
});
