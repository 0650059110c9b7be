import { expect, test } from '@jest/globals';
import { CloseCode, MAX_CLOSE_REASON_BYTES, toCloseReason } from '../../../src/frames/close-codes.ts';

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

test('every code that the bridge sends may stand in a close frame, and the Codex CLI knows it', () => {
  // RFC 6455 7.4 and the IANA registry, less 1014, which Codex takes for a protocol violation
  const sendable = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013];
  for (const code of Object.values(CloseCode)) expect(sendable).toContain(code);
});
