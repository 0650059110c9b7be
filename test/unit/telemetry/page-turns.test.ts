import { describe, expect, test } from '@jest/globals';
import type { TurnRow } from '../../../src/telemetry/page/page-state.ts';
import {
  MAX_ATTEMPTS,
  MAX_ENDED_TURNS,
  MAX_LIVE_TURNS,
  MAX_OLDER_FAILURES,
  TurnHistory,
  type TurnHistoryLimits,
} from '../../../src/telemetry/page/turn-history.ts';
import type { AttemptRecord, TurnRecord } from '../../../src/turn/facts.ts';
import { manualClock } from '../../harness/clock.ts';
import { attemptRecord, turnRecord } from './records.ts';

/** The wall clock is this much ahead of the other one. */
const WALL = 1_700_000_000_000;

function world(limits: Partial<TurnHistoryLimits> = {}) {
  const clock = manualClock(1000);
  const history = new TurnHistory(
    { now: () => clock.now(), wallNow: () => WALL + clock.now() },
    {
      maxEnded: MAX_ENDED_TURNS,
      maxOlderFailures: MAX_OLDER_FAILURES,
      maxLive: MAX_LIVE_TURNS,
      ...limits,
    },
  );
  let count = 0;
  return {
    clock,
    history,
    queue: (over: Partial<TurnRecord> = {}): TurnRecord => {
      const turn = turnRecord({
        id: `t-${String(++count)}`,
        receivedAt: clock.now(),
        startedAt: undefined,
        endedAt: undefined,
        firstEventAt: undefined,
        firstOutputAt: undefined,
        outcome: undefined,
        events: 0,
        ...over,
      });
      history.hear({ kind: 'turn.queued', turn });
      return turn;
    },
    start: (turn: TurnRecord): void => {
      turn.startedAt = clock.now();
      history.hear({ kind: 'turn.started', turn });
    },
    attempt: (turn: TurnRecord, over: Partial<AttemptRecord> = {}): AttemptRecord => {
      turn.attempts++;
      const attempt = attemptRecord({ startedAt: clock.now(), ...over });
      history.hear({ kind: 'attempt.started', turn, attempt });
      return attempt;
    },
    end: (turn: TurnRecord, outcome: TurnRecord['outcome'] = 'completed'): void => {
      turn.endedAt = clock.now();
      turn.outcome = outcome;
      history.hear({ kind: 'turn.ended', turn });
    },
    ids: (changes = 0): string[] => history.rowsSince(changes).map(({ id }) => id),
  };
}

function only(rows: readonly TurnRow[]): TurnRow {
  expect(rows).toHaveLength(1);
  return rows[0] as TurnRow;
}

