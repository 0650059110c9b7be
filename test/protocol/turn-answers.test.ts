/** What a client hears from providers that speak differently: other models' names, other dialects, no stream. */
import { describe, expect, test } from '@jest/globals';
import { ask, idOf, itemsOf, openScene, responseOf, said, textOf, typesOf } from './scene.ts';

describe('model mapping', () => {
  test('the provider hears its own name for the model, the rest of the request is untouched', async () => {
    await using scene = await openScene({
      route: {
        provider: {
          modelMapping: [
            { from: 'gpt-*', to: 'qwen3-*' },
            { from: 'gpt-5.5', to: 'qwen3-coder' },
          ],
        },
      },
    });
    const client = await scene.connect();
    for (const model of ['gpt-5.5', 'gpt-6-sol', 'llama']) {
      await ask(client, { model, input: [said(`model ${model}`)], metadata: { model } });
    }
    expect(scene.provider.requests.map(({ body }) => body.model)).toEqual([
      'qwen3-coder',
      'qwen3-6-sol',
      'llama',
    ]);
    expect(scene.provider.requests.map(({ body }) => body['metadata'])).toEqual([
      { model: 'gpt-5.5' },
      { model: 'gpt-6-sol' },
      { model: 'llama' },
    ]);
  });

  test('the provider of the best tier that has the model gets the turn', async () => {
    await using scene = await openScene({
      routes: (url) =>
        JSON.stringify({
          apiVersion: 'turnbridge.dev/v1alpha1',
          kind: 'ResponsesRoute',
          metadata: { name: 'two' },
          spec: {
            clients: { auth: { type: 'None' } },
            providers: [
              { name: 'one', url: `${url}/one`, auth: { type: 'None' }, models: ['gpt-*'] },
              { name: 'two', url: `${url}/two`, auth: { type: 'None' }, priority: 1 },
            ],
          },
        }),
    });
    const client = await scene.connect();
    await ask(client, { model: 'gpt-5.5' });
    await ask(client, { model: 'qwen' });
    expect(scene.provider.requests.map(({ path }) => path)).toEqual([
      '/v1/one/responses',
      '/v1/two/responses',
    ]);
  });
});

describe('the dialect Compatible', () => {
  test('is repaired into a stream that a strict client understands', async () => {
    await using scene = await openScene({ script: 'quirks', route: { provider: { dialect: 'Compatible' } } });
    const client = await scene.connect();
    const events = await ask(client, { input: [said('hi')] });
    expect(typesOf(events)[0]).toBe('response.created');
    expect(typesOf(events).at(-1)).toBe('response.completed');
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, n) => n));
    expect(itemsOf(events)).toMatchObject([
      { type: 'message', content: [{ text: 'An answer in another dialect.' }] },
    ]);
    expect(responseOf(events[0])['id']).toBe(idOf(events));
    expect(responseOf(events.at(-1))['output']).toEqual(itemsOf(events));
  });

  test('can be continued', async () => {
    await using scene = await openScene({ script: 'quirks', route: { provider: { dialect: 'Compatible' } } });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(typesOf(second).at(-1)).toBe('response.completed');
    expect(scene.provider.requests[1]?.body.input).toEqual([said('one'), ...itemsOf(first), said('two')]);
  });

  test('an empty output is filled from the items that came', async () => {
    await using scene = await openScene({ script: 'sparse', route: { provider: { dialect: 'Compatible' } } });
    const client = await scene.connect();
    const events = await ask(client, {});
    expect(responseOf(events.at(-1))['output']).toEqual(itemsOf(events));
  });
});

describe('the dialect OpenAI', () => {
  test.each([
    ['lines that end in CR LF', 'crlf'],
    ['no event lines', 'noEventLine'],
    ['data in several lines', 'multiLineData'],
    ['a [DONE] after the end', 'done'],
    ['response.done for response.completed', 'responseDoneAlias'],
  ] as const)('%s: the client hears the same', async (_, quirk) => {
    await using scene = await openScene({ script: { quirks: [quirk], steps: [{ text: 'the same text' }] } });
    const client = await scene.connect();
    const events = await ask(client, {});
    expect(textOf(events)).toBe('the same text');
    expect(typesOf(events).at(-1)).toBe('response.completed');
    expect(client.frames.every(({ json }) => json !== undefined)).toBe(true);
  });

  test('a stream that is cut anywhere arrives whole', async () => {
    await using scene = await openScene({
      script: { writeBytes: 7, steps: [{ text: 'Zoë and the 🦀 met' }] },
    });
    const client = await scene.connect();
    expect(textOf(await ask(client, {}))).toBe('Zoë and the 🦀 met');
  });

  test('a compressed stream is decoded', async () => {
    await using scene = await openScene({ script: { gzip: true, steps: [{ text: 'packed' }] } });
    const client = await scene.connect();
    expect(textOf(await ask(client, {}))).toBe('packed');
  });

  test('comments and heartbeats of a provider are not passed to clients that are no Codex', async () => {
    await using scene = await openScene({
      script: [{ begin: true }, { comment: 'ping' }, { event: { type: 'keepalive' } }, { text: 'x' }],
    });
    const client = await scene.connect();
    expect(typesOf(await ask(client, {}))).not.toContain('keepalive');
  });

  test('a failure marked incomplete is passed as it is, with its reason', async () => {
    await using scene = await openScene({ script: [{ text: 'x' }, { incomplete: 'content_filter' }] });
    const client = await scene.connect();
    expect((await ask(client, {})).at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { incomplete_details: { reason: 'content_filter' } },
    });
  });
});

describe('one JSON body where a stream was asked for', () => {
  test('becomes item events and response.completed, and can be continued', async () => {
    await using scene = await openScene({
      script: ({ number }) => (number === 1 ? 'json' : [{ text: 'ok' }]),
    });
    const client = await scene.connect();
    const events = await ask(client, { input: [said('one')] });
    expect(typesOf(events)[0]).toBe('response.created');
    expect(itemsOf(events)).toMatchObject([
      { type: 'message', content: [{ text: 'This came in one piece.' }] },
    ]);
    expect(typesOf(events).at(-1)).toBe('response.completed');
    await ask(client, { previous_response_id: idOf(events), input: [said('two')] });
    expect(scene.provider.requests[1]?.body.input).toEqual([said('one'), ...itemsOf(events), said('two')]);
  });

  test('that holds an error is an error', async () => {
    await using scene = await openScene({
      script: {
        status: {
          code: 200,
          body: { error: { message: 'No.', type: 'server_error', code: 'server_error' } },
        },
      },
    });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      { type: 'error', status: 500, error: { code: 'server_error', message: 'No.' } },
    ]);
  });
});
