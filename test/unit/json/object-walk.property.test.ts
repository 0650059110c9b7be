import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { walkObject, type Member } from '../../../src/json/object-walk.ts';

type Entry = readonly [key: string, value: unknown];

/**
 * Any character but the backslash. The judge errs there: in the V8 of Node 24.21 JSON.parse gives an escaped key such as
 * `"\\n"` the wrong name once any object of the process has had a key that is spelled like its escaped form.
 */
const unit = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom('"', '{', '}', '[', ']', ':', ',', '\n', '🙂'),
  )
  .filter((char) => char !== '\\');
const value = fc.jsonValue({ stringUnit: unit });

/** Members with different keys. The keys never become those of an object, so they may be anything. */
const entries: fc.Arbitrary<readonly Entry[]> = fc.uniqueArray(
  fc.tuple(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '__proto__', 'a"b', '\\', 'a\\', '\n')),
    fc.oneof(value, fc.string({ unit: 'binary' }), fc.stringMatching(/^["\\]{0,5}$/)),
  ),
  { maxLength: 6, selector: ([key]) => key },
);
const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/);

function textOf(members: readonly Entry[], gap: string): string {
  const parts = members.map(
    ([key, value]) => `${gap}${JSON.stringify(key)}${gap}:${gap}${JSON.stringify(value)}${gap}`,
  );
  return `${gap}{${parts.join(',') || gap}}${gap}`;
}

/** Texts that the judge may see. */
const judgedText = fc
  .tuple(
    fc.dictionary(
      fc.oneof(fc.string({ unit }), fc.constantFrom('', '__proto__', 'constructor', 'a"b', '\n')),
      value,
      { maxKeys: 6, noNullPrototype: true },
    ),
    space,
  )
  .map(([object, gap]) => textOf(Object.entries(object), gap));

function isBeyondTheJudge(text: string): boolean {
  return text.includes('\\\\') || /\\u005c/i.test(text);
}

function valuesOf(bytes: Buffer, members: readonly Member[]): Entry[] {
  return members.map(({ key, start, end }) => [key, JSON.parse(bytes.toString('utf8', start, end))] as const);
}

/** What JSON.parse says; undefined when it refuses or it is no object. */
function judge(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Both agree: what JSON.parse takes is walked to the same members; what it refuses is refused, unless the fault lies
 * inside one key or value, where the walk does not look.
 */
function disagreement(bytes: Buffer): string | undefined {
  const walk = walkObject(bytes);
  if (isBeyondTheJudge(bytes.toString('latin1'))) return undefined; // walked without harm; nobody to compare with
  const judged = judge(bytes);
  if (judged === undefined) {
    const isWholeInside = walk.ok && walk.members.every((member) => isMember(bytes, member));
    return isWholeInside ? 'walked, and every member reads well, but JSON.parse refuses' : undefined;
  }
  if (walk.ok) {
    const members = Object.fromEntries(valuesOf(bytes, walk.members));
    return isDeepStrictEqual(members, judged) ? undefined : 'other members than JSON.parse has';
  }
  const hasLongNumber = /[0-9.eE+-]{65,}/.test(bytes.toString('latin1'));
  return hasLongNumber ? undefined : `refused at ${walk.at} (${walk.expected}), but JSON.parse takes it`;
}

function isMember(bytes: Buffer, { keyStart, start, end }: Member): boolean {
  try {
    JSON.parse(`{${bytes.toString('utf8', keyStart, end)}}`);
    return end > start;
  } catch {
    return false;
  }
}

test('any object is walked to its members, each where it stands', () => {
  fc.assert(
    fc.property(entries, space, (members, gap) => {
      const bytes = Buffer.from(textOf(members, gap));
      const walk = walkObject(bytes);
      const found = walk.ok ? walk.members : [];
      expect(walk.ok).toBe(true);
      expect(found.map(({ key }) => key)).toEqual(members.map(([key]) => key.toWellFormed()));
      expect(found.map(({ start, end }) => bytes.toString('utf8', start, end))).toEqual(
        members.map(([, value]) => JSON.stringify(value)),
      );
      expect(found.map(({ keyStart, start }) => bytes.toString('utf8', keyStart, start))).toEqual(
        members.map(([key]) => `${JSON.stringify(key)}${gap}:${gap}`),
      );
    }),
    { numRuns: 500 },
  );
});

test('an object cut short at any byte is refused', () => {
  fc.assert(
    fc.property(entries, space, (members, gap) => {
      const whole = Buffer.from(textOf(members, gap).trim());
      for (let to = 0; to < whole.length; to++) expect(walkObject(whole.subarray(0, to)).ok).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('an object with any byte changed, lost or added reads as JSON.parse reads it, or is refused', () => {
  const interesting = fc.constantFrom(...Buffer.from('{}[]",:\\ \n0n-.et\x00\xff'));
  fc.assert(
    fc.property(
      judgedText,
      fc.nat(),
      interesting,
      fc.constantFrom('change', 'lose', 'add'),
      (text, at, byte, how) => {
        const bytes = Buffer.from(text);
        const place = at % bytes.length;
        const behind = bytes.subarray(how === 'add' ? place : place + 1);
        const middle = how === 'lose' ? Buffer.alloc(0) : Buffer.from([byte]);
        expect(disagreement(Buffer.concat([bytes.subarray(0, place), middle, behind]))).toBeUndefined();
      },
    ),
    { numRuns: 3000 },
  );
});

test('any bytes at all are walked or refused, never thrown at', () => {
  const soup = fc
    .array(fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', ' ', 'a', '1', 'null', '-', '\\u00', 'é'))
    .map((parts) => Buffer.from(parts.join('')));
  fc.assert(
    fc.property(soup, (bytes) => expect(disagreement(bytes)).toBeUndefined()),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => expect(disagreement(Buffer.from(bytes))).toBeUndefined()),
  );
});