describe('the turns of the ops page', () => {
  test('are shown while they wait, run and when they have ended, with marks since their receipt', () => {
    const { clock, history, queue, start, attempt, end } = world();
    clock.advance(500);
    const turn = queue({ attempts: 0 });
    expect(only(history.rowsSince(0))).toMatchObject({ state: 'waiting', at: WALL + 1500, attempts: [] });
    clock.advance(20);
    start(turn);
    const made = attempt(turn, {
      dial: {
        startedAt: 1521,
        endedAt: 1561.26,
        dnsMs: 1,
        tcpMs: 2,
        tlsMs: 3,
        errorType: undefined,
      },
      answeredAt: 1600,
      firstEventAt: 1601,
      endedAt: undefined,
      result: undefined,
    });
    turn.firstEventAt = 1601;
    turn.firstOutputAt = 1700;
    turn.firstPausedAt = 1800;
    turn.pausedMs = 50;
    expect(only(history.rowsSince(0))).toMatchObject({
      state: 'running',
      startedMs: 20,
      firstEventMs: 101,
      firstOutputMs: 200,
      pausedFromMs: 300,
      attempts: [{ startedMs: 20, dialFromMs: 21, dialToMs: 61.3, answeredMs: 100, firstEventMs: 101 }],
    });
    clock.advance(980);
    made.endedAt = clock.now();
    end(turn);
    const row = only(history.rowsSince(0));
    expect(row).toMatchObject({
      state: 'ended',
      outcome: 'completed',
      outcomeClass: 'ok',
      endedMs: 1000,
      attempts: [{ endedMs: 1000 }],
      tokens: { input: 100, cached: 60, output: 50, reasoning: 20 },
    });
    expect(row.at).toBe(WALL + 1500);
  });

  test('have the ids that the provider gave: of the response, and of the request of each attempt', () => {
    const { history, queue, attempt, end } = world();
    const turn = queue({ responseId: 'resp_0001' });
    attempt(turn, { requestId: undefined });
    attempt(turn, { requestId: 'req-2' });
    end(turn);
    const row = only(history.rowsSince(0));
    expect(row.responseId).toBe('resp_0001');
    expect(row.attempts.map(({ requestId }) => requestId)).toEqual([undefined, 'req-2']);
  });

  test('hold no more than what is named: nothing of a client, nothing of a provider but its ids', () => {
    const { history, queue, attempt, end } = world();
    end(
      queue({
        tenant: 'SECRET',
        session: 'SECRET',
        responseId: 'SECRET: no id',
        providerRequestId: 'SECRET',
        responseModel: 'SECRET',
        responseTier: 'SECRET',
        path: '/SECRET',
      }),
    );
    for (const requestId of ['SECRET request', `SECRET${'x'.repeat(128)}`]) {
      attempt(queue(), { requestId, origin: 'SECRET', path: 'SECRET' });
    }
    expect(JSON.stringify(history.rowsSince(0))).not.toContain('SECRET');
  });

  test('show a trace only where it is kept', () => {
    const { history, queue, end } = world();
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceState: '' };
    end(queue({ trace: { ...trace, isSampled: true } }));
    end(queue({ trace: { ...trace, isSampled: false } }));
    expect(history.rowsSince(0).map(({ traceId }) => traceId)).toEqual([trace.traceId, undefined]);
  });

  test('are the last ones that ended, however many there were', () => {
    const { clock, history, queue, end, ids } = world({ maxEnded: 3, maxLive: 10 });
    for (let turn = 1; turn <= 8; turn++) {
      clock.advance(1);
      end(queue());
      expect(ids()).toEqual([turn - 2, turn - 1, turn].filter((id) => id > 0).map((id) => `t-${id}`));
    }
    expect(history.totals).toEqual({ waiting: 0, running: 0, ended: { ok: 8, error: 0, aborted: 0 } });
  });

  test('that failed are kept beyond the last ones, the latest of them', () => {
    const { clock, queue, end, ids } = world({ maxEnded: 2, maxOlderFailures: 2 });
    const outcomes = ['timeout', 'failed', 'cancelled', 'completed', 'provider_error', 'completed'] as const;
    for (const outcome of outcomes) {
      clock.advance(1);
      end(queue(), outcome);
    }
    expect(ids()).toEqual(['t-1', 't-2', 't-5', 't-6']);
    for (let turn = 7; turn <= 20; turn++) {
      clock.advance(1);
      end(queue());
    }
    expect(ids()).toEqual(['t-2', 't-5', 't-19', 't-20']);
  });

  test('that failed are told of once, also if they were pushed out before anybody heard of them', () => {
    const { clock, history, queue, end, ids } = world({ maxEnded: 2, maxOlderFailures: 2 });
    end(queue(), 'failed');
    const seen = history.changes;
    for (const outcome of ['timeout', 'completed', 'completed', 'completed'] as const) {
      clock.advance(1);
      end(queue(), outcome);
    }
    expect(ids(seen)).toEqual(['t-2', 't-4', 't-5']);
    expect(ids(history.changes)).toEqual([]);
  });

  test('keep one that is stuck in sight, while those that came later appear when they end', () => {
    const { clock, history, queue, start, end, ids } = world({ maxEnded: 2, maxLive: 1 });
    start(queue());
    clock.advance(1);
    const second = queue();
    expect(ids()).toEqual(['t-1']);
    expect(history.totals).toMatchObject({ waiting: 1, running: 1 });
    for (let turn = 0; turn < 5; turn++) {
      clock.advance(1);
      end(queue());
    }
    expect(ids()).toEqual(['t-1', 't-6', 't-7']);
    end(second);
    expect(ids()).toEqual(['t-1', 't-2', 't-7']);
  });

  test('show the next ones as they come, once there is room again', () => {
    const { history, queue, end, ids } = world({ maxEnded: 2, maxLive: 1 });
    const first = queue();
    queue();
    end(first);
    queue();
    expect(ids()).toEqual(['t-1', 't-3']);
    expect(history.totals.waiting).toBe(2);
  });

  test('hold on to nothing of a turn that has ended: later changes of its record are not seen', () => {
    const { history, queue, end } = world();
    const turn = queue();
    end(turn);
    turn.model = 'changed';
    turn.events = 99;
    expect(only(history.rowsSince(0))).toMatchObject({ model: 'gpt-5.5', events: 0 });
  });

  test('tell what changed since a number, and nothing twice', () => {
    const { clock, history, queue, start, end, ids } = world();
    const first = queue();
    clock.advance(1);
    const second = queue();
    let seen = history.changes;
    expect(ids(seen)).toEqual([]);
    start(second);
    expect(ids(seen)).toEqual(['t-2']);
    seen = history.changes;
    end(first);
    end(second);
    expect(ids(seen)).toEqual(['t-1', 't-2']);
    expect(ids(history.changes)).toEqual([]);
  });

  test('tell of events that came without a fact, once they are looked at', () => {
    const { history, queue, start, ids } = world();
    const turn = queue();
    start(turn);
    const seen = history.changes;
    turn.events += 5;
    expect(ids(seen)).toEqual([]);
    history.noticeProgress();
    expect(only(history.rowsSince(seen)).events).toBe(5);
    const seenThen = history.changes;
    history.noticeProgress();
    expect(ids(seenThen)).toEqual([]);
  });

  test('count a turn that ended before it started, one that began twice, and one nobody heard of', () => {
    const { history, queue, start, end } = world();
    end(queue(), 'rejected');
    const twice = queue();
    start(twice);
    start(twice);
    expect(history.totals).toEqual({ waiting: 0, running: 1, ended: { ok: 0, error: 1, aborted: 0 } });
    end(twice, 'cancelled');
    end(twice, 'cancelled');
    end(turnRecord());
    expect(history.totals).toEqual({ waiting: 0, running: 0, ended: { ok: 0, error: 1, aborted: 1 } });
  });

  test('show the latest attempts of a turn, and how many there were', () => {
    const { history, queue, attempt } = world();
    const turn = queue({ attempts: 0 });
    for (let number = 1; number <= MAX_ATTEMPTS + 2; number++) attempt(turn, { number });
    const row = only(history.rowsSince(0));
    expect(row.attempts.map(({ number }) => number)).toEqual([3, 4, 5, 6]);
    expect(row.attemptCount).toBe(6);
  });
});
