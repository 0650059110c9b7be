/**
 * From a client's request to the provider's: a list of views into the bytes that came, with the few members
 * replaced that have to be. Nothing is parsed and written out again; a 1 MB request costs a walk and a memory copy.
 *
 * ```
 *   {"type":"response.create","model":"a","input":[d],"tools":[…],"previous_response_id":"r1"}
 *    └── dropped ────────────┘ └ mapped ┘ └ parent's items, d ┘ └ one view ┘ └ dropped ────┘
 * ```
 */
import type { Member } from '../json/object-walk.ts';
import type { ResponseCreate } from '../frames/response-create.ts';

/** What the provider's request says otherwise than the client's. */
export interface BodyChanges {
  /** Undefined: as the client wrote it. */
  readonly model: string | undefined;
  /** Items that come before the client's own, as joined bytes without brackets. Undefined: `input` stays as it is. */
  readonly earlierItems: readonly Buffer[] | undefined;
  /** The client's own items, joined; used with `earlierItems` only. */
  readonly ownItems: Buffer;
  /** `previous_response_id` to send; undefined: none. */
  readonly previousResponseId: string | undefined;
  /** Replaces `client_metadata`; undefined: as the client wrote it. */
  readonly clientMetadata: Buffer | undefined;
}

export interface RequestBody {
  readonly views: readonly Buffer[];
  readonly bytes: number;
}

/** Members that exist on the socket only, or that we set ourselves. */
const ENVELOPE = new Set([
  'type',
  'stream_id',
  'event_id',
  'generate',
  'background',
  'stream',
  'previous_response_id',
]);

const COMMA = Buffer.from(',');
const METADATA = Buffer.from(',"client_metadata":');
const INPUT_OPEN = Buffer.from('"input":[');
const INPUT_CLOSE = Buffer.from(']');
const END = Buffer.from('}');

/** Builds the body for a provider that is reached over HTTP. Always streams. */
export function toProviderBody(create: ResponseCreate, changes: BodyChanges): RequestBody {
  const views: Buffer[] = [];
  const previous =
    changes.previousResponseId === undefined
      ? ''
      : `,"previous_response_id":${JSON.stringify(changes.previousResponseId)}`;
  views.push(Buffer.from(`{"stream":true${previous}`));
  for (const run of keptRuns(create, changes)) views.push(COMMA, run);
  for (const view of replacedMembers(changes)) views.push(view);
  views.push(END);
  let bytes = 0;
  for (const view of views) bytes += view.length;
  return { views, bytes };
}

/** Members that stay, as few views as possible: neighbours keep the bytes between them. */
function keptRuns(create: ResponseCreate, changes: BodyChanges): Buffer[] {
  const replaced = new Set<string>();
  if (changes.model !== undefined) replaced.add('model');
  if (changes.earlierItems !== undefined) replaced.add('input');
  if (changes.clientMetadata !== undefined) replaced.add('client_metadata');
  const runs: Buffer[] = [];
  let first: Member | undefined;
  let last: Member | undefined;
  const flush = (): void => {
    if (first !== undefined && last !== undefined) runs.push(create.bytes.subarray(first.keyStart, last.end));
    first = undefined;
  };
  for (const member of create.members) {
    const follows = last === undefined || first === undefined || areNeighbours(create.bytes, last, member);
    if (ENVELOPE.has(member.key) || replaced.has(member.key)) {
      flush();
      continue;
    }
    if (!follows) flush();
    first ??= member;
    last = member;
  }
  flush();
  return runs;
}

/** Nothing but a comma and white space lies between them: not so where a nested request was unwrapped. */
function areNeighbours(bytes: Buffer, left: Member, right: Member): boolean {
  if (right.keyStart <= left.end) return false;
  for (let at = left.end; at < right.keyStart; at++) {
    const byte = bytes[at]!;
    if (byte !== 0x2c && byte > 0x20) return false;
  }
  return true;
}

function* replacedMembers(changes: BodyChanges): Generator<Buffer> {
  if (changes.model !== undefined) yield Buffer.from(`,"model":${JSON.stringify(changes.model)}`);
  if (changes.clientMetadata !== undefined) {
    yield METADATA;
    yield changes.clientMetadata;
  }
  if (changes.earlierItems === undefined) return;
  yield COMMA;
  yield INPUT_OPEN;
  let isFirst = true;
  for (const items of [...changes.earlierItems, changes.ownItems]) {
    if (items.length === 0) continue;
    if (!isFirst) yield COMMA;
    isFirst = false;
    yield items;
  }
  yield INPUT_CLOSE;
}
