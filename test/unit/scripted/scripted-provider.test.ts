import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { parseScript } from '../../../src/scripted/parse-script.ts';
import type { ScriptLike } from '../../../src/scripted/choose-answer.ts';
import { openScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import { fakeProvider, gate, textAnswer, toolAnswer } from '../../harness/fake-provider.ts';
import { openRawSocket, rawHttp } from '../../harness/raw-http.ts';
import { until } from '../../harness/wait-for.ts';
import { ask, doneItems, responseIn, saidIn, typesOf } from './ask.ts';

const turn = { model: 'm', input: 'Hi' };

describe('which answer a request gets', () => {
  test('is decided by the first rule whose conditions all hold', async () => {
    const text = await readFile(new URL('../../fixtures/scripts/every-step.yaml', import.meta.url), 'utf8');
    await using provider = await fakeProvider(parseScript(text, 'every-step.yaml'));
    const heard = await ask(
      provider.url,
      { model: 'gpt-5.5', input: 'everything' },
      { headers: { 'x-team': 'blue-1' } },
    );
    expect(typesOf(heard).slice(0, 3)).toEqual(['codex.rate_limits', 'created', 'in_progress']);
    expect(heard.comments).toEqual(['warming up', 'raw 1 1']);
    expect(heard.otherData).toEqual(['[DONE]']);
    expect(heard.headers.get('x-codex-turn-state')).toBe('abc');
    expect(saidIn(heard)).toBe('Commentary for everything on gpt-5.5. aéaéaé');
    expect(doneItems(heard).map((item) => item['type'])).toEqual([
      'reasoning',
      'message',
      'message',
      'function_call',
      'custom_tool_call',
      'web_search_call',
    ]);
    expect(responseIn(heard)).toMatchObject({ id: 'resp_mine', end_turn: true, usage: { output_tokens: 7 } });
    const second = await ask(provider.url, turn);
    expect([second.status, second.text]).toEqual([503, 'busy']);
  });

  test('counts how often a rule was used', async () => {
    await using provider = await fakeProvider({
      name: 'twice',
      rules: [{ times: 2, answer: 'overloaded' }, { answer: textAnswer('Now it works.') }],
    });
    const statuses = [];
    for (let at = 0; at < 3; at += 1) statuses.push((await ask(provider.url, turn)).status);
    expect(statuses).toEqual([503, 503, 200]);
  });

  test.each([
    ['model', { model: 'gpt-*' }, { model: 'gpt-1' }, { model: 'xgpt-1' }],
    ['a model is no regular expression', { model: 'gpt-5.5' }, { model: 'gpt-5.5' }, { model: 'gpt-5x5' }],
    ['text', { userText: { contains: 'b' } }, { input: 'abc' }, { input: 'acd' }],
    ['regex', { userText: { regex: '^a+$' } }, { input: 'aa' }, { input: 'ab' }],
    ['last item', { lastItem: 'x_output' }, { input: [{ type: 'x_output' }] }, { input: [{ role: 'user' }] }],
    ['untyped item', { lastItem: 'message' }, { input: [{ role: 'user' }] }, { input: [] }],
  ])('depends on conditions: %s', async (_name, when, yes, no) => {
    await using provider = await fakeProvider({
      name: 'one',
      rules: [{ when, answer: textAnswer('matched') }],
    });
    expect(saidIn(await ask(provider.url, { ...turn, ...yes }))).toBe('matched');
    expect(saidIn(await ask(provider.url, { ...turn, ...no }))).toContain('Hello from the scripted provider');
  });

  test('may be computed from the request by a test', async () => {
    await using provider = await fakeProvider((request) =>
      request.number === 1 ? toolAnswer('f', { a: 1 }) : textAnswer(`You said ${String(request.body.input)}`),
    );
    expect(doneItems(await ask(provider.url, turn))).toMatchObject([{ name: 'f', arguments: '{"a":1}' }]);
    expect(saidIn(await ask(provider.url, { ...turn, input: 'script:reset' }))).toBe('You said script:reset');
  });

  test('is 500 with the reason when a function of a test throws', async () => {
    await using provider = await fakeProvider(() => {
      throw new Error('no idea');
    });
    const heard = await ask(provider.url, turn);
    expect([heard.status, heard.text]).toEqual([500, expect.stringContaining('no idea')]);
  });

  test('changes with use() from the next request on', async () => {
    await using provider = await fakeProvider('overloaded');
    expect((await ask(provider.url, turn)).status).toBe(503);
    provider.use('hello');
    expect((await ask(provider.url, turn)).status).toBe(200);
    expect(() => provider.use('nonsense')).toThrow('there is no built-in script "nonsense"');
  });
});

describe('what is remembered of a request', () => {
  test('is everything that was sent', async () => {
    await using provider = await fakeProvider();
    await rawHttp(
      provider.port,
      'POST /v1/responses?a=b HTTP/1.1\r\nHost: h\r\nX-Thing: 1\r\nx-thing: 2\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{"input":"x"}',
    );
    const [request] = provider.requests;
    expect(request).toMatchObject({
      number: 1,
      method: 'POST',
      path: '/v1/responses?a=b',
      headers: { 'x-thing': '1, 2' },
      body: { input: 'x' },
      socketId: 1,
    });
    expect(request?.rawHeaders.slice(1, 3)).toEqual([
      ['X-Thing', '1'],
      ['x-thing', '2'],
    ]);
    expect(request?.rawBody.toString()).toBe('{"input":"x"}');
    expect((await request?.closed)?.how).toBe('finished');
  });

  test('tells connections apart', async () => {
    await using provider = await fakeProvider();
    const get = 'GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n';
    await using kept = await openRawSocket(provider.port);
    kept.write(get);
    await kept.until('scripted/huge');
    kept.write(get);
    await provider.waitForRequest((request) => request.number === 2);
    await rawHttp(provider.port, get.replace('Host', 'Connection: close\r\nHost'));
    expect(provider.requests.map((request) => request.socketId)).toEqual([1, 1, 2]);
    expect(provider.connections).toBe(2);
    await until(() => provider.openConnections === 1, 'the closed connection to be forgotten');
  });

  test('includes headers of 60 KiB, as clients with much metadata send them', async () => {
    await using provider = await fakeProvider();
    const metadata = 'x'.repeat(60 * 1024);
    await fetch(`${provider.url}/models`, { headers: { 'x-codex-turn-metadata': metadata } });
    expect(provider.requests[0]?.headers['x-codex-turn-metadata'] === metadata).toBe(true);
  });

  test('is bounded: the oldest go first', async () => {
    await using provider = await openScriptedProvider({ maxRequests: 2, script: textAnswer('a') });
    for (let at = 0; at < 3; at += 1) await ask(provider.url, turn);
    expect(provider.requests.map((request) => request.number)).toEqual([2, 3]);
  });

  test('can be waited for, before and after it came', async () => {
    await using provider = await fakeProvider(textAnswer('a'));
    const coming = provider.waitForRequest((request) => request.body.model === 'second');
    await ask(provider.url, { model: 'first' });
    await ask(provider.url, { model: 'second' });
    expect((await coming).number).toBe(2);
    expect((await provider.waitForRequest()).number).toBe(1);
  });

  test('is said when a request that was waited for does not come', async () => {
    const provider = await fakeProvider(textAnswer('a'));
    await ask(provider.url, turn);
    await expect(provider.waitForRequest(() => false, 1)).rejects.toThrow(
      'no such request within 1 ms; seen: #1 POST /v1/responses',
    );
    const waiting = provider.waitForRequest(() => false).then(String, String);
    await provider.close();
    expect(await waiting).toContain('before the provider closed');
  });

  test('includes the moment a client went away, within an answer that a test holds', async () => {
    const held = gate();
    await using provider = await fakeProvider([{ text: 'a' }, { until: held.promise }, { text: 'b' }]);
    const heard = await ask(provider.url, turn, { stopAfter: 8 });
    expect(saidIn(heard)).toBe('a');
    expect(await provider.requests[0]?.closed).toMatchObject({ how: 'client-closed' });
  });
});

describe('how an answer travels', () => {
  test('a held answer goes on when the test says so', async () => {
    const held = gate();
    await using provider = await fakeProvider([{ text: 'a' }, { until: held.promise }, { text: 'b' }]);
    const heard = ask(provider.url, turn);
    await provider.waitForRequest();
    held.open();
    expect(saidIn(await heard)).toBe('ab');
  });

  test.each<[string, ScriptLike]>([
    ['one byte at a time', { writeBytes: 1, steps: [{ text: 'Grüße ☕' }] }],
    ['compressed', { gzip: true, steps: [{ text: 'Grüße ☕' }] }],
    ['compressed and cut', { gzip: true, writeBytes: 5, steps: [{ text: 'Grüße ☕' }] }],
  ])('it is the same %s', async (_name, script) => {
    await using provider = await fakeProvider(script);
    const heard = await ask(provider.url, turn);
    expect(saidIn(heard)).toBe('Grüße ☕');
    expect(typesOf(heard).at(-1)).toBe('completed');
  });

  test('it waits for a slow reader instead of filling memory', async () => {
    await using provider = await fakeProvider([{ text: 'x'.repeat(1_048_576), repeat: 64 }]);
    const abort = new AbortController();
    const response = await fetch(`${provider.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ stream: true }),
      signal: abort.signal,
    });
    // Nothing is read: 64 MiB do not fit in any socket buffer, so the answer cannot have been handed over.
    const ended = await Promise.race([
      provider.requests[0]?.closed,
      ask(provider.url, { model: 'm', stream: false }).then(() => 'still open'),
    ]);
    abort.abort();
    expect(response.status).toBe(200);
    expect(ended).toBe('still open');
  });

  test('a refusal may wait, stall or reset before it comes', async () => {
    const held = gate();
    await using provider = await fakeProvider({
      steps: [{ until: held.promise }],
      status: { code: 503, body: 'later' },
    });
    const heard = ask(provider.url, turn);
    await provider.waitForRequest();
    held.open();
    expect(await heard).toMatchObject({ status: 503, text: 'later' });
    provider.use({ steps: [{ reset: true }], status: { code: 503 } });
    await expect(ask(provider.url, turn)).rejects.toThrow('fetch failed');
  });

  test('it is finished when a terminal event came before the end, and broken when none did', async () => {
    await using provider = await fakeProvider((request) =>
      request.number === 1 ? [{ complete: {} }, { end: true }] : [{ begin: true }, { end: true }],
    );
    await ask(provider.url, turn);
    await ask(provider.url, turn);
    const ends = await Promise.all(provider.requests.map((request) => request.closed));
    expect(ends.map((end) => end.how)).toEqual(['finished', 'broken']);
  });

  test('an impossible header breaks the answer and says why', async () => {
    await using provider = await fakeProvider({ headers: { 'bad name': 'x' }, steps: [{ text: 'a' }] });
    await expect(ask(provider.url, turn)).rejects.toThrow('fetch failed');
    expect(await provider.requests[0]?.closed).toMatchObject({
      how: 'broken',
      reason: expect.stringContaining('bad name'),
    });
  });

  test('closing the provider ends what is under way, and may be done twice', async () => {
    const provider = await fakeProvider('stall');
    const request = httpRequest(`${provider.url}/responses`, { method: 'POST' });
    request.end('{"stream":true}');
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    const broken = once(response, 'error');
    await provider.close();
    await provider.close();
    expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);
  });
});

describe('requests of other kinds', () => {
  test.each([
    ['gzip', gzipSync('{"model":"zipped"}')],
    ['zstd', zstdCompressSync('{"model":"zipped"}')],
  ])('a body in %s is understood', async (encoding, body) => {
    await using provider = await fakeProvider();
    const response = await fetch(`${provider.url}/responses`, {
      method: 'POST',
      headers: { 'content-encoding': encoding },
      body: new Uint8Array(body),
    });
    expect(response.status).toBe(200);
    expect(provider.requests[0]?.body).toEqual({ model: 'zipped' });
  });

  test.each([
    ['{"model":', {}, 400, 'the body is not JSON'],
    ['[1]', {}, 400, 'the body is JSON, but not an object'],
    ['{}', { 'content-encoding': 'gzip' }, 400, 'the body is not gzip'],
    ['{}', { 'content-encoding': 'lzma' }, 415, 'content-encoding lzma is not known'],
  ])('a body that is not what it says is refused: %s', async (body, headers, status, message) => {
    await using provider = await fakeProvider();
    const response = await fetch(`${provider.url}/responses`, {
      method: 'POST',
      headers: { ...headers },
      body,
    });
    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(message)]);
    expect(provider.requests).toHaveLength(1);
  });

  test('GET /models lists a model for every script', async () => {
    await using provider = await fakeProvider('reset');
    const response = await fetch(`${provider.url}/models`);
    const { data } = (await response.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['scripted', 'scripted/stall']));
  });

  test('POST /responses/compact keeps the user messages and adds a compaction item', async () => {
    await using provider = await fakeProvider();
    const input = [
      { role: 'developer', content: 'a' },
      { role: 'user', content: 'b' },
    ];
    const response = await fetch(`${provider.url}/responses/compact`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input }),
    });
    expect(await response.json()).toMatchObject({
      object: 'response.compaction',
      output: [{ role: 'user', content: 'b' }, { type: 'compaction' }],
    });
  });

  test.each([
    ['HEAD', '/responses', 405],
    ['GET', '/responses', 405],
    ['GET', '/nothing', 404],
    ['POST', '/models', 404],
  ])('%s %s is answered with %i', async (method, path, status) => {
    await using provider = await fakeProvider();
    expect((await fetch(`${provider.url}${path}`, { method })).status).toBe(status);
  });

  test('a rule with a path answers them otherwise', async () => {
    await using provider = await fakeProvider({
      name: 'models',
      rules: [{ when: { path: '/models' }, answer: { status: { code: 200, body: { data: [] } } } }],
    });
    expect(await (await fetch(`${provider.url}/models?client_version=1`)).json()).toEqual({ data: [] });
    expect((await ask(provider.url, turn)).status).toBe(200);
  });
});
