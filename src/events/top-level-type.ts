/** The key `type` of an event, wherever among the keys it stands: some servers write it last. */
import { findMember, stringOf } from '../json/object-walk.ts';

/** Where the value of `type` stands: the bytes `[start, end)` between its quotes, and what they say. */
export interface TopLevelType {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The first top-level `type` of an object; undefined when there is none, or it is no string, or this is no object. */
export function findTopLevelType(payload: Buffer): TopLevelType | undefined {
  const member = findMember(payload, 'type');
  const name = member === undefined ? undefined : stringOf(payload, member);
  return member === undefined || name === undefined
    ? undefined
    : { name, start: member.start + 1, end: member.end - 1 };
}
