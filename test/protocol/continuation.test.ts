/** What the model hears when a client continues: the same, item for item, as if the client had sent everything. */
import { describe, expect, test } from '@jest/globals';
import { gate, toolAnswer } from '../harness/fake-provider.ts';
import {
  ask,
  idOf,
  itemsOf,
  openScene,
  responseOf,
  said,
  textOf,
  typesOf,
  type JsonObject,
} from './scene.ts';

const unknown = {
  type: 'error',
  status: 400,
  error: {
    type: 'invalid_request_error',
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  },
};

function inputs(scene: { provider: { requests: readonly { body: JsonObject }[] } }): unknown[] {
  return scene.provider.requests.map(({ body }) => body['input']);
}

describe('a turn that continues', () => {
  test('is expanded to all that was said before: inputs and outputs in order', async () => {
    await using scene = await openScene({
      script: ({ number }) =>
        number === 1
          ? [{ reasoning: { summary: 'hm', encrypted: 'enc' } }, ...toolAnswer('ls', { path: '.' }, 'call_1')]
          : [{ text: `answer ${number}` }],
    });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one'), said('more')] });
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'a.txt' };
    const second = await ask(client, { previous_response_id: idOf(first), input: [output] });
    await ask(client, { previous_response_id: idOf(second), input: [said('three')] });
    expect(itemsOf(first)).toMatchObject([{ type: 'reasoning' }, { type: 'function_call' }]);
    const expected = [said('one'), said('more'), ...itemsOf(first), output];
    expect(inputs(scene)).toEqual([
      [said('one'), said('more')],
      expected,
      [...expected, ...itemsOf(second), said('three')],
    ]);
    for (const { body } of scene.provider.requests) expect(body).not.toHaveProperty('previous_response_id');
  });

  test('takes everything but the items from the new request alone', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const first = await ask(client, { input: 'a', instructions: 'old', temperature: 1, model: 'm1' });
    await ask(client, { previous_response_id: idOf(first), input: 'b', tools: [], model: 'm2' });
    expect(scene.provider.requests[1]?.body).toEqual({
      stream: true,
      model: 'm2',
      tools: [],
      input: [
        { type: 'message', role: 'user', content: 'a' },
        ...itemsOf(first),
        { type: 'message', role: 'user', content: 'b' },
      ],
    });
  });

  test('repeats output items in the order of their index, not of their arrival', async () => {
    const item = (n: number): JsonObject => ({
      type: 'message',
      id: `msg_${n}`,
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: `${n}`, annotations: [], logprobs: [] }],
    });
    const done = (n: number) => ({
      event: { type: 'response.output_item.done', output_index: n, item: item(n) },
    });
    await using scene = await openScene({
      script: ({ number }) => (number === 1 ? [{ begin: true }, done(1), done(0)] : [{ text: 'ok' }]),
    });
    const client = await scene.connect();
    const first = await ask(client, { input: [] });
    await ask(client, { previous_response_id: idOf(first) });
    expect(inputs(scene)[1]).toEqual([item(0), item(1)]);
  });

  test('finds the items of a provider that only lists them in the terminal event', async () => {
    await using scene = await openScene({
      script: ({ number }) => ({ quirks: ['noItemDone'], steps: [{ text: `answer ${number}` }] }),
    });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(inputs(scene)[1]).toEqual([
      said('one'),
      ...(responseOf(first.at(-1))['output'] as unknown[]),
      said('two'),
    ]);
  });

  test('sends reasoning back as Codex would: without status, empty content and nulls', async () => {
    const reasoning = {
      type: 'reasoning',
      id: 'rs_1',
      status: 'completed',
      content: [],
      summary: [],
      encrypted_content: 'enc',
    };
    await using scene = await openScene({
      script: ({ number }) =>
        number === 1
          ? [
              { item: reasoning },
              {
                item: {
                  type: 'reasoning',
                  id: 'rs_2',
                  summary: [],
                  encrypted_content: null,
                  content: [{ type: 'reasoning_text', text: 't' }],
                },
              },
            ]
          : [{ text: 'ok' }],
    });
    const client = await scene.connect();
    const first = await ask(client, { input: [] });
    await ask(client, { previous_response_id: idOf(first) });
    expect(inputs(scene)[1]).toEqual([
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'enc' },
      { type: 'reasoning', id: 'rs_2', summary: [], content: [{ type: 'reasoning_text', text: 't' }] },
    ]);
  });

  test('may follow in the same breath, while the turn it continues still waits or runs', async () => {
    const held = gate();
    await using scene = await openScene({
      script: ({ number }) => ({
        responseId: `resp_${number}`,
        steps: [{ until: number === 1 ? held.promise : Promise.resolve() }, { text: `answer ${number}` }],
      }),
    });
    const client = await scene.connect();
    client.create({ model: 'm', input: [said('one')] });
    client.create({ model: 'm', input: [said('two')], previous_response_id: 'resp_1' });
    held.open();
    const first = await client.events();
    expect(textOf(await client.events())).toBe('answer 2');
    expect(inputs(scene)[1]).toEqual([said('one'), ...itemsOf(first), said('two')]);
  });

  test('goes on after response.incomplete too', async () => {
    await using scene = await openScene({
      script: ({ number }) =>
        number === 1 ? [{ text: 'half' }, { incomplete: 'max_output_tokens' }] : [{ text: 'rest' }],
    });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    expect(typesOf(first).at(-1)).toBe('response.incomplete');
    await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(inputs(scene)[1]).toEqual([said('one'), ...itemsOf(first), said('two')]);
  });
});

