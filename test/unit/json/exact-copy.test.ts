import { expect, test } from '@jest/globals';
import { exactCopy, withLittleSlack, withoutSlack } from '../../../src/json/exact-copy.ts';

test('an exact copy keeps no more alive than its own bytes', () => {
  const view = Buffer.alloc(64 * 1024, 'x').subarray(10, 15);
  const copy = exactCopy(view);
  expect(copy.toString()).toBe('xxxxx');
  expect(copy.buffer.byteLength).toBe(5);
  expect(exactCopy(Buffer.from('small')).buffer.byteLength).toBe(5);
});

test('bytes are copied only where they keep more than twice as much alive', () => {
  const read = Buffer.alloc(1000);
  const most = read.subarray(0, 500);
  expect(withoutSlack(most)).toBe(most);
  const little = read.subarray(0, 499);
  expect(withoutSlack(little)).not.toBe(little);
  expect(withoutSlack(little).buffer.byteLength).toBe(499);
});

test('what is kept long may keep an eighth of its own size alive beside it, and no more', () => {
  const message = Buffer.alloc(900);
  const most = message.subarray(0, 800);
  expect(withLittleSlack(most)).toBe(most);
  const less = message.subarray(0, 799);
  expect(withLittleSlack(less)).not.toBe(less);
  expect(withLittleSlack(less).buffer.byteLength).toBe(799);
});
