import { describe, expect, test } from '@jest/globals';
import { parseJson } from '../../../src/json/json-object.ts';
import { isParsable, MAX_VALUES } from '../../../src/json/value-count.ts';

const isWithin = (text: string, maxValues: number) => isParsable(Buffer.from(text), maxValues);

describe('a text is parsed if it has no more values than may be held', () => {
  test.each<[string, number]>([
    ['[1111111,1111111,1111111]', 4],
    ['{"aaaaaaa":{"bbbbbbb":[]}}', 4], // one too many: an empty array counts as if it held something
    ['[[[[[[[[[[     ]]]]]]]]]]', 11],
    [`["${',[{'.repeat(20)}"]`, 2],
    [String.raw`["\",[{\\\",[{,,,,,,,,,,,,,,,,,,",1]`, 3],
    [String.raw`["\\",1111111111111111111111]`, 3],
  ])('%s', (text, values) => {
    expect(isWithin(text, values)).toBe(true);
    expect(isWithin(text, values - 1)).toBe(false);
  });

  test('what does not end is not searched for ever', () => {
    expect(isWithin('["a text that does not end, [[[[[[', 2)).toBe(true);
  });

  test('a short text cannot have too many, and is not looked at', () => {
    expect(isWithin('[,,,,,', 3)).toBe(true);
  });
});

test('sixty megabytes of empty objects are no JSON to us, sixty of text are', () => {
  expect(parseJson(Buffer.from(`[${'{},'.repeat(20_000_000)}{}]`))).toBeUndefined();
  const text = 'some words, [and] some more of them. '.repeat(1_600_000);
  expect(parseJson(Buffer.from(JSON.stringify([text])))).toEqual([text]);
});

test('as many values as may be are parsed', () => {
  const count = MAX_VALUES - 1; // the array itself is one
  const values = parseJson(Buffer.from(`[${'10,'.repeat(count - 1)}10]`));
  expect((values as unknown[]).length).toBe(count);
  expect(parseJson(Buffer.from(`[${'10,'.repeat(count)}10]`))).toBeUndefined();
});
