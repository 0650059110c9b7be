import { describe, expect, test } from '@jest/globals';
import {
  afterArrival,
  checkLeaseTimes,
  defaultLeaseTimes,
  isHeld,
  leadsAt,
  nextMove,
  retryDelayMs,
  sighted,
  type LeaseRecord,
} from '../../../src/kube/lease-decision.ts';

function record(holder: string, renewTime: string, durationMs = 15_000): LeaseRecord {
  return { holder, renewTime, durationMs, acquireTime: 'then', transitions: 1 };
}

describe('times', () => {
  test('are those of client-go by default: 15, 10 and 2 seconds', () => {
    expect(checkLeaseTimes(defaultLeaseTimes)).toEqual({
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
    });
  });

  test.each([
    [{ leaseDurationMs: 10_000 }, 'leaseDurationMs (10000) must be longer than renewDeadlineMs (10000)'],
    [{ retryPeriodMs: 8_334 }, 'renewDeadlineMs (10000) must be longer than 1.2 times retryPeriodMs (8334)'],
    [{ retryPeriodMs: 0 }, 'retryPeriodMs must be above 0, and is 0'],
    [{ leaseDurationMs: Number.NaN }, 'leaseDurationMs must be above 0, and is NaN'],
    [
      { leaseDurationMs: 900, renewDeadlineMs: 600, retryPeriodMs: 100 },
      'leaseDurationMs must be 1000 at least',
    ],
  ])('%p are refused', (wrong, sentence) => {
    expect(() => checkLeaseTimes({ ...defaultLeaseTimes, ...wrong })).toThrow(sentence);
  });

  test('whoever waits looks again after one to 2.2 retry periods', () => {
    expect(retryDelayMs(defaultLeaseTimes, 0)).toBe(2000);
    expect(retryDelayMs(defaultLeaseTimes, 1)).toBe(4400);
  });
});

describe('whoever waits', () => {
  test('counts from when it saw the record change, whatever times the record tells', () => {
    const seen = sighted(undefined, record('a', '1999-01-01T00:00:00.000000Z'), 1000);
    const again = sighted(seen, record('a', '1999-01-01T00:00:00.000000Z'), 9000);
    expect(again).toBe(seen);
    expect(isHeld(again, 15_999)).toBe(true);
    expect(isHeld(again, 16_000)).toBe(false);
    const renewed = sighted(again, record('a', '1998-01-01T00:00:00.000000Z'), 12_000);
    expect(isHeld(renewed, 26_999)).toBe(true);
  });

  test('takes what nobody holds at once, and what is held when it has been unchanged for as long as it promised', () => {
    const free = record('', 'now', 1000);
    expect(nextMove(free, sighted(undefined, free, 5), [], 5)).toEqual({ kind: 'take', from: free });
    const held = record('a', 'now', 3000);
    const seen = sighted(undefined, held, 0);
    expect(nextMove(held, seen, [], 2999)).toEqual({ kind: 'wait', holder: 'a' });
    expect(nextMove(held, seen, [], 3000)).toEqual({ kind: 'take', from: held });
  });

  test('creates the Lease where there is none; one that was deleted under its holder only when the holder has given up', () => {
    expect(nextMove(undefined, undefined, [], 0)).toEqual({ kind: 'create' });
    const seen = sighted(undefined, record('a', 'now'), 0);
    expect(nextMove(undefined, seen, [], 14_999)).toEqual({ kind: 'wait', holder: 'a' });
    expect(nextMove(undefined, seen, [], 15_000)).toEqual({ kind: 'create' });
    expect(nextMove(undefined, sighted(seen, record('', 'now'), 1), [], 1)).toEqual({ kind: 'create' });
  });

  test('knows as its own what it has sent, and not what bears its name', () => {
    const ours = record('a', '12:00:00.000001');
    const twin = record('a', '12:00:00.000002');
    const seen = sighted(undefined, twin, 0);
    expect(nextMove(twin, seen, [ours], 0)).toEqual({ kind: 'wait', holder: 'a' });
    expect(nextMove(ours, sighted(seen, ours, 0), [twin, ours], 0)).toEqual({ kind: 'renew', from: ours });
    expect(nextMove(undefined, sighted(undefined, ours, 0), [ours], 0)).toEqual({ kind: 'create' });
  });
});

describe('a leader', () => {
  test('leads for the renew deadline, counted from when its record was sent', () => {
    const state = afterArrival({ kind: 'following' }, 1000, defaultLeaseTimes, 1800);
    expect(state).toEqual({ kind: 'leading', untilMs: 11_000 });
    expect(leadsAt(state, 10_999)).toBe(true);
    expect(leadsAt(state, 11_000)).toBe(false);
  });

  test('whose renewal comes back too late is lost, also where the record has arrived in time', () => {
    const state = { kind: 'leading', untilMs: 11_000 } as const;
    expect(afterArrival(state, 3000, defaultLeaseTimes, 10_999)).toEqual({
      kind: 'leading',
      untilMs: 13_000,
    });
    expect(afterArrival(state, 3000, defaultLeaseTimes, 11_000)).toEqual({ kind: 'lost' });
  });

  test('is nobody whose record took longer than the deadline to arrive', () => {
    expect(afterArrival({ kind: 'following' }, 0, defaultLeaseTimes, 10_000)).toEqual({ kind: 'following' });
  });

  test('that has lost or left never comes back', () => {
    for (const kind of ['lost', 'released'] as const) {
      expect(afterArrival({ kind }, 0, defaultLeaseTimes, 1)).toEqual({ kind });
      expect(leadsAt({ kind }, 0)).toBe(false);
    }
  });
});
