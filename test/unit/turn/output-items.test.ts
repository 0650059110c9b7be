import { describe, expect, test } from '@jest/globals';
import {
  nextSequence,
  OutputItems,
  readResponse,
  readResponseId,
  toInputItem,
  withBlankId,
} from '../../../src/turn/output-items.ts';

function input(item: string): string {
  return toInputItem(Buffer.from(item)).toString();
}

describe('an output item as input', () => {
  test.each([
    '{"type":"message","id":"m","status":"completed","content":[{"text":"a","annotations":[],"logprobs":[]}]}',
    '{ "type": "function_call" , "arguments": "{}" }',
    '{"type":"unknown_thing","n":12345678901234567890}',
  ])('%s keeps its bytes', (item) => {
    expect(input(item)).toBe(item);
  });

  test.each([
    ['{"type":"message","phase":null,"id":"m"}', '{"type":"message","id":"m"}'],
    [
      '{"type":"message","content":[{"logprobs":null}],"a":null}',
      '{"type":"message","content":[{"logprobs":null}]}',
    ],
    [
      '{"type":"reasoning","id":"r","status":"completed","content":[],"summary":[],"encrypted_content":"e"}',
      '{"type":"reasoning","id":"r","summary":[],"encrypted_content":"e"}',
    ],
    [
      '{"type":"reasoning","content":[{"text":"t"}],"status":null}',
      '{"type":"reasoning","content":[{"text":"t"}]}',
    ],
    [
      '{"type":"message","text":"about \\"reasoning\\" and null","status":"completed","content":[]}',
      '{"type":"message","text":"about \\"reasoning\\" and null","status":"completed","content":[]}',
    ],
  ])('%s loses what a client would not send back', (item, expected) => {
    expect(JSON.parse(input(item))).toEqual(JSON.parse(expected));
  });

  test('what is no JSON, or no object, is left to the provider that sent it', () => {
    for (const item of ['{"a":null', 'null', '"reasoning"', '[null]x']) expect(input(item)).toBe(item);
  });

  test('nested deeper than can be written again keeps its bytes', () => {
    const item = `{"a":null,"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(input(item)).toBe(item);
  });

  test('is a copy: the read it came in can go', () => {
    const read = Buffer.alloc(1 << 16, 'x');
    read.write('{"type":"message"}');
    const item = toInputItem(read.subarray(0, 18));
    expect(item.buffer.byteLength).toBe(18);
    read.fill(0);
    expect(item.toString()).toBe('{"type":"message"}');
  });
});

describe('the items of a response', () => {
  test('are joined in the order of their index; without one, as they came', () => {
    const items = new OutputItems();
    items.add(Buffer.from('{"output_index":2,"item":{"n":2}}'));
    items.add(Buffer.from('{"output_index":0,"item":{"n":0}}'));
    items.add(Buffer.from('{"type":"response.output_item.done"}'));
    items.add(Buffer.from('not JSON'));
    items.add(Buffer.from('{"item":{"n":"third"}}'));
    expect(items.count).toBe(3);
    expect(JSON.parse(`[${items.joined().toString()}]`)).toEqual([{ n: 0 }, { n: 2 }, { n: 'third' }]);
    expect(items.joined().length).toBe(items.bytes - 1);
  });

  test('none are no bytes', () => {
    expect(new OutputItems().joined()).toHaveLength(0);
  });
});

describe('what an event says of its response', () => {
  test('its id, usage, error code and items are read', () => {
    const event = Buffer.from(
      '{"type":"x","response":{"usage":{"input_tokens":3,"output_tokens":-1,"input_tokens_details":null},' +
        '"id":"r","error":{"code":"c"},"output":[ {"a":1},{} ]}}',
    );
    const facts = readResponse(event);
    expect(facts).toMatchObject({
      id: 'r',
      errorCode: 'c',
      usage: { inputTokens: 3, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 },
    });
    expect(facts.outputItems?.toString()).toBe('{"a":1},{}');
    expect(JSON.parse(withBlankId(event, facts).toString())).toMatchObject({ response: { id: '' } });
  });

  test.each([
    '{}',
    'x',
    '{"response":null}',
    '{"response":[]}',
    '{"response":{"id":7,"usage":null,"error":"x","output":{}}}',
    '{"response":{"output":[ ],"error":{"code":5},"usage":[]}}',
  ])('%s says nothing', (event) => {
    const facts = readResponse(Buffer.from(event));
    expect([facts.id, facts.errorCode, facts.outputItems]).toEqual([undefined, undefined, undefined]);
  });

  test('a usage of any size, and an error that is mostly something else, are not parsed for their few words', () => {
    const many = `[${'[],'.repeat(30_000)}[]]`;
    const event = `{"response":{"usage":{"input_tokens":3,"more":${many}},"error":{"more":${many},"code":"c"}}}`;
    expect(readResponse(Buffer.from(event))).toMatchObject({ usage: undefined, errorCode: 'c' });
  });

  test.each(['1e999', '2147483648', '-1', '"7"', '[7]', 'null'])('%s is no number of tokens', (given) => {
    const event = `{"response":{"usage":{"input_tokens":${given},"output_tokens":5}}}`;
    expect(readResponse(Buffer.from(event)).usage).toMatchObject({ inputTokens: 0, outputTokens: 5 });
  });

  test('an id is one up to the length at which a client may name it again', () => {
    for (const read of [readResponseId, (event: Buffer) => readResponse(event).id]) {
      const idOf = (id: string) => read(Buffer.from(JSON.stringify({ response: { id } })));
      expect(idOf('r'.repeat(1_022))).toHaveLength(1_022);
      expect(idOf('r'.repeat(1_023))).toBeUndefined();
    }
  });

  test('an event without an id stays as it is', () => {
    const event = Buffer.from('{"response":{}}');
    expect(withBlankId(event, readResponse(event))).toBe(event);
  });

  test.each([
    ['{"sequence_number":7}', 8],
    ['{"sequence_number":"7"}', 0],
    ['{"sequence_number":7.5}', 0],
    ['{}', 0],
    ['x', 0],
  ])('after %s comes number %i', (event, next) => {
    expect(nextSequence(Buffer.from(event))).toBe(next);
  });

  test('the first event has number 0', () => {
    expect(nextSequence(undefined)).toBe(0);
  });
});
