/** What a client may not say: each refusal has a status, costs the provider nothing and leaves the socket usable. */
import { describe, expect, test } from '@jest/globals';
import { ask, logged, openScene, said, typesOf } from './scene.ts';

const create = (fields: string): string => `{"type":"response.create","model":"m",${fields}}`;

interface Row {
  readonly what: string;
  readonly frame: string | Buffer;
  readonly code: string;
  readonly message: string;
  readonly param?: string | null;
}

const rows: readonly Row[] = [
  { what: 'nothing', frame: '', code: 'invalid_json', message: 'at byte 0' },
  { what: 'words', frame: 'hello', code: 'invalid_json', message: 'not a JSON object' },
  { what: 'half an object', frame: '{"type":"response.create"', code: 'invalid_json', message: 'at byte 25' },
  { what: 'an array', frame: '[{"type":"response.create"}]', code: 'invalid_json', message: 'at byte 0' },
  { what: 'null', frame: 'null', code: 'invalid_json', message: 'not a JSON object' },
  { what: 'two objects', frame: '{"type":"response.create"}{}', code: 'invalid_json', message: 'at byte 26' },
  {
    what: 'no type',
    frame: '{"model":"m"}',
    code: 'unknown_event',
    message: '"response.create"',
    param: 'type',
  },
  {
    what: 'a type that is no string',
    frame: '{"type":7}',
    code: 'unknown_event',
    message: 'no string `type`',
    param: 'type',
  },
  {
    what: 'a type nobody knows',
    frame: '{"type":"response.cancel"}',
    code: 'unknown_event',
    message: 'close the socket',
    param: 'type',
  },
  {
    what: 'the append of early 2026',
    frame: '{"type":"response.append","input":[]}',
    code: 'legacy_event',
    message: 'previous_response_id',
    param: 'type',
  },
  {
    what: 'a binary frame',
    frame: Buffer.from('{"type":"response.create"}'),
    code: 'unsupported_frame_type',
    message: 'this one was binary',
  },
  {
    what: 'a model that is no string',
    frame: '{"type":"response.create","model":5}',
    code: 'invalid_request',
    message: '`model` must be a string',
    param: 'model',
  },
  {
    what: 'input that is a number',
    frame: create('"input":5'),
    code: 'invalid_request',
    message: '`input` must be',
    param: 'input',
  },
  {
    what: 'input that is an object',
    frame: create('"input":{"a":1}'),
    code: 'invalid_request',
    message: '`input` must be',
    param: 'input',
  },
  {
    what: 'a field twice',
    frame: create('"input":[],"input":[]'),
    code: 'invalid_request',
    message: '`input` is given twice',
  },
  {
    what: 'generate that is a string',
    frame: create('"generate":"no"'),
    code: 'invalid_request',
    message: '`generate` must be true or false',
    param: 'generate',
  },
  {
    what: 'stream that is a string',
    frame: create('"stream":"yes"'),
    code: 'invalid_request',
    message: '`stream` must be',
    param: 'stream',
  },
  {
    what: 'a previous id that is a number',
    frame: create('"previous_response_id":1'),
    code: 'invalid_request',
    message: '`previous_response_id` must be a string',
    param: 'previous_response_id',
  },
  {
    what: 'background',
    frame: create('"background":true'),
    code: 'unsupported_parameter',
    message: 'lives as long as its connection',
    param: 'background',
  },
  {
    what: 'an empty lane',
    frame: create('"stream_id":""'),
    code: 'invalid_stream_id',
    message: '1 to 256 characters',
    param: 'stream_id',
  },
  {
    what: 'a lane with a space',
    frame: create('"stream_id":"a b"'),
    code: 'invalid_stream_id',
    message: '1 to 256 characters',
    param: 'stream_id',
  },
  {
    what: 'a lane of 257 characters',
    frame: create(`"stream_id":"${'a'.repeat(257)}"`),
    code: 'invalid_stream_id',
    message: '1 to 256 characters',
    param: 'stream_id',
  },
  {
    what: 'a lane that is a number',
    frame: create('"stream_id":1'),
    code: 'invalid_stream_id',
    message: '1 to 256 characters',
    param: 'stream_id',
  },
  {
    what: 'a nested response that is no object',
    frame: '{"type":"response.create","response":[]}',
    code: 'invalid_request',
    message: '`response` must be an object',
  },
];

describe('a frame that is refused with 400', () => {
  test.each(rows)('$what', async ({ frame, code, message, param = null }) => {
    await using scene = await openScene();
    const client = await scene.connect();
    client.send(frame);
    const refused = await client.next();
    expect(refused).toMatchObject({
      type: 'error',
      status: 400,
      error: { type: 'invalid_request_error', code, param, message: expect.stringContaining(message) },
    });
    expect(refused).not.toHaveProperty('stream_id');
    expect(refused).not.toHaveProperty('sequence_number');
    expect(scene.provider.requests).toEqual([]);
    expect(typesOf(await ask(client, { input: [said('still there?')] })).at(-1)).toBe('response.completed');
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('names the lane of its request where that is a name', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    client.create({ stream_id: 'planner', model: 'm', background: true });
    expect(await client.next()).toMatchObject({ type: 'error', status: 400, stream_id: 'planner' });
  });

  test('is counted by its reason and logged without its text', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    client.send('canary-text {');
    await client.next('error');
    expect(await logged(scene.bridge, 'protocol.error')).toMatchObject([{ reason: 'invalid_json' }]);
    expect(JSON.stringify(scene.bridge.logs())).not.toContain('canary-text');
  });

  test('quotes little of a long field name', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const key = 'k'.repeat(100_000);
    client.send(`{"type":"response.create","${key}":1,"${key}":2}`);
    const { error } = (await client.next('error')) as { error: { message: string } };
    expect(error.message.length).toBeLessThan(200);
  });
});

describe('a model that nobody serves', () => {
  test.each([
    ['is answered 404 model_not_found', { model: 'claude' }, 'No route here serves the model "claude"'],
    ['that is not even named is answered so too', {}, 'The request names no `model`'],
  ])('%s, and the socket stays open', async (_, body, message) => {
    await using scene = await openScene({
      route: { match: { models: ['gpt-*'] }, provider: { models: ['gpt-*'] } },
    });
    const client = await scene.connect();
    client.create(body);
    expect(await client.next()).toMatchObject({
      type: 'error',
      status: 404,
      error: { code: 'model_not_found', param: 'model', message: expect.stringContaining(message) },
    });
    expect(scene.provider.requests).toEqual([]);
    expect(typesOf(await ask(client, { model: 'gpt-5.5' })).at(-1)).toBe('response.completed');
  });
});
