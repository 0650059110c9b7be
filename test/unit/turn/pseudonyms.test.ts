import { expect, test } from '@jest/globals';
import { Pseudonyms } from '../../../src/turn/pseudonyms.ts';

const KEY = Buffer.alloc(32, 1);

test('an identifier has one name under one key, in every process, and another under another', () => {
  const name = new Pseudonyms(KEY).nameOf('session-1', 'Hashed');
  expect(name).toMatch(/^h:[0-9a-f]{16}$/);
  expect(new Pseudonyms(Buffer.alloc(32, 1)).nameOf('session-1', 'Hashed')).toBe(name);
  expect(new Pseudonyms(Buffer.alloc(32, 2)).nameOf('session-1', 'Hashed')).not.toBe(name);
  expect(new Pseudonyms(KEY).nameOf('session-2', 'Hashed')).not.toBe(name);
});

test('Raw shows what looks like an identifier, and hashes what does not', () => {
  const pseudonyms = new Pseudonyms(KEY);
  expect(pseudonyms.nameOf('0199-ab:c.d_e', 'Raw')).toBe('0199-ab:c.d_e');
  for (const id of ['somebody@example.com', 'two words', 'x'.repeat(129), '{"a":1}', 'é'])
    expect(pseudonyms.nameOf(id, 'Raw')).toBe(pseudonyms.nameOf(id, 'Hashed'));
});

test('None shows nothing, and nothing has no name', () => {
  const pseudonyms = new Pseudonyms(KEY);
  expect(pseudonyms.nameOf('session-1', 'None')).toBeUndefined();
  for (const policy of ['Hashed', 'Raw', 'None'] as const)
    for (const id of ['', undefined]) expect(pseudonyms.nameOf(id, policy)).toBeUndefined();
});

test('a name is the same after thousands of others were asked for', () => {
  const pseudonyms = new Pseudonyms(KEY);
  const first = pseudonyms.nameOf('session-1', 'Hashed');
  const names = new Set(Array.from({ length: 10_000 }, (_, n) => pseudonyms.nameOf(`s-${n}`, 'Hashed')));
  expect(names.size).toBe(10_000);
  expect(pseudonyms.nameOf('session-1', 'Hashed')).toBe(first);
});
