import { expect, test } from '@jest/globals';
import {
  CloseCode,
  isSendableCloseCode,
  MAX_CLOSE_REASON_BYTES,
  toCloseReason,
} from '../../../src/frames/close-codes.ts';

test('a reason of 123 bytes passes whole, one of 124 loses its end', () => {
  expect(toCloseReason('')).toBe('');
  expect(toCloseReason('a'.repeat(123))).toBe('a'.repeat(123));
  expect(toCloseReason('a'.repeat(124))).toBe('a'.repeat(123));
  expect(MAX_CLOSE_REASON_BYTES).toBe(123);
});

test.each(['é', '€', '🙂'])('%s is never cut in the middle', (char) => {
  for (let lead = 118; lead <= 124; lead++) {
    const reason = toCloseReason(`${'a'.repeat(lead)}${char.repeat(3)}`);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(Buffer.byteLength(reason)).toBeGreaterThan(123 - Buffer.byteLength(char));
    expect(reason).not.toContain('\ufffd');
  }
});

test('every code that the bridge sends may be sent', () => {
  for (const code of Object.values(CloseCode)) expect(isSendableCloseCode(code)).toBe(true);
});

test('reserved codes, and those outside the registry, are never sent', () => {
  for (const code of [0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 2000, 2999, 5000, Number.NaN]) {
    expect(isSendableCloseCode(code)).toBe(false);
  }
  for (const code of [1000, 1003, 1007, 1012, 1013, 3000, 4999]) {
    expect(isSendableCloseCode(code)).toBe(true);
  }
});
