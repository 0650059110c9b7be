/** The page's own arithmetic, which runs in a browser: plain functions, so it can be asked here. */
import { describe, expect, test } from '@jest/globals';
import type { AttemptMarks, TurnRow } from '../../../src/telemetry/page/page-state.ts';
import { toTurnRow } from '../../../src/telemetry/page/turn-row.ts';
import { turnRecord } from './records.ts';

interface Phase {
  readonly kind: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Waterfall {
  readonly phasesOf: (turn: TurnRow, total: number) => Phase[];
  readonly scaleOf: (totals: number[]) => number;
  readonly isSilent: (turn: TurnRow) => boolean;
  readonly totalMs: (turn: TurnRow, now: number) => number;
}

interface Elements {
  readonly duration: (ms: number | undefined) => string;
  readonly age: (ms: number) => string;
  readonly zoneName: (offsetMinutes: number) => string;
  readonly short: (count: number | undefined) => string;
}

interface Panels {
  readonly restText: (
    provider: { restsUntil?: number; restsBecause?: 'failures' | 'retry_after' },
    now: number,
  ) => string;
}

const assets = new URL('../../../src/telemetry/page/assets/', import.meta.url);
const { phasesOf, isSilent, scaleOf, totalMs } = (await import(
  new URL('waterfall.js', assets).href
)) as Waterfall;
const { restText } = (await import(new URL('panels.js', assets).href)) as Panels;
const { duration, age, short, zoneName } = (await import(new URL('elements.js', assets).href)) as Elements;

function row(over: Partial<TurnRow>): TurnRow {
  const blank = turnRecord({ startedAt: undefined, firstEventAt: undefined, firstOutputAt: undefined });
  return { ...toTurnRow(blank, [], 'ended', 0), endedMs: undefined, overheadMs: undefined, ...over };
}

function attempt(over: Partial<AttemptMarks>): AttemptMarks {
  return {
    number: 1,
    provider: 'p',
    transport: 'http',
    reason: 'first',
    transportReason: 'configured',
    startedMs: 0,
    dialFromMs: undefined,
    dialToMs: undefined,
    answeredMs: undefined,
    firstEventMs: undefined,
    endedMs: undefined,
    requestId: undefined,
    result: undefined,
    errorType: undefined,
    status: undefined,
    ...over,
  };
}

function told(turn: TurnRow, total: number): string[] {
  return phasesOf(turn, total).map(({ kind, fromMs, toMs }) => `${kind} ${fromMs}-${toMs}`);
}

describe('the waterfall of a turn', () => {
  test('is its queue, its connection, its first event, its first text and its stream, without gaps', () => {
    const turn = row({
      startedMs: 10,
      attempts: [attempt({ startedMs: 11, dialFromMs: 11, dialToMs: 50, answeredMs: 80 })],
      firstEventMs: 100,
      firstOutputMs: 300,
    });
    expect(told(turn, 1000)).toEqual([
      'queued 0-10',
      'own 10-11',
      'connect 11-50',
      'wait 50-100',
      'think 100-300',
      'stream 300-1000',
    ]);
  });

  test('grows while the turn runs, by the phase it is in', () => {
    expect(told(row({ state: 'waiting' }), 5)).toEqual(['queued 0-5']);
    const started = row({ startedMs: 5, attempts: [attempt({ startedMs: 5 })] });
    expect(told(started, 50)).toEqual(['queued 0-5', 'wait 5-50']);
    expect(told({ ...started, firstEventMs: 50 }, 70)).toEqual(['queued 0-5', 'wait 5-50', 'think 50-70']);
  });

  test('shows the connection and the wait of each attempt before the first event', () => {
    const turn = row({
      startedMs: 0,
      attempts: [
        attempt({ dialFromMs: 0, dialToMs: 20, endedMs: 40, result: 'error' }),
        attempt({ number: 2, startedMs: 60, dialFromMs: 60, dialToMs: 90 }),
      ],
      firstEventMs: 200,
      firstOutputMs: 200,
    });
    expect(told(turn, 250)).toEqual([
      'connect 0-20',
      'wait 20-60',
      'connect 60-90',
      'wait 90-200',
      'stream 200-250',
    ]);
  });

  test('is ours until the provider is dialled, or until a connection that is there has the request', () => {
    const marks = { startedMs: 10, overheadMs: 6.5, firstEventMs: 100, firstOutputMs: 100 };
    const dialled = row({ ...marks, attempts: [attempt({ startedMs: 12, dialFromMs: 20, dialToMs: 50 })] });
    expect(told(dialled, 100)).toEqual(['queued 0-10', 'own 10-20', 'connect 20-50', 'wait 50-100']);
    const reused = row({ ...marks, attempts: [attempt({ startedMs: 12 })] });
    expect(told(reused, 100)).toEqual(['queued 0-10', 'own 10-16.5', 'wait 16.5-100']);
  });

  test('is marked where the provider was silent for most of the stream, and not where the model may have thought', () => {
    const stream = { firstEventMs: 100, firstOutputMs: 200, endedMs: 5200 };
    expect(isSilent(row({ ...stream, maxGapMs: 3000 }))).toBe(true);
    expect(isSilent(row({ ...stream, maxGapMs: 2000 }))).toBe(false);
    expect(isSilent(row({ ...stream, firstOutputMs: 4000, maxGapMs: 3000 }))).toBe(false);
    expect(isSilent(row({ ...stream, firstOutputMs: 3100, maxGapMs: 3001 }))).toBe(false);
    expect(isSilent(row({ ...stream, firstOutputMs: 4000, maxGapMs: 5000 }))).toBe(false);
    const long = { ...stream, firstOutputMs: 3200, endedMs: 8200 };
    expect([3001, 3200].map((maxGapMs) => isSilent(row({ ...long, maxGapMs })))).toEqual([false, true]);
    expect(isSilent(row({ ...stream, endedMs: 900, maxGapMs: 600 }))).toBe(false);
    expect(isSilent(row({ ...stream, firstOutputMs: undefined, maxGapMs: 3000 }))).toBe(false);
  });

  test('is ours alone when there was no attempt', () => {
    expect(told(row({ startedMs: 3, firstEventMs: 4 }), 4)).toEqual(['queued 0-3', 'own 3-4']);
    expect(told(row({ startedMs: 3 }), 4)).toEqual(['queued 0-3', 'own 3-4']);
    expect(told(row({}), 4)).toEqual(['queued 0-4']);
  });

  test('never leaves its time, whatever the marks say', () => {
    const turn = row({
      startedMs: 900,
      attempts: [attempt({ startedMs: 5 })],
      firstEventMs: 2,
      firstOutputMs: 5000,
    });
    for (const { fromMs, toMs } of phasesOf(turn, 1000)) {
      expect(fromMs).toBeGreaterThanOrEqual(0);
      expect(toMs).toBeLessThanOrEqual(1000);
      expect(toMs).toBeGreaterThan(fromMs);
    }
  });

  test('has a total that goes on until the turn has ended', () => {
    expect(totalMs(row({ at: 1000 }), 1500)).toBe(500);
    expect(totalMs(row({ at: 1000 }), 900)).toBe(0);
    expect(totalMs(row({ at: 1000, endedMs: 70 }), 1500)).toBe(70);
  });
});

describe('the scale of all turns', () => {
  test('ends at a round time behind the longest one', () => {
    expect(scaleOf([300, 3500, 900])).toBe(4000);
    expect(scaleOf([])).toBe(100);
    expect(scaleOf([10_000_000])).toBe(10_000_000);
  });

  test('is not stretched by one that takes very much longer than the others', () => {
    const usual = Array.from({ length: 40 }, () => 1500);
    expect(scaleOf([...usual, 600_000])).toBe(2000);
    expect(scaleOf([...usual, 4000])).toBe(4000);
  });
});

test('the zone of times of day is told as its distance from UTC', () => {
  expect([0, 300, -120, -330, 210].map(zoneName)).toEqual(['UTC', 'UTC−5', 'UTC+2', 'UTC+5:30', 'UTC−3:30']);
});

test('times and counts are written with the digits that matter', () => {
  expect([undefined, 0, 0.44, 9.96, 38.4, 999.6, 1234, 12_345, 185_000, 7_500_000].map(duration)).toEqual([
    '',
    '0',
    '0.4 ms',
    '10.0 ms',
    '38 ms',
    '1.00 s',
    '1.23 s',
    '12.3 s',
    '3:05 min',
    '2:05 h',
  ]);
  expect([-5, 8000, 240_000, 7_800_000, 7_200_000, 270_000_000].map(age)).toEqual([
    '0 s',
    '8 s',
    '4 min',
    '2 h 10 min',
    '2 h',
    '3 d 3 h',
  ]);
  expect([undefined, 0, 950, 1234, 12_345, 99_960, 1_200_000].map(short)).toEqual([
    '',
    '0',
    '950',
    '1.23k',
    '12.3k',
    '100k',
    '1.20M',
  ]);
});

test('a provider that rests says for how long, and why', () => {
  expect(restText({}, 5)).toBe('');
  expect(restText({ restsUntil: 14_005, restsBecause: 'retry_after' }, 5)).toBe(' 14 s, asked for it');
  expect(restText({ restsUntil: 14_005, restsBecause: 'failures' }, 5)).toBe(' 14 s, failed');
  // it began to rest before anybody listened
  expect(restText({ restsUntil: 14_005 }, 5)).toBe(' 14 s');
});
