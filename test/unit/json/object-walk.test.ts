import { describe, expect, test } from '@jest/globals';
import {
  arrayItemsOf,
  booleanOf,
  MAX_VALUE_BYTES,
  memberOf,
  stringOf,
  valueOf,
  walkObject,
  type Member,
} from '../../../src/json/object-walk.ts';

function walked(text: string): readonly Member[] {
  const walk = walkObject(Buffer.from(text));
  if (!walk.ok) throw new Error(`refused at ${walk.at}: ${walk.expected}`);
  return walk.members;
}

/** Keys and the raw texts of their values. */
function read(text: string): (readonly [string, string])[] {
  const bytes = Buffer.from(text);
  return walked(text).map(({ key, start, end }) => [key, bytes.toString('utf8', start, end)] as const);
}

describe('what is there', () => {
  test.each<[string, [string, string][]]>([
    ['{}', []],
    [' \n\t\r{ \n}\t ', []],
    ['{"a":1}', [['a', '1']]],
    [
      ' { "a" : 1 , "b" : [ 1 , { "c" : "]}" } ] } ',
      [
        ['a', '1'],
        ['b', '[ 1 , { "c" : "]}" } ]'],
      ],
    ],
    [
      '{"":"","a\\"b":"x\\\\","\\u0061":null}',
      [
        ['', '""'],
        ['a"b', '"x\\\\"'],
        ['a', 'null'],
      ],
    ],
    [
      '{"a":true,"a":false}',
      [
        ['a', 'true'],
        ['a', 'false'],
      ],
    ],
    ['{"grün 🙂":"🙂"}', [['grün 🙂', '"🙂"']]],
    ['{"__proto__":{"x":1}}', [['__proto__', '{"x":1}']]],
    [
      '{"n":-0.5e+10,"m":0,"l":1E9}',
      [
        ['n', '-0.5e+10'],
        ['m', '0'],
        ['l', '1E9'],
      ],
    ],
  ])('the members of %j are found with their spans', (text, members) => {
    expect(read(text)).toEqual(members);
  });

  test('the key’s own place is known: what stands between two members belongs to neither', () => {
    const text = '{ "a" : 1, "b":2}';
    expect(walked(text).map(({ keyStart }) => text.slice(keyStart, keyStart + 3))).toEqual(['"a"', '"b"']);
  });

  test('a walk within a part of the bytes gives offsets into the whole', () => {
    const bytes = Buffer.from('xx{"a":{"b":"c"}}yy');
    const outer = walkObject(bytes, 2, bytes.length - 2);
    if (!outer.ok) throw new Error(outer.expected);
    const inner = walkObject(bytes, outer.members[0]!.start, outer.members[0]!.end);
    if (!inner.ok) throw new Error(inner.expected);
    expect(stringOf(bytes, inner.members[0]!)).toBe('c');
  });

  test('of a key that is given twice the first counts', () => {
    const bytes = Buffer.from('{"a":1,"a":2}');
    expect(valueOf(bytes, memberOf(walked('{"a":1,"a":2}'), 'a')!)).toBe(1);
    expect(memberOf(walked('{"a":1}'), 'b')).toBeUndefined();
  });

  test('a value that is broken inside is found whole, and has no value', () => {
    const bytes = Buffer.from('{"a":[1,,2],"b":"\\q","c":[{]]}');
    const walk = walkObject(bytes);
    if (!walk.ok) throw new Error(walk.expected);
    expect(walk.members.map((member) => valueOf(bytes, member))).toEqual([undefined, undefined, undefined]);
    expect(stringOf(bytes, walk.members[1]!)).toBeUndefined();
  });

  test.each([
    ['{"a":[]}', ''],
    ['{"a":[ \n ]}', ''],
    ['{"a":[ 1 , 2 ]}', '1 , 2'],
    ['{"a":[{"b":[]}]}', '{"b":[]}'],
  ])('the items of %s are the bytes between the brackets', (text, items) => {
    expect(arrayItemsOf(Buffer.from(text), walked(text)[0]!)?.toString()).toBe(items);
  });

  test.each(['{"a":{}}', '{"a":"[]"}', '{"a":null}'])('%s holds no array', (text) => {
    expect(arrayItemsOf(Buffer.from(text), walked(text)[0]!)).toBeUndefined();
  });
});

