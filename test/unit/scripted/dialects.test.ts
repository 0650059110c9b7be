import { describe, expect, test } from '@jest/globals';
import { dialectNames, dialectScript, dialectWebSocket } from '../../../src/scripted/dialects.ts';
import type { ServiceName } from '../../../src/scripted/dialects.ts';
import { connect } from '../../harness/connect.ts';
import { fakeProvider, gate, textAnswer } from '../../harness/fake-provider.ts';
import { ask, doneItems, saidIn, typesOf } from './ask.ts';
import { idIn, textIn } from './socket-client.ts';

const services: readonly ServiceName[] = [...dialectNames, 'chatgpt'];
const question = { role: 'user', content: 'Weather?' };
const turn = { model: 'm', input: [question] };

describe.each(services)('as-%s', (name) => {
  test('calls a tool and answers with its output, when it is sent everything', async () => {
    await using provider = await fakeProvider(dialectScript(name));
    const called = await ask(provider.url, turn);
    const [call] = doneItems(called);
    expect(call).toMatchObject({ type: 'function_call', name: 'get_weather' });
    const output = { type: 'function_call_output', call_id: call?.['call_id'], output: 'sunny' };
    const answered = await ask(provider.url, { ...turn, input: [question, call, output] });
    expect(saidIn(answered)).toBe('The tool said: sunny');
    expect(typesOf(answered).at(-1)).toBe('completed');
  });
});

test.each(services.filter((name) => dialectWebSocket(name) === 'off'))(
  'as-%s has no WebSockets',
  async (name) => {
    await using provider = await fakeProvider(dialectScript(name));
    await expect(connect(`${provider.url}/responses`)).rejects.toMatchObject({ status: 404 });
  },
);

test.each(services.filter((name) => dialectWebSocket(name) !== 'off'))(
  'as-%s keeps the conversation of a WebSocket',
  async (name) => {
    await using provider = await fakeProvider(dialectScript(name));
    await using client = await connect(`${provider.url}/responses`);
    client.create({ ...turn, store: false });
    const called = await client.events();
    const output = { type: 'function_call_output', call_id: 'call_0001_0', output: 'sunny' };
    client.create({ model: 'm', store: false, input: [output], previous_response_id: idIn(called.at(-1)) });
    expect(textIn(await client.events())).toBe('The tool said: sunny');
    client.create({ ...turn, previous_response_id: 'resp_nobody' });
    const error = await client.next('error');
    expect(error).toMatchObject({ error: { code: 'previous_response_not_found' } });
    expect('type' in (error['error'] as object)).toBe(name !== 'xai');
  },
);

test.each<[ServiceName, number, string]>([
  ['openai', 200, '3'],
  ['azure', 200, '3'],
  ['xai', 200, '3'],
  ['vllm', 404, ''],
  ['ollama', 200, '1'],
  ['lm-studio', 200, '3'],
  ['llama-cpp', 400, ''],
  ['openrouter', 400, ''],
  ['groq', 400, ''],
  ['chatgpt', 400, ''],
])('%s over HTTP: an id gets %d, and the answer is to so many items: "%s"', async (name, status, items) => {
  await using provider = await fakeProvider(dialectScript(name, () => [{ text: '{{inputItems}}' }]));
  await ask(provider.url, turn);
  const heard = await ask(provider.url, { ...turn, previous_response_id: 'resp_0001' });
  expect([heard.status, saidIn(heard)]).toEqual([status, items]);
});

test('the deviations of OpenRouter: comments, ids, numbers for codes, [DONE]', async () => {
  await using provider = await fakeProvider(dialectScript('openrouter', () => textAnswer('a')));
  const heard = await ask(provider.url, turn);
  expect([heard.comments.length, heard.otherData]).toEqual([2, ['[DONE]']]);
  expect([idIn(heard.events[0]), heard.headers.get('x-generation-id')]).toEqual(['gen-0001', 'gen-0001']);
  const refused = await ask(provider.url, { ...turn, previous_response_id: 'gen-0001' });
  expect(JSON.parse(refused.text)).toMatchObject({ error: { code: 400, metadata: {} } });
});

test('the deviations of llama.cpp: no numbers, and a bare response at the beginning', async () => {
  await using provider = await fakeProvider(dialectScript('llama-cpp'));
  const heard = await ask(provider.url, turn);
  expect(heard.events.some((event) => 'sequence_number' in event)).toBe(false);
  expect(Object.keys(heard.events[0]?.['response'] as object)).not.toContain('output');
});

test('Azure takes one request at a time, and no lanes', async () => {
  const hold = gate();
  await using provider = await fakeProvider(
    dialectScript('azure', () => [{ begin: true }, { until: hold.promise }]),
  );
  await using client = await connect(`${provider.url}/responses`);
  client.create({ ...turn, stream_id: 'a' });
  expect(await client.next()).toMatchObject({ error: { code: 'unknown_parameter' } });
  client.create(turn);
  client.create(turn);
  expect(await client.next('error')).toMatchObject({ error: { code: 'response_already_in_flight' } });
  hold.open();
});

test('the backend of ChatGPT logins says its limits first, and its output only in items', async () => {
  await using provider = await fakeProvider(dialectScript('chatgpt', () => textAnswer('a')));
  const heard = await ask(provider.url, turn);
  expect(heard.headers.get('x-codex-turn-state')).toBe('scripted-turn-state');
  expect(heard.events.at(-1)?.['response']).toMatchObject({ output: [] });
  await using client = await connect(`${provider.url}/responses`);
  expect(client.upgradeHeaders['x-codex-primary-used-percent']).toBe('12.5');
  client.create(turn);
  expect((await client.next())['type']).toBe('codex.rate_limits');
});

test('the backend of ChatGPT logins stores nothing, and says so', async () => {
  await using provider = await fakeProvider(dialectScript('chatgpt', () => textAnswer('a')));
  const heard = await ask(provider.url, { ...turn, store: true });
  expect([heard.status, JSON.parse(heard.text)]).toEqual([400, { detail: 'Store must be set to false' }]);
  await using client = await connect(`${provider.url}/responses`);
  client.create({ ...turn, store: true });
  expect(await client.next('error')).toMatchObject({ status: 400 });
  client.create({ ...turn, store: false });
  expect(textIn(await client.events())).toBe('a');
});

test('a script that only refuses, refuses in the words of the service', async () => {
  const error = { message: 'busy', type: 'server_error', code: 'slow_down' };
  const answer = { status: { code: 503, body: { error } } };
  const bodyOf = async (name: ServiceName): Promise<unknown> => {
    await using provider = await fakeProvider(dialectScript(name, () => answer));
    return JSON.parse((await ask(provider.url, turn)).text) as unknown;
  };
  expect(await bodyOf('openai')).toEqual({ error });
  expect(await bodyOf('openrouter')).toMatchObject({ error: { code: 503, message: 'busy' } });
});
