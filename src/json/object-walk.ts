/**
 * The top level of a JSON object, found on its bytes. A large request is routed by a handful of small members;
 * parsing all of it to reach them costs ten times as much, and writing it out again costs as much once more. The
 * walk sees every top-level member and where its value lies; what is nested is skipped, not validated (whoever
 * receives the request does that). It is a loop, so depth costs no stack.
 */

/** One member of an object: its key, and where it lies in the bytes. */
export interface Member {
  readonly key: string;
  /** Offset of the key's opening quote. */
  readonly keyStart: number;
  /** Offset of the value's first byte. */
  readonly start: number;
  /** Offset behind the value's last byte. */
  readonly end: number;
}

/** Members in their order; or where the bytes stop being a JSON object. */
export type ObjectWalk =
  | { readonly ok: true; readonly members: readonly Member[] }
  | { readonly ok: false; readonly at: number; readonly expected: string };

/**
 * Most members of one object. A request has about thirty; each costs a hundred bytes that no budget sees, so an object
 * of a million empty members would cost more than its bytes.
 */
export const MAX_MEMBERS = 1_024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_F = 0x66;
const LETTER_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Walks the object in `bytes[from, to)`; white space around it is allowed, anything else is not.
 * Offsets in the result are offsets into `bytes`.
 */
export function walkObject(bytes: Buffer, from = 0, to = bytes.length): ObjectWalk {
  return walk(bytes, from, to, undefined);
}

/**
 * The first member with that key, of the object or of one that is its member. The walk ends with it, so an early one is
 * cheap, and what comes behind it may be anything. Undefined when it is not there or the bytes stop being an object
 * before it.
 */
export function findMember(bytes: Buffer, key: string, within?: Member): Member | undefined {
  const found = walk(bytes, within?.start ?? 0, within?.end ?? bytes.length, key);
  return found.ok ? memberOf(found.members, key) : undefined;
}

/** @param last The walk ends behind the first member with this key. */
function walk(bytes: Buffer, from: number, to: number, last: string | undefined): ObjectWalk {
  let at = skipSpace(bytes, from, to);
  if (at >= to || bytes[at] !== OPEN_BRACE) return broken(at, 'an object');
  const members: Member[] = [];
  at = skipSpace(bytes, at + 1, to);
  if (bytes[at] === CLOSE_BRACE && at < to) return finish(bytes, at + 1, to, members);
  for (;;) {
    if (at >= to || bytes[at] !== QUOTE) return broken(at, 'a key in double quotes');
    const keyStart = at;
    const keyEnd = endOfString(bytes, keyStart, to);
    if (keyEnd < 0) return broken(keyStart, 'a key that ends');
    const key = keyText(bytes, keyStart, keyEnd);
    if (key === undefined) return broken(keyStart, 'a key with valid escapes');
    at = skipSpace(bytes, keyEnd, to);
    if (at >= to || bytes[at] !== COLON) return broken(at, 'a colon');
    const start = skipSpace(bytes, at + 1, to);
    const end = endOfValue(bytes, start, to);
    if (end < 0) return broken(start, `a value for "${key.slice(0, 40)}"`);
    if (members.length === MAX_MEMBERS) return broken(keyStart, `no more than ${MAX_MEMBERS} members`);
    members.push({ key, keyStart, start, end });
    if (key === last) return { ok: true, members };
    at = skipSpace(bytes, end, to);
    if (at < to && bytes[at] === CLOSE_BRACE) return finish(bytes, at + 1, to, members);
    if (at >= to || bytes[at] !== COMMA) return broken(at, 'a comma or the end of the object');
    at = skipSpace(bytes, at + 1, to);
  }
}

/** The members of an object, or of the object that one of its members is; none where there is no object. */
export function membersOf(bytes: Buffer, within?: Member): readonly Member[] {
  const found = within === undefined ? walkObject(bytes) : walkObject(bytes, within.start, within.end);
  return found.ok ? found.members : [];
}

/** The member with that key, if it is there. */
export function memberOf(members: readonly Member[], key: string): Member | undefined {
  for (const member of members) if (member.key === key) return member;
  return undefined;
}

/**
 * Largest value that {@link valueOf} parses: parsed, a value of empty arrays takes thirty times its bytes, and a second
 * for each 15 MB. What is read so (an error, a usage, a number) has a few hundred bytes.
 */
export const MAX_VALUE_BYTES = 64 * 1024;

/**
 * The value of a small member, parsed. Undefined when it is not valid JSON inside, or larger than
 * {@link MAX_VALUE_BYTES}.
 */
export function valueOf(bytes: Buffer, member: Member): unknown {
  return member.end - member.start > MAX_VALUE_BYTES ? undefined : parsed(bytes, member);
}

/** The text of a string member, however long; undefined when the value is not a valid string. */
export function stringOf(bytes: Buffer, member: Member): string | undefined {
  if (bytes[member.start] !== QUOTE) return undefined;
  const value = parsed(bytes, member);
  return typeof value === 'string' ? value : undefined;
}

