import { describe, expect, test } from '@jest/globals';
import { withoutModelHeader } from '../../../src/events/model-header.ts';

const strip = (text: string) => withoutModelHeader(Buffer.from(text)).toString();

describe('the header that names the model is taken out of an event', () => {
  test.each([
    ['alone', '{"openai-model":"m"}', '{}'],
    ['first', '{ "openai-model" : "m" , "a":"1" }', '{"a":"1"}'],
    ['last', '{"a":"1","openai-model":"m"}', '{"a":"1"}'],
    ['in the middle', '{"a":"1","openai-model":"m","b":["2"]}', '{"a":"1","b":["2"]}'],
    ['in another case', '{"OpenAI-Model":"m","a":"1"}', '{"a":"1"}'],
    ['with the prefix that Codex knows too', '{"X-OpenAI-Model":"m","a":"1"}', '{"a":"1"}'],
    ['with an escaped name', '{"openai\\u002dmodel":"m","a":"1"}', '{"a":"1"}'],
    ['twice', '{"openai-model":"m","a":"1","openai-model":"n"}', '{"a":"1"}'],
    ['as a list', '{"openai-model":["m","n"],"a":"ü"}', '{"a":"ü"}'],
  ])('%s', (_, given, left) => {
    expect(strip(`{"type":"response.metadata", "headers": ${given} ,"x":1.0}`)).toBe(
      `{"type":"response.metadata", "headers": ${left} ,"x":1.0}`,
    );
    expect(strip(`{"type":"response.created","response":{"id":"r","headers":${given}},"x":"ü"}`)).toBe(
      `{"type":"response.created","response":{"id":"r","headers":${left}},"x":"ü"}`,
    );
  });

  test('from every place where Codex reads headers', () => {
    expect(strip('{"headers":{"openai-model":"a"},"response":{"headers":{"openai-model":"b"}}}')).toBe(
      '{"headers":{},"response":{"headers":{}}}',
    );
  });

  test('however deep the rest is nested', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(strip(`{"metadata":${deep},"headers":{"a":${deep},"openai-model":"m"}}`)).toBe(
      `{"metadata":${deep},"headers":{"a":${deep}}}`,
    );
  });

  test('with all the others, where they are too many to be looked through', () => {
    const many = Array.from({ length: 2_000 }, (_, n) => `"h${n}":"v"`).join(',');
    expect(strip(`{"headers":{${many},"openai-model":"m"},"x":1}`)).toBe('{"headers":{},"x":1}');
  });
});

describe('an event passes as it is', () => {
  test.each([
    '{"type":"response.metadata","headers":{"x-codex-turn-state":"t"}}',
    '{"type":"response.metadata","headers":["openai-model"]}',
    '{"type":"response.metadata","headers":null}',
    '{"response":{"metadata":{"headers":{"openai-model":"m"}}}}',
    '{"text":"\\"headers\\":{\\"openai-model\\":\\"m\\"}"}',
    '{"model":"openai-model"}',
    '{"headers":{"openai-model":',
    '',
  ])('%s', (text) => {
    const payload = Buffer.from(text);
    expect(withoutModelHeader(payload)).toBe(payload);
  });
});
