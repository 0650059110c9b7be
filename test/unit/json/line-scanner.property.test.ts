import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { runs } from '../../harness/property-runs.ts';
import { LineScanner } from '../../../src/json/line-scanner.ts';

test('wherever bytes are cut, the lines are the same, and what has no end is held', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'é', '\n'), maxLength: 60 }),
      fc.array(fc.nat(9)),
      (text, cuts) => {
        const scanner = new LineScanner(1000);
        const bytes = Buffer.from(text);
        const seen: string[] = [];
        let at = 0;
        for (const length of [...cuts, bytes.length]) {
          for (const line of scanner.push(bytes.subarray(at, at + length)) ?? []) seen.push(line.toString());
          at += length;
        }
        const lines = text.split('\n');
        const rest = lines.pop() ?? '';
        expect(seen).toEqual(lines.filter((line) => line !== ''));
        expect(scanner.heldBytes).toBe(Buffer.byteLength(rest));
      },
    ),
    runs(300),
  );
});

test.each([[['12345\n']], [['123', '45\n']], [['12345']], [['1\n234', '56', '7\n']]])(
  'a line of more bytes than the limit is refused: %j',
  (chunks) => {
    const scanner = new LineScanner(4);
    const answers = chunks.map((chunk) => scanner.push(Buffer.from(chunk)));
    expect(answers).toContain(undefined);
  },
);

test('a line of as many bytes as the limit is taken, and the next is counted anew', () => {
  const scanner = new LineScanner(4);
  expect(scanner.push(Buffer.from('1234\n12'))?.map(String)).toEqual(['1234']);
  expect(scanner.push(Buffer.from('34\n'))?.map(String)).toEqual(['1234']);
});