describe('a turn without previous_response_id', () => {
  test('starts afresh, whatever the socket has seen', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    await ask(client, { generate: false, input: [said('instructions')] });
    await ask(client, { input: [said('one')] });
    await ask(client, { input: [said('compacted')] });
    expect(inputs(scene)).toEqual([[said('one')], [said('compacted')]]);
  });
});

describe('warm-ups', () => {
  test('are answered at once without the provider, and their input reaches the model exactly once', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const warmup = await ask(client, { generate: false, input: [said('instructions')] });
    expect(typesOf(warmup)).toEqual(['response.created', 'response.completed']);
    expect(responseOf(warmup[1])).toMatchObject({
      status: 'completed',
      output: [],
      usage: { input_tokens: 0 },
    });
    expect(scene.provider.requests).toEqual([]);
    const first = await ask(client, { previous_response_id: idOf(warmup), input: [said('one')] });
    await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(inputs(scene)).toEqual([
      [said('instructions'), said('one')],
      [said('instructions'), said('one'), ...itemsOf(first), said('two')],
    ]);
    for (const { body } of scene.provider.requests) expect(body).not.toHaveProperty('generate');
    expect(await scene.bridge.metric('turnbridge_warmups_total{route="default/test"}')).toBe(1);
    expect(await scene.bridge.metric('turnbridge_turns_total')).toBe(2);
  });

  test('may be empty, may follow each other, and may be asked for as prompt_cache_options.prewarm', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const empty = await ask(client, { generate: false, input: [] });
    const next = await ask(client, {
      prompt_cache_options: { prewarm: true },
      previous_response_id: idOf(empty),
      input: [said('tools')],
    });
    await ask(client, { previous_response_id: idOf(next), input: [said('one')] });
    expect(inputs(scene)).toEqual([[said('tools'), said('one')]]);
  });

  test('are answered while the provider is down', async () => {
    await using scene = await openScene();
    await scene.provider.close();
    const client = await scene.connect();
    expect(typesOf(await ask(client, { generate: false })).at(-1)).toBe('response.completed');
  });
});

