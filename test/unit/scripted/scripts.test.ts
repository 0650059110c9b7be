import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import type { ScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import { builtInScripts } from '../../../src/scripted/scripts.ts';
import { ask, doneItems, responseIn, saidIn, typesOf } from './ask.ts';
import type { Heard } from './ask.ts';

let provider: ScriptedProvider;
beforeAll(async () => {
  provider = await openScriptedProvider();
});
afterAll(() => provider.close());

const play = (name: string, body: Record<string, unknown> = {}): Promise<Heard> =>
  ask(provider.url, { model: `scripted/${name}`, input: 'What is this?', ...body });

const textEvents = [
  'created',
  'in_progress',
  'output_item.added',
  'content_part.added',
  'output_text.delta',
  'output_text.done',
  'content_part.done',
  'output_item.done',
  'completed',
];

describe('a good answer', () => {
  test('has the events of the public API in their order, numbered from 0', async () => {
    const heard = await play('hello');
    const seen = typesOf(heard).filter((type, at, all) => type !== all[at - 1]);
    expect(seen).toEqual(textEvents);
    expect(heard.events.map((event) => event['sequence_number'])).toEqual(heard.events.map((_, at) => at));
    expect(heard.names).toEqual(heard.events.map((event) => event['type']));
    expect(heard.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  });

  test('says in its done events exactly what its deltas said', async () => {
    const heard = await play('hello', { input: 'Grüße an  alle\nZeilen ☕ ' });
    const said = saidIn(heard);
    const byType = (type: string): Record<string, unknown> =>
      heard.events.find((event) => event['type'] === type) ?? {};
    expect(byType('response.output_text.done')['text']).toBe(said);
    expect(byType('response.content_part.done')['part']).toMatchObject({ text: said });
    expect(doneItems(heard)).toEqual([
      expect.objectContaining({ content: [expect.objectContaining({ text: said })], status: 'completed' }),
    ]);
    expect(responseIn(heard)['output']).toEqual(doneItems(heard));
    expect(said).toContain('Grüße an alle Zeilen ☕');
  });

  test('carries a whole response object in its first and its last event', async () => {
    const heard = await play('hello', { metadata: { a: 'b' }, tools: [{ type: 'function', name: 'f' }] });
    const whole = {
      id: expect.stringMatching(/^resp_\d{4}$/),
      object: 'response',
      created_at: expect.any(Number),
      error: null,
      incomplete_details: null,
      metadata: { a: 'b' },
      model: 'scripted/hello',
      parallel_tool_calls: true,
      tool_choice: 'auto',
      tools: [{ type: 'function', name: 'f' }],
    };
    expect(heard.events[0]?.['response']).toMatchObject({
      ...whole,
      status: 'in_progress',
      output: [],
      usage: null,
    });
    expect(responseIn(heard)).toMatchObject({ ...whole, status: 'completed' });
    const usage = responseIn(heard)['usage'] as Record<string, number>;
    expect(usage['total_tokens']).toBe((usage['input_tokens'] ?? 0) + (usage['output_tokens'] ?? 0));
  });

  test('is the same every time, but for its ids and the time', async () => {
    const [first, second] = [await play('reasoning'), await play('reasoning')];
    const plain = (heard: Heard): string =>
      heard.text.replace(/_\d{4}/g, '_N').replace(/"(created|completed)_at":\d+/g, '"$1_at":0');
    expect(plain(second)).toBe(plain(first));
  });
});

describe('hello', () => {
  test('quotes how many items it saw and the first 60 characters of the last user text', async () => {
    const long = 'x'.repeat(80);
    const heard = await play('hello', {
      input: [
        { role: 'developer', content: 'Be kind.' },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: long }] },
      ],
    });
    expect(saidIn(heard)).toContain('I saw 2 input items');
    expect(saidIn(heard)).toContain(`${'x'.repeat(60)}…`);
    expect(saidIn(heard)).not.toContain('x'.repeat(61));
  });

  test('calls exec_command once when Codex is told to run something, and then tells what came out', async () => {
    const tools = [{ type: 'function', name: 'exec_command' }];
    const user = { type: 'message', role: 'user', content: 'Run echo hi and report.' };
    const first = await play('hello', { tools, input: [user] });
    const [call] = doneItems(first);
    expect(call).toMatchObject({
      type: 'function_call',
      name: 'exec_command',
      arguments: '{"cmd":"echo hi"}',
    });
    const output = 'Chunk ID: 1\nProcess exited with code 0\nOutput:\nhi\n';
    const outputItem = { type: 'function_call_output', call_id: call?.['call_id'], output };
    const second = await play('hello', { tools, input: [user, call, outputItem] });
    expect(doneItems(second)).toHaveLength(1);
    expect(saidIn(second)).toBe('The command ran and said: hi');
    const third = await play('hello', { tools, input: [user, call, outputItem, user] });
    expect(doneItems(third)).toEqual([expect.objectContaining({ type: 'function_call' })]);
  });

  test('calls the code cell of a lite model, whose tools are an input item', async () => {
    const input = [
      {
        type: 'additional_tools',
        role: 'developer',
        tools: [{ type: 'namespace', name: 'functions', tools: [{ type: 'custom', name: 'exec' }] }],
      },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Run echo hi.' }] },
    ];
    const first = await play('hello', { input });
    expect(typesOf(first)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'custom_tool_call_input.delta',
      'custom_tool_call_input.done',
      'output_item.done',
      'completed',
    ]);
    const [call] = doneItems(first);
    expect(call).toMatchObject({ type: 'custom_tool_call', name: 'exec', namespace: 'functions' });
    expect(call?.['input']).toContain('tools.exec_command({cmd:"echo hi"})');
    const output = [
      { type: 'input_text', text: 'Script completed\nOutput:\n' },
      { type: 'input_text', text: '{"exit_code":0,"output":"hi\\n"}' },
    ];
    const second = await play('hello', {
      input: [...input, call, { type: 'custom_tool_call_output', call_id: call?.['call_id'], output }],
    });
    expect(saidIn(second)).toBe('The command ran and said: hi');
  });

  test('does not call a tool that is not offered', async () => {
    expect(typesOf(await play('hello', { input: 'Run it!' })).at(-2)).toBe('output_item.done');
    expect(saidIn(await play('hello', { input: 'Run it!' }))).toContain('Run it!');
  });

  test('answers a compaction trigger with a compaction item', async () => {
    const heard = await play('hello', { input: [{ type: 'compaction_trigger' }] });
    expect(doneItems(heard)).toEqual([expect.objectContaining({ type: 'compaction' })]);
  });
});