/** The value of a boolean member; undefined when it is anything else, of whatever size. */
export function booleanOf(bytes: Buffer, member: Member): boolean | undefined {
  const first = bytes[member.start]; // the walk lets nothing but `true` and `false` begin so
  return first === LETTER_T ? true : first === LETTER_F ? false : undefined;
}

function parsed(bytes: Buffer, member: Member): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', member.start, member.end));
  } catch {
    return undefined; // the walk does not look inside nested values: a broken one shows here
  }
}

/**
 * The bytes between the brackets of an array, without white space at the ends: its items with their commas.
 * Undefined when the value is not an array.
 */
export function arrayItemsOf(bytes: Buffer, member: Member): Buffer | undefined {
  if (bytes[member.start] !== OPEN_BRACKET) return undefined;
  let start = member.start + 1;
  let end = member.end - 1;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

function broken(at: number, expected: string): ObjectWalk {
  return { ok: false, at, expected };
}

function finish(bytes: Buffer, at: number, to: number, members: readonly Member[]): ObjectWalk {
  const rest = skipSpace(bytes, at, to);
  return rest === to ? { ok: true, members } : broken(rest, 'nothing after the object');
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(bytes[at])) at++;
  return at;
}

/** Keys as they were decoded before, by the hash of their bytes: nearly all requests and events have the same ones. */
const knownKeys = new Map<number, string>();
/** Enough for every key of the API. Beyond it all are learned anew: what one client makes up slows nobody for long. */
const MAX_KNOWN_KEYS = 512;
const MAX_KNOWN_KEY_BYTES = 40;

/** The key between its quotes; undefined when its escapes are broken. */
function keyText(bytes: Buffer, start: number, end: number): string | undefined {
  const length = end - start - 2;
  if (length > MAX_KNOWN_KEY_BYTES) return decodedKey(bytes, start, end);
  let hash = length;
  for (let at = start + 1; at < end - 1; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  const known = knownKeys.get(hash);
  if (known !== undefined && isText(bytes, start + 1, known, length)) return known;
  const key = decodedKey(bytes, start, end);
  if (key?.length === length) {
    if (knownKeys.size === MAX_KNOWN_KEYS) knownKeys.clear();
    knownKeys.set(hash, key); // also in place of another one with that hash
  }
  return key;
}

/** Are these bytes that text? Only for texts of one byte a character, which is what the known keys are. */
function isText(bytes: Buffer, start: number, text: string, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** An escape, or a control character, which a string may not have (RFC 8259, 7): whoever reads on would refuse it. */
// eslint-disable-next-line no-control-regex -- that is what is looked for
const NEEDS_PARSING = /[\\\u0000-\u001f]/;

function decodedKey(bytes: Buffer, start: number, end: number): string | undefined {
  const raw = bytes.toString('utf8', start + 1, end - 1);
  if (!NEEDS_PARSING.test(raw)) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return undefined;
  }
}

/** So far a loop finds a quote sooner than a call into the engine does, and most strings end before. */
const NEAR_BYTES = 48;
/** Where a search found an escaped quote there are more of them, as in code: the loop then goes on so much further. */
const PATIENCE = 16;

/** Offset behind the closing quote, or -1. `start` is at the opening quote. */
export function endOfString(bytes: Buffer, start: number, to: number): number {
  let at = start + 1; // never within an escape
  for (let reach = NEAR_BYTES; ; reach *= PATIENCE) {
    const near = Math.min(to, at + reach);
    while (at < near) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    if (at >= to) return -1;
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0 || quote >= to) return -1;
    let slashes = 0;
    while (quote - 1 - slashes >= at && bytes[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** Offset behind the value, or -1. Objects and arrays are skipped by counting brackets outside strings. */
function endOfValue(bytes: Buffer, start: number, to: number): number {
  if (start >= to) return -1;
  const first = bytes[start];
  if (first === QUOTE) return endOfString(bytes, start, to);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfLiteral(bytes, start, to);
  let depth = 0;
  let at = start;
  while (at < to) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at, to);
      if (at < 0) return -1;
      continue;
    }
    at++;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) return closes(first, byte) ? at : -1;
    }
  }
  return -1;
}

function closes(open: number, close: number): boolean {
  return open === OPEN_BRACE ? close === CLOSE_BRACE : close === CLOSE_BRACKET;
}

const LITERAL = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/;
/** Longest number that is looked at; a longer one is nobody's honest request. */
const MAX_LITERAL_BYTES = 64;

function endOfLiteral(bytes: Buffer, start: number, to: number): number {
  let at = start;
  let isNatural = true; // plain digits, the usual number
  while (at < to && at - start <= MAX_LITERAL_BYTES) {
    const byte = bytes[at]!;
    if (byte === COMMA || byte === CLOSE_BRACE || isSpace(byte)) break;
    if (byte < DIGIT_0 || byte > DIGIT_9) isNatural = false;
    at++;
  }
  if (at - start > MAX_LITERAL_BYTES) return -1;
  if (isNatural && at > start && (bytes[start] !== DIGIT_0 || at === start + 1)) return at;
  return LITERAL.test(bytes.toString('latin1', start, at)) ? at : -1;
}
