import { describe, expect, test } from '@jest/globals';
import { parseClientFrame, type ClientFrame } from '../../../src/frames/client-frame.ts';
import { parseCreateBody, type ResponseCreate } from '../../../src/frames/response-create.ts';

function frame(value: object | string): ClientFrame {
  return parseClientFrame(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

/** The most bytes of this frame that are made a text at once while it is read. */
function largestRead(bytes: Buffer): number {
  let largest = 0;
  bytes.toString = (encoding, start = 0, end = bytes.length) => {
    largest = Math.max(largest, end - start);
    return Buffer.prototype.toString.call(bytes, encoding, start, end);
  };
  parseClientFrame(bytes);
  return largest;
}

function created(value: object | string): ResponseCreate {
  const parsed = frame(value);
  if (parsed.kind !== 'create') throw new Error(`not a request: ${JSON.stringify(parsed)}`);
  return parsed.create;
}

function create(members: object): object {
  return { type: 'response.create', ...members };
}

describe('what a client may say', () => {
  test('a request is read by its few members that matter, and keeps its bytes', () => {
    const value = create({
      model: 'gpt-x',
      input: [{ role: 'user', content: 'hi' }],
      previous_response_id: 'resp_1',
      stream_id: 'a.b-c_9',
      stream: true,
      client_metadata: { session_id: 's' },
      tools: [],
    });
    const request = created(value);
    expect(request).toMatchObject({
      model: 'gpt-x',
      previousResponseId: 'resp_1',
      streamId: 'a.b-c_9',
      stream: true,
      isWarmup: false,
      clientMetadata: { key: 'client_metadata' },
    });
    expect(request.input.kind).toBe('items');
    expect(request.input.bytes.toString()).toBe('{"role":"user","content":"hi"}');
    expect(JSON.parse(request.bytes.toString())).toEqual(value);
  });

  test('what is left out or null is as if it were not there', () => {
    for (const members of [
      {},
      {
        model: null,
        input: null,
        previous_response_id: null,
        generate: null,
        stream: null,
        background: null,
      },
    ]) {
      expect(created(create(members))).toMatchObject({
        model: undefined,
        previousResponseId: undefined,
        streamId: undefined,
        stream: undefined,
        isWarmup: false,
        clientMetadata: undefined,
        input: { kind: 'items', bytes: Buffer.alloc(0) },
      });
    }
  });

  test('an empty previous_response_id is not the same as none', () => {
    expect(created(create({ previous_response_id: '' })).previousResponseId).toBe('');
  });

  test.each([
    [{ generate: false }, true],
    [{ generate: true }, false],
    [{ prompt_cache_options: { prewarm: true } }, true],
    [{ prompt_cache_options: { prewarm: 'true' } }, false],
    [{ prompt_cache_options: null }, false],
    [{ prompt_cache_options: [] }, false],
  ])('%j is a warm-up: %j', (members, isWarmup) => {
    expect(created(create(members)).isWarmup).toBe(isWarmup);
  });

  test('an input text stays as it was written, quotes and escapes and all', () => {
    const request = created('{"type":"response.create","input":"a\\u00e9\\n\\ud800"}');
    expect(request.input.kind).toBe('text');
    expect(request.input.bytes.toString()).toBe('"a\\u00e9\\n\\ud800"');
  });

  test('lone surrogates pass as the escapes they came in', () => {
    const request = created('{"type":"response.create","model":"\\ud800","input":["\\udfff"]}');
    expect(request.model).toBe('\ud800');
    expect(request.input.bytes.toString()).toBe('"\\udfff"');
  });

  test('the other frames carry their ids, give back their input as raw JSON and can be passed on whole', () => {
    const interrupt = '{"type":"response.interrupt","response_id":"r1","mode":"discard_partial_items"}';
    expect(frame(interrupt)).toEqual({
      kind: 'interrupt',
      responseId: 'r1',
      bytes: Buffer.from(interrupt),
    });
    expect(frame({ type: 'response.interrupt', response_id: 7 })).toMatchObject({
      kind: 'interrupt',
      responseId: undefined,
    });
    const steer = '{"type":"response.steer","previous_response_id":"r1","input": [ 1 ] }';
    expect(frame(steer)).toEqual({
      kind: 'steer',
      previousResponseId: 'r1',
      input: Buffer.from('[ 1 ]'),
      bytes: Buffer.from(steer),
    });
    expect(frame({ type: 'response.steer' })).toMatchObject({
      kind: 'steer',
      previousResponseId: undefined,
      input: undefined,
    });
    const inject = '{"type":"response.inject","response_id":"r1","input":"x"}';
    expect(frame(inject)).toEqual({
      kind: 'inject',
      responseId: 'r1',
      input: Buffer.from('"x"'),
      bytes: Buffer.from(inject),
    });
    expect(frame({ type: 'response.processed', response_id: 'r1' })).toEqual({ kind: 'processed' });
  });

  test('names of 1,024 bytes are kept, quotes included; an id that is longer is none, and not given back', () => {
    const name = 'r'.repeat(1_022);
    expect(created(create({ model: name, previous_response_id: name }))).toMatchObject({
      model: name,
      previousResponseId: name,
    });
    const id = 'r'.repeat(1_023);
    expect(frame({ type: 'response.interrupt', response_id: name })).toMatchObject({ responseId: name });
    expect(frame({ type: 'response.interrupt', response_id: id })).toMatchObject({ responseId: undefined });
    expect(frame({ type: 'response.steer', previous_response_id: id })).toMatchObject({
      previousResponseId: undefined,
    });
    expect(frame({ type: 'response.inject', response_id: id })).toMatchObject({ responseId: undefined });
  });
});

describe('a request nested under `response`', () => {
  test('is unwrapped, with what stands beside it', () => {
    const request = created({
      event_id: 'e1',
      type: 'response.create',
      response: { model: 'm', input: 'hi', previous_response_id: 'r1' },
      stream_id: 'a',
    });
    expect(request).toMatchObject({ model: 'm', streamId: 'a', previousResponseId: 'r1' });
    expect(request.input.bytes.toString()).toBe('"hi"');
  });

  test('is left alone where the fields stand beside `type`: then it is a member like any other', () => {
    expect(created(create({ model: 'm', response: { model: 'other' } })).model).toBe('m');
    expect(created(create({ input: 'x', response: 'whatever' })).input.kind).toBe('text');
  });
});

describe('what is refused', () => {
  const NO_STRING_TYPE = 'The frame has no string `type`; a turn begins with "response.create".';
  const UNKNOWN =
    'The frame\'s `type` is not known here; clients may send "response.create", "response.interrupt", ' +
    '"response.steer" and "response.inject". To cancel a response, interrupt it or close the socket.';
  const LANE =
    '`stream_id` must be 1 to 256 characters of A-Z a-z 0-9 _ . - (leave it out for the default lane).';

  test.each<[string, object | string, string, string, string | null, string]>([
    [
      'text that is no JSON',
      'hello',
      'invalid_json',
      'The frame is not a JSON object: at byte 0 there should be an object.',
      null,
      'invalid_json',
    ],
    [
      'a frame cut short',
      '{"type":"response.create"',
      'invalid_json',
      'The frame is not a JSON object: at byte 25 there should be a comma or the end of the object.',
      null,
      'invalid_json',
    ],
    ['no type', {}, 'unknown_event', NO_STRING_TYPE, 'type', 'unknown_event'],
    ['a type that is no string', { type: 1 }, 'unknown_event', NO_STRING_TYPE, 'type', 'unknown_event'],
    ['another type', { type: 'response.cancel' }, 'unknown_event', UNKNOWN, 'type', 'unknown_event'],
    ['a type of objects’ own', { type: 'constructor' }, 'unknown_event', UNKNOWN, 'type', 'unknown_event'],
    [
      'the old dialect',
      { type: 'response.append', input: [] },
      'legacy_event',
      '"response.append" belongs to a dialect of early 2026; send "response.create" with `previous_response_id`.',
      'type',
      'legacy_event',
    ],
    [
      'a nested request that is none',
      create({ response: [] }),
      'invalid_request',
      '`response` must be an object, or be left out: the fields stand beside `type`.',
      null,
      'invalid_request',
    ],
    [
      'a member twice',
      '{"type":"response.create","model":"a","model":"b"}',
      'invalid_request',
      '`model` is given twice; give it once.',
      null,
      'invalid_request',
    ],
    [
      'a member twice, once escaped',
      '{"type":"response.create","model":"a","mode\\u006c":"b"}',
      'invalid_request',
      '`model` is given twice; give it once.',
      null,
      'invalid_request',
    ],
    [
      'a member inside and outside of `response`',
      create({ tools: [], response: { tools: [] } }),
      'invalid_request',
      '`tools` is given twice; give it once.',
      null,
      'invalid_request',
    ],
    [
      '`response` twice',
      '{"type":"response.create","response":{"model":"a"},"response":{"model":"b"}}',
      'invalid_request',
      '`response` is given twice; give it once.',
      null,
      'invalid_request',
    ],
    [
      'an empty lane name',
      create({ stream_id: '' }),
      'invalid_stream_id',
      LANE,
      'stream_id',
      'invalid_stream_id',
    ],
    [
      'a lane name with a space',
      create({ stream_id: 'a b' }),
      'invalid_stream_id',
      LANE,
      'stream_id',
      'invalid_stream_id',
    ],
    [
      'a lane name with a line break at its end',
      create({ stream_id: 'a\n' }),
      'invalid_stream_id',
      LANE,
      'stream_id',
      'invalid_stream_id',
    ],
    [
      'a lane name of 257 characters',
      create({ stream_id: 'a'.repeat(257) }),
      'invalid_stream_id',
      LANE,
      'stream_id',
      'invalid_stream_id',
    ],
    [
      'a lane name that is null',
      create({ stream_id: null }),
      'invalid_stream_id',
      LANE,
      'stream_id',
      'invalid_stream_id',
    ],
    [
      'a model that is no string',
      create({ model: 4 }),
      'invalid_request',
      '`model` must be a string.',
      'model',
      'invalid_request',
    ],
    [
      'a model with a broken escape',
      '{"type":"response.create","model":"\\q"}',
      'invalid_request',
      '`model` must be a string.',
      'model',
      'invalid_request',
    ],
    [
      'a model of 1,025 bytes',
      create({ model: 'm'.repeat(1_023) }),
      'invalid_request',
      '`model` must be a string of 1024 bytes at most.',
      'model',
      'invalid_request',
    ],
    [
      'a previous response of 1,025 bytes',
      create({ previous_response_id: 'r'.repeat(1_023) }),
      'invalid_request',
      '`previous_response_id` must be a string of 1024 bytes at most.',
      'previous_response_id',
      'invalid_request',
    ],
    [
      'a previous response that is no string',
      create({ previous_response_id: {} }),
      'invalid_request',
      '`previous_response_id` must be a string.',
      'previous_response_id',
      'invalid_request',
    ],
    [
      '`generate` that is neither',
      create({ generate: 'false' }),
      'invalid_request',
      '`generate` must be true or false.',
      'generate',
      'invalid_request',
    ],
    [
      '`stream` that is neither',
      create({ stream: 1 }),
      'invalid_request',
      '`stream` must be true or false.',
      'stream',
      'invalid_request',
    ],
    [
      'work in the background',
      create({ background: true }),
      'unsupported_parameter',
      '`background` is not possible here: a response lives as long as its connection. Leave it out.',
      'background',
      'invalid_request',
    ],
    [
      'an input that is an object',
      create({ input: { role: 'user' } }),
      'invalid_request',
      '`input` must be a string or an array of items.',
      'input',
      'invalid_request',
    ],
    [
      'an input text with a broken escape',
      '{"type":"response.create","input":"\\q"}',
      'invalid_request',
      '`input` must be a string or an array of items.',
      'input',
      'invalid_request',
    ],
  ])('%s is refused in a sentence', (_, value, code, message, param, reason) => {
    expect(frame(value)).toMatchObject({
      kind: 'refused',
      reason,
      error: { error: { code, message, param, type: 'invalid_request_error' }, status: 400, headers: {} },
    });
  });

  test('the refusal names the request’s lane, unless the name itself is wrong', () => {
    expect(frame(create({ stream_id: 'a', model: 1 }))).toMatchObject({ streamId: 'a' });
    expect(frame(create({ stream_id: 'a', background: true }))).toMatchObject({ streamId: 'a' });
    expect(frame(create({ stream_id: 'a', input: 1 }))).toMatchObject({ streamId: 'a' });
    expect(frame(create({ stream_id: 'a b', model: 1 }))).toMatchObject({ streamId: undefined });
  });

  test('names of one and of 256 characters are lanes', () => {
    for (const name of ['a', '.', '-'.repeat(256)]) {
      expect(created(create({ stream_id: name })).streamId).toBe(name);
    }
  });

  test.each([
    ['generate', (value: string) => `"generate":${value}`],
    ['stream', (value: string) => `"stream":${value}`],
    ['background', (value: string) => `"background":${value}`],
    ['prewarm', (value: string) => `"prompt_cache_options":{"prewarm":${value}}`],
    ['type', (value: string) => `"type":${value}`],
    ['model', (value: string) => `"model":${value}`],
    ['stream_id', (value: string) => `"stream_id":${value}`],
    ['response_id', (value: string) => `"response_id":${value}`],
  ])('a `%s` of enormous size is refused or left out without being parsed', (_, member) => {
    const texts = [`[${'[],'.repeat(5_000)}[]]`, `"${'x'.repeat(15_000)}"`];
    for (const text of texts) {
      for (const type of ['create', 'interrupt', 'steer', 'inject']) {
        const given = member(text);
        const envelope = given.startsWith('"type"') ? '' : `"type":"response.${type}",`;
        expect(largestRead(Buffer.from(`{${envelope}${given}}`))).toBeLessThan(2_000);
      }
    }
  });

  test('a key of any length that is given twice is shown by its beginning', () => {
    const key = 'k'.repeat(1000);
    expect(frame(`{"type":"response.create","${key}":1,"${key}":2}`)).toMatchObject({
      error: { error: { message: `\`${'k'.repeat(64)}\` is given twice; give it once.` } },
    });
  });
});

describe('the body of a POST', () => {
  test('has the same members, without an envelope', () => {
    const parsed = parseCreateBody(Buffer.from('{"model":"m","input":"hi","type":"x","stream":false}'));
    expect(parsed).toMatchObject({ ok: true, create: { model: 'm', stream: false, isWarmup: false } });
  });

  test('is never a warm-up: prewarm options are the provider’s affair', () => {
    const parsed = parseCreateBody(Buffer.from('{"model":"m","prompt_cache_options":{"prewarm":true}}'));
    expect(parsed).toMatchObject({ ok: true, create: { isWarmup: false } });
  });

  test('a member named `response` in it is not unwrapped', () => {
    const parsed = parseCreateBody(Buffer.from('{"response":{"model":"m"}}'));
    expect(parsed).toMatchObject({ ok: true, create: { model: undefined } });
  });

  test.each([
    ['[]', 'invalid_json', 'The body is not a JSON object: at byte 0 there should be an object.', null],
    [
      '{"generate":false}',
      'invalid_request',
      '`generate: false` exists on the WebSocket only; leave it out.',
      'generate',
    ],
    [
      '{"stream_id":"a"}',
      'invalid_stream_id',
      '`stream_id` names a lane of a WebSocket; over HTTP leave it out.',
      'stream_id',
    ],
    ['{"model":[]}', 'invalid_request', '`model` must be a string.', 'model'],
  ])('%s is refused in a sentence', (body, code, message, param) => {
    expect(parseCreateBody(Buffer.from(body))).toMatchObject({
      ok: false,
      streamId: undefined,
      error: { error: { code, message, param } },
    });
  });
});
