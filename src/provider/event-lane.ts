/** Which lane an event belongs to, where one WebSocket carries several. */
import { endOfString, findMember, stringOf } from '../json/object-walk.ts';

const KEY = Buffer.from('"stream_id"');
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = '\\';
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** So far a look at each byte is cheaper than a walk over members; what lies behind is mostly the last member anyway. */
const NEAR_BYTES = 256;

/**
 * The `stream_id` at the top level of an event; empty for the default lane. Called for each event: where it is among the
 * first members, or the last one, as servers write it, this costs about as much as the search for its name.
 *
 * @returns undefined when there is one that is no string: an event for nobody.
 */
export function laneOf(payload: Buffer): string | undefined {
  const at = payload.indexOf(KEY);
  if (at < 0) return '';
  const colon = at + KEY.length;
  if (payload[colon] === COLON && payload[colon + 1] === QUOTE) {
    const end = payload.indexOf(QUOTE, colon + 2);
    if (isLastMember(payload, at, end) || isTopLevel(payload, at)) {
      const lane = payload.toString('utf8', colon + 2, end);
      if (!lane.includes(BACKSLASH)) return lane;
    }
  }
  const member = findMember(payload, 'stream_id');
  return member === undefined ? '' : stringOf(payload, member);
}

/** Quotes that are not escaped stand in no string, so what precedes the last brace of all is a member of the object. */
function isLastMember(payload: Buffer, at: number, end: number): boolean {
  return payload[at - 1] === COMMA && payload[end + 1] === CLOSE_BRACE && end + 2 === payload.length;
}

/** No bracket within the first one is open there. False also where that is too far to be looked at. */
function isTopLevel(payload: Buffer, keyAt: number): boolean {
  if (keyAt > NEAR_BYTES) return false;
  let depth = 0;
  let at = 0;
  while (at < keyAt) {
    const byte = payload[at];
    if (byte === QUOTE) {
      at = endOfString(payload, at, keyAt);
      if (at < 0) return false;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    at++;
  }
  return depth === 1;
}
