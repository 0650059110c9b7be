import { findTopLevelType } from './top-level-type.ts';

const COMPLETED = Buffer.from('response.completed');

/**
 * `response.done` under its proper name: some builds of one backend end a response so, and clients ignore it and
 * wait on. Only the value of `type` is replaced; every other byte stays as it came.
 *
 * @param payload An event whose type is `response.done`.
 */
export function renameDone(payload: Buffer): Buffer {
  const found = findTopLevelType(payload);
  if (found?.name !== 'response.done') {
    return payload;
  }
  return Buffer.concat([payload.subarray(0, found.start), COMPLETED, payload.subarray(found.end)]);
}