describe('what is refused', () => {
  test.each<[string, number, string]>([
    ['', 0, 'an object'],
    ['  ', 2, 'an object'],
    ['[]', 0, 'an object'],
    ['"a"', 0, 'an object'],
    ['\ufeff{}', 0, 'an object'],
    ['{', 1, 'a key in double quotes'],
    ['{a:1}', 1, 'a key in double quotes'],
    ["{'a':1}", 1, 'a key in double quotes'],
    ['{"a":1,}', 7, 'a key in double quotes'],
    ['{"a', 1, 'a key that ends'],
    ['{"a\\":1}', 1, 'a key that ends'],
    ['{"\\q":1}', 1, 'a key with valid escapes'],
    ['{"a\nb":1}', 1, 'a key with valid escapes'],
    ['{"\u0000":1}', 1, 'a key with valid escapes'],
    ['{"a"}', 4, 'a colon'],
    ['{"a" 1}', 5, 'a colon'],
    ['{"a":}', 5, 'a value for "a"'],
    ['{"a":', 5, 'a value for "a"'],
    ['{"a":tru}', 5, 'a value for "a"'],
    ['{"a":01}', 5, 'a value for "a"'],
    ['{"a":+1}', 5, 'a value for "a"'],
    ['{"a":.5}', 5, 'a value for "a"'],
    ['{"a":NaN}', 5, 'a value for "a"'],
    ['{"a":"b}', 5, 'a value for "a"'],
    ['{"a":[1}', 5, 'a value for "a"'],
    ['{"a":[1', 5, 'a value for "a"'],
    ['{"a":{"b":"}', 5, 'a value for "a"'],
    ['{"a":1 "b":2}', 7, 'a comma or the end of the object'],
    ['{"a":"b""c":1}', 8, 'a comma or the end of the object'],
    ['{"a":1', 6, 'a comma or the end of the object'],
    ['{"a":1}}', 7, 'nothing after the object'],
    ['{} {}', 3, 'nothing after the object'],
  ])('%j is refused at byte %i: %s', (text, at, expected) => {
    expect(walkObject(Buffer.from(text))).toEqual({ ok: false, at, expected });
  });

  test('a long key is named by its first forty characters', () => {
    const walk = walkObject(Buffer.from(`{"${'k'.repeat(100)}":x}`));
    expect(walk).toMatchObject({ ok: false, expected: `a value for "${'k'.repeat(40)}"` });
  });

  test('bytes beyond the given end are never taken for part of the object', () => {
    const text = '{"a":"b"}';
    const bytes = Buffer.from(text);
    for (let to = 0; to < text.length; to++) expect(walkObject(bytes, 0, to).ok).toBe(false);
  });
});

describe('limits', () => {
  test('a number of 64 characters is taken, one of 65 is refused as a value', () => {
    expect(read(`{"n":${'9'.repeat(64)}}`)).toEqual([['n', '9'.repeat(64)]]);
    for (const digits of [65, 66, 100_000]) {
      expect(walkObject(Buffer.from(`{"n":${'9'.repeat(digits)}}`))).toEqual({
        ok: false,
        at: 5,
        expected: 'a value for "n"',
      });
    }
  });

  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('%s a hundred thousand levels deep cost no stack', (_, open, close) => {
    const deep = `${open.repeat(100_000)}${open === '[' ? '' : '1'}${close.repeat(100_000)}`;
    expect(read(`{"deep":${deep},"after":1}`).map(([key]) => key)).toEqual(['deep', 'after']);
    expect(walkObject(Buffer.from(`{"deep":${deep.slice(0, -1)}}`)).ok).toBe(false);
  });

  test('a long run of backslashes is read once, not once per backslash', () => {
    const slashes = '\\'.repeat(2_000_000);
    expect(read(`{"a":"${slashes}"}`)).toHaveLength(1);
    expect(walkObject(Buffer.from(`{"a":"${slashes}\\"}`)).ok).toBe(false);
  });
});

test('an object of 1,024 members is walked, one of 1,025 is not: each costs more than its bytes', () => {
  const objectOf = (count: number) =>
    Buffer.from(`{${Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',')}}`);
  expect(walkObject(objectOf(1_024))).toMatchObject({ ok: true });
  expect(walkObject(objectOf(1_025))).toMatchObject({ ok: false, expected: 'no more than 1024 members' });
});

test('a boolean is told from everything else by its bytes', () => {
  const text = '{"a":true,"b":false,"c":null,"d":"true","e":[true],"f":{"true":true},"g":1}';
  const values = walked(text).map((member) => booleanOf(Buffer.from(text), member));
  expect(values).toEqual([true, false, undefined, undefined, undefined, undefined, undefined]);
});

test('a value is parsed up to 64 KiB, a text of any length', () => {
  const arrayOf = (bytes: number) => `[${' '.repeat(bytes - 2)}]`;
  const text = `{"small":${arrayOf(MAX_VALUE_BYTES)},"large":${arrayOf(MAX_VALUE_BYTES + 1)},"text":"${'x'.repeat(100_000)}"}`;
  const [small, large, long] = walked(text);
  const bytes = Buffer.from(text);
  expect(valueOf(bytes, small!)).toEqual([]);
  expect(valueOf(bytes, large!)).toBeUndefined();
  expect(stringOf(bytes, long!)).toHaveLength(100_000);
});

test('keys that are remembered under one hash are not mixed up', () => {
  // `Aa` and `BB` are one number to any hash that multiplies by 31
  const keysOf = (text: string) => walked(text).map(({ key }) => key);
  for (let i = 0; i < 2; i++) {
    expect(keysOf('{"Aa":1}')).toEqual(['Aa']);
    expect(keysOf('{"BB":1}')).toEqual(['BB']);
    expect(keysOf('{"Aa":1,"BB":2}')).toEqual(['Aa', 'BB']);
  }
});
