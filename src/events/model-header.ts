/**
 * Some backends repeat their HTTP headers inside events, because a socket has none per turn. One of them must not
 * reach a client: Codex compares the model it names with the model it asked for and warns its user of a reroute.
 */
import { type Member, membersOf, walkObject } from '../json/object-walk.ts';

/** The names under which Codex looks for it, in any case. */
const HIDDEN = new Set(['openai-model', 'x-openai-model']);

const HEADERS_KEY = Buffer.from('"headers"');
const OPEN_BRACE = 0x7b;
const NO_HEADERS = Buffer.from('{}');

/**
 * The event without the header that names the model, in both places where Codex reads headers: `headers` of the event
 * and of its `response`. All other bytes stay as they came; an event without the header is returned as it is.
 *
 * Costs one search where no member is called `headers`. Never throws: it walks bytes, so depth does not matter.
 * Headers that the walk cannot read (see `MAX_MEMBERS`) are replaced by none.
 *
 * @param payload The bytes of one event.
 */
export function withoutModelHeader(payload: Buffer): Buffer {
  if (!payload.includes(HEADERS_KEY)) {
    return payload;
  }
  const pieces: Buffer[] = [];
  let at = 0;
  for (const headers of headersOf(payload)) {
    const kept = keptHeaders(payload, headers);
    if (kept !== undefined) {
      pieces.push(payload.subarray(at, headers.start), kept);
      at = headers.end;
    }
  }
  return at === 0 ? payload : Buffer.concat([...pieces, payload.subarray(at)]);
}

/** In the order of the bytes. A key that is there twice counts twice: who knows which one a client takes. */
function headersOf(payload: Buffer): Member[] {
  return membersOf(payload)
    .flatMap((member) => (member.key === 'response' ? membersOf(payload, member) : [member]))
    .filter((member) => member.key === 'headers' && payload[member.start] === OPEN_BRACE);
}

/** The object without the hidden names; undefined when it has none. */
function keptHeaders(payload: Buffer, headers: Member): Buffer | undefined {
  const walk = walkObject(payload, headers.start, headers.end);
  if (!walk.ok) {
    return NO_HEADERS;
  }
  const kept = walk.members.filter((member) => !HIDDEN.has(member.key.toLowerCase()));
  if (kept.length === walk.members.length) {
    return undefined;
  }
  const texts = kept.map((member) => payload.toString('utf8', member.keyStart, member.end));
  return Buffer.from(`{${texts.join(',')}}`);
}
