/**
 * Parts of a client's request as views into the bytes that came: what every form of a provider's request is put together
 * from. Nothing is parsed and written out again; a 1 MB request costs a walk and a memory copy.
 */
import type { ResponseCreate } from '../frames/response-create.ts';
import type { Member } from '../json/object-walk.ts';

/** A request to a provider: its bytes in order. */
export interface RequestBody {
  readonly views: readonly Buffer[];
  readonly bytes: number;
}

/** Items that take the place of `input`: those of earlier requests and answers, then the client's own; joined each. */
export interface ExpandedInput {
  readonly earlierItems: readonly Buffer[];
  readonly ownItems: Buffer;
}

const COMMA = Buffer.from(',');
const INPUT_OPEN = Buffer.from('"input":[');
const INPUT_CLOSE = Buffer.from(']');

export function toRequestBody(views: readonly Buffer[]): RequestBody {
  let bytes = 0;
  for (const view of views) bytes += view.length;
  return { views, bytes };
}

/** Members that stay, as few views as possible: neighbours keep the bytes between them. */
export function keptRuns(
  { bytes, members }: ResponseCreate,
  isDropped: (key: string) => boolean,
): readonly Buffer[] {
  const runs: Buffer[] = [];
  let first: Member | undefined;
  let last: Member | undefined;
  const flush = (): void => {
    if (first !== undefined && last !== undefined) runs.push(bytes.subarray(first.keyStart, last.end));
    first = undefined;
  };
  for (const member of members) {
    const follows = last === undefined || first === undefined || areNeighbours(bytes, last, member);
    if (isDropped(member.key)) {
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

/** The member `input`. */
export function* inputViews({ earlierItems, ownItems }: ExpandedInput): Generator<Buffer> {
  yield INPUT_OPEN;
  let isFirst = true;
  for (const items of [...earlierItems, ownItems]) {
    if (items.length === 0) continue;
    if (!isFirst) yield COMMA;
    isFirst = false;
    yield items;
  }
  yield INPUT_CLOSE;
}