describe('forks', () => {
  test('two lanes continue from one response and do not see each other', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const root = await ask(client, { input: [said('root')] });
    const a = await ask(client, { stream_id: 'a', previous_response_id: idOf(root), input: [said('a1')] });
    await ask(client, { stream_id: 'b', previous_response_id: idOf(root), input: [said('b1')] });
    await ask(client, { stream_id: 'a', previous_response_id: idOf(a), input: [said('a2')] });
    const before = [said('root'), ...itemsOf(root)];
    expect(inputs(scene).slice(1)).toEqual([
      [...before, said('a1')],
      [...before, said('b1')],
      [...before, said('a1'), ...itemsOf(a), said('a2')],
    ]);
  });

  test('a fork that waits keeps its parent, although the parent lane goes on', async () => {
    const held = gate();
    await using scene = await openScene({
      script: ({ body }) => [
        { until: body.model === 'slow' ? held.promise : Promise.resolve() },
        { text: 'x' },
      ],
    });
    const client = await scene.connect();
    const root = await ask(client, { input: [said('root')] });
    client.create({ model: 'slow', stream_id: 'a' });
    client.create({ model: 'm', stream_id: 'a', previous_response_id: idOf(root), input: [said('fork')] });
    await ask(client, { input: [said('on')], previous_response_id: idOf(root) });
    held.open();
    await client.events({ lane: 'a' });
    const fork = await client.events({ lane: 'a' });
    expect(typesOf(fork).at(-1)).toBe('response.completed');
    expect(inputs(scene).at(-1)).toEqual([said('root'), ...itemsOf(root), said('fork')]);
  });
});

describe('an id that is not known', () => {
  test('is refused without a call to the provider, and a full request then goes through', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const [error] = await ask(client, { previous_response_id: 'resp_elsewhere', input: [said('x')] });
    expect(error).toMatchObject(unknown);
    expect((error!['error'] as JsonObject)['message']).toContain('Send the whole input');
    expect(scene.provider.requests).toEqual([]);
    expect(typesOf(await ask(client, { input: [said('all')] })).at(-1)).toBe('response.completed');
  });

  test('names its lane', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const [error] = await ask(client, { stream_id: 'a', previous_response_id: 'nope' });
    expect(error).toMatchObject({ ...unknown, stream_id: 'a' });
  });

  test('is that of another connection, also of the same client', async () => {
    await using scene = await openScene();
    const one = await scene.connect();
    const other = await scene.connect();
    const first = await ask(one, { input: [said('secret')] });
    expect(await ask(other, { previous_response_id: idOf(first) })).toMatchObject([unknown]);
  });

  test('is an older one of its lane: only the latest is kept', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(await ask(client, { previous_response_id: idOf(first) })).toMatchObject([unknown]);
  });

  test('is the blank one', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    expect(await ask(client, { previous_response_id: '' })).toMatchObject([unknown]);
  });
});

describe('after a failure', () => {
  const failing = ({ body }: { body: JsonObject }) =>
    body['model'] === 'bad' ? 'bad-request' : body['model'] === 'late' ? 'failed' : [{ text: 'fine' }];

  test.each(['bad', 'late'])(
    'a continuation that failed (%s) forgets what it continued from, in its own lane',
    async (model) => {
      await using scene = await openScene({ script: failing });
      const client = await scene.connect();
      const first = await ask(client, { input: [said('one')] });
      await ask(client, { model, previous_response_id: idOf(first), input: [said('two')] });
      expect(await ask(client, { previous_response_id: idOf(first) })).toMatchObject([unknown]);
    },
  );

  test('a failing fork leaves its parent alone', async () => {
    await using scene = await openScene({ script: failing });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    await ask(client, { stream_id: 'a', model: 'bad', previous_response_id: idOf(first) });
    const next = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(typesOf(next).at(-1)).toBe('response.completed');
  });

  test('a failure that continued from nothing takes nothing away', async () => {
    await using scene = await openScene({ script: failing });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    await ask(client, { model: 'bad', input: [said('apart')] });
    const next = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(typesOf(next).at(-1)).toBe('response.completed');
  });
});