describe('each script shows its fault', () => {
  test('tool-call calls, and speaks once the output has come', async () => {
    const first = await play('tool-call');
    expect(doneItems(first)).toEqual([
      expect.objectContaining({ name: 'get_weather', arguments: '{"city":"Paris"}' }),
    ]);
    const second = await play('tool-call', { input: [{ type: 'function_call_output', output: 'rain' }] });
    expect(saidIn(second)).toBe('The tool said: rain');
  });

  test('reasoning has a summary and encrypted content before its text', async () => {
    const heard = await play('reasoning');
    expect(doneItems(heard).map((item) => item['type'])).toEqual(['reasoning', 'message']);
    const summary = '**Thinking** about what was asked';
    expect(doneItems(heard)[0]).toMatchObject({
      summary: [{ type: 'summary_text', text: summary }],
      encrypted_content: expect.any(String),
    });
    const deltas = heard.events.filter((event) => event['type'] === 'response.reasoning_summary_text.delta');
    expect(deltas.map((event) => String(event['delta'])).join('')).toBe(summary);
  });

  test('long has 2,000 deltas', async () => {
    const heard = await play('long');
    expect(typesOf(heard).filter((type) => type === 'output_text.delta')).toHaveLength(2000);
    expect(typesOf(heard).at(-1)).toBe('completed');
  });

  test('huge has three deltas of 1 MiB', async () => {
    const heard = await play('huge');
    const deltas = heard.events.filter((event) => event['type'] === 'response.output_text.delta');
    expect(deltas.map((event) => String(event['delta']).length)).toEqual([1_048_576, 1_048_576, 1_048_576]);
  });

  test('stall sends three events and keeps the connection', async () => {
    const heard = await ask(provider.url, { model: 'scripted/stall', input: '' }, { stopAfter: 3 });
    expect(typesOf(heard)).toEqual(['created', 'in_progress', 'output_item.added']);
    const request = provider.requests.at(-1);
    expect(await request?.closed).toMatchObject({ how: 'client-closed' });
  });

  test('reset resets the connection after some text', async () => {
    const heard = await play('reset');
    expect(saidIn(heard)).not.toBe('');
    expect(heard.end).toBe('ECONNRESET');
    expect(await provider.requests.at(-1)?.closed).toMatchObject({ how: 'broken' });
  });

  test('cut ends cleanly without a terminal event', async () => {
    const heard = await play('cut');
    expect(heard.end).toBe('ended');
    expect(typesOf(heard).at(-1)).toBe('output_text.delta');
  });

  test.each([
    ['rate-limited', 429, 'rate_limit_exceeded'],
    ['quota', 429, 'insufficient_quota'],
    ['overloaded', 503, 'server_is_overloaded'],
    ['bad-request', 400, 'invalid_value'],
    ['unauthorized', 401, 'invalid_api_key'],
  ])('%s is refused with %i and a JSON error', async (name, status, code) => {
    const heard = await play(name);
    expect(heard.status).toBe(status);
    expect(heard.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(heard.text)).toMatchObject({
      error: { code, message: expect.any(String), param: null },
    });
    expect(heard.headers.get('retry-after')).toBe(name === 'rate-limited' ? '1' : null);
  });

  test('failed ends with response.failed and its error', async () => {
    const heard = await play('failed');
    expect(typesOf(heard).at(-1)).toBe('failed');
    expect(responseIn(heard)).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
  });

  test('error-event ends with a nested error event', async () => {
    const heard = await play('error-event');
    expect(heard.events.at(-1)).toMatchObject({ type: 'error', error: { code: 'server_error' } });
  });

  test('html is a page with status 200', async () => {
    const heard = await play('html');
    expect([heard.status, heard.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(heard.text).toContain('<html>');
  });

  test('json is one response object although a stream was asked for', async () => {
    const heard = await play('json');
    expect(heard.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(heard.text)).toMatchObject({
      object: 'response',
      status: 'completed',
      output: [{ type: 'message' }],
    });
  });

  test('quirks deviates everywhere and yet loses no text', async () => {
    const heard = await play('quirks');
    const types = typesOf(heard);
    expect(types[0]).toBe('output_item.added');
    expect(types.at(-1)).toBe('done');
    expect(types).not.toContain('output_item.done');
    expect(heard.events.every((event) => !('sequence_number' in event))).toBe(true);
    expect(heard.names.every((name) => name === undefined)).toBe(true);
    expect(heard.otherData).toEqual(['[DONE]']);
    expect(heard.comments).toEqual(['PROCESSING']);
    expect(heard.text).toMatch(/^: PROCESSING\r\n\r\ndata: \{\r\ndata:  "type"/);
    expect(heard.text.replaceAll('\r\n', '')).not.toContain('\n');
    expect(responseIn(heard)['id']).toMatch(/_final$/);
    expect(responseIn(heard)['output']).toMatchObject([{ content: [{ text: saidIn(heard) }] }]);
  });

  test('sparse repeats nothing in its terminal event', async () => {
    const heard = await play('sparse');
    expect(responseIn(heard)['output']).toEqual([]);
    expect(doneItems(heard)).toHaveLength(1);
  });

  test('slow waits before every delta', () => {
    // Played in real time it lasts six seconds; what it would play is enough to know.
    expect(builtInScripts.get('slow')?.rules).toEqual([
      { answer: [{ text: 'tick ', repeat: 20, delayMs: 300 }] },
    ]);
  });
});

test('a silent provider has the request and says nothing, not even a status', async () => {
  const abort = new AbortController();
  const request = provider.waitForRequest(({ body }) => body.model === 'scripted/silent');
  const answer = fetch(`${provider.url}/responses`, {
    method: 'POST',
    body: JSON.stringify({ model: 'scripted/silent', stream: true }),
    signal: abort.signal,
  }).then(
    ({ status }) => `answered ${String(status)}`,
    () => 'nothing came',
  );
  const { closed } = await request;
  abort.abort();
  expect(await answer).toBe('nothing came');
  expect(await closed).toMatchObject({ how: 'client-closed' });
});

test('a prompt that begins with script:NAME chooses that script, also for other models', async () => {
  const heard = await ask(provider.url, { model: 'gpt-5.5', input: 'script:overloaded please' });
  expect(heard.status).toBe(503);
});

test('an unknown name is refused with the names there are', async () => {
  const heard = await play('nonsense');
  expect(heard.status).toBe(400);
  expect(heard.text).toContain('there is no built-in script \\"nonsense\\": write one of hello, tool-call');
});

test('a request without stream gets one JSON body', async () => {
  const heard = await play('hello', { stream: false });
  expect(heard.headers.get('content-type')).toBe('application/json');
  expect(JSON.parse(heard.text)).toMatchObject({ status: 'completed', output: [{ type: 'message' }] });
});

test('a request without stream hears of a failure as a response, and of an error as a status', async () => {
  const failed = await play('failed', { stream: false });
  expect([failed.status, JSON.parse(failed.text)]).toMatchObject([200, { status: 'failed' }]);
  const error = await play('error-event', { stream: false });
  expect([error.status, JSON.parse(error.text)]).toMatchObject([500, { error: { code: 'server_error' } }]);
});
