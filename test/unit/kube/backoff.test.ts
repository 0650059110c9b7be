import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { runs } from '../../harness/property-runs.ts';
import {
  Backoff,
  BACKOFF_BASE_MS,
  BACKOFF_MAX_MS,
  BACKOFF_RESET_MS,
  MAX_RETRY_AFTER_MS,
} from '../../../src/kube/backoff.ts';

const nearlyOne = (): number => 0.999_999_999;

test('the most it waits doubles from 0.8 to 30 seconds', () => {
  const backoff = new Backoff(nearlyOne);
  const waits = Array.from({ length: 8 }, () => Math.round(backoff.next(0)));
  expect(waits).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test('two minutes after its last wait was over, a failure counts as the first', () => {
  const backoff = new Backoff(nearlyOne);
  backoff.next(0);
  const over = backoff.next(0);
  expect(backoff.isHealthy(over + BACKOFF_RESET_MS - 1)).toBe(false);
  expect(Math.round(backoff.next(over + BACKOFF_RESET_MS))).toBe(800);
});

test('a failure that is cured at once costs no wait, unless it comes again soon', () => {
  const backoff = new Backoff(nearlyOne);
  expect(backoff.nextPrompt(0)).toBe(0);
  expect(Math.round(backoff.nextPrompt(10))).toBe(1600);
  expect(backoff.nextPrompt(10 + 1600 + BACKOFF_RESET_MS)).toBe(0);
});

test('failures of other kinds before it do not make a failure wait that is cured at once', () => {
  const backoff = new Backoff(nearlyOne);
  for (let failed = 0; failed < 6; failed += 1) backoff.next(0);
  expect(backoff.nextPrompt(10)).toBe(0);
  expect(Math.round(backoff.nextPrompt(20))).toBe(30_000);
});

test('any wait is within its bounds, and at least what the server asked for up to five minutes', () => {
  const failure = fc.record({
    afterMs: fc.nat(300_000),
    retryAfterMs: fc.nat(1_000_000),
    chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(failure), (failures) => {
      let [nowMs, chance] = [0, 0];
      const backoff = new Backoff(() => chance);
      for (const { afterMs, retryAfterMs, ...next } of failures) {
        nowMs += afterMs;
        chance = next.chance;
        const asked = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
        const waitMs = backoff.next(nowMs, retryAfterMs);
        expect(waitMs).toBeGreaterThanOrEqual(asked);
        expect(waitMs).toBeLessThanOrEqual(asked + chance * BACKOFF_MAX_MS);
      }
      expect(BACKOFF_BASE_MS).toBeLessThan(BACKOFF_MAX_MS);
    }),
    runs(200),
  );
});
