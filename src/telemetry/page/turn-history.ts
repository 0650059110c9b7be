/**
 * The last turns, for the page on the ops port. A turn that runs is read from its own record when somebody looks; one
 * that has ended is kept as a plain row, the last few hundred of them. Nothing else happens while nobody watches.
 */
import type { AttemptRecord, TurnFact, TurnRecord } from '../../turn/facts.ts';
import { OUTCOME_CLASSES, type OutcomeClass } from '../names.ts';
import type { TotalsView, TurnRow } from './page-state.ts';
import { Ring } from './ring.ts';
import { toTurnRow } from './turn-row.ts';

/** What a person reads through: half a megabyte of rows at most. */
export const MAX_ENDED_TURNS = 300;
/**
 * Turns that failed and that later ones would have pushed out are kept beyond them: whoever opens the page after an
 * incident finds it, however many turns went well since.
 */
export const MAX_OLDER_FAILURES = 100;
/** Turns under way that are shown, the earliest ones: what is stuck stays in sight. Others appear when they end. */
export const MAX_LIVE_TURNS = 200;
/** The latest attempts of a turn that are shown. */
export const MAX_ATTEMPTS = 4;

/** A turn under way. It holds on to a record that is there anyway until the turn ends. */
interface LiveTurn {
  readonly record: TurnRecord;
  readonly isShown: boolean;
  readonly attempts: AttemptRecord[];
  hasStarted: boolean;
  /** The number of its last change. */
  changedAt: number;
  /** Events that the watchers know of. */
  eventsShown: number;
}

interface EndedTurn {
  readonly row: TurnRow;
  readonly changedAt: number;
}

export interface TurnHistoryLimits {
  readonly maxEnded: number;
  readonly maxOlderFailures: number;
  readonly maxLive: number;
}

export interface HistoryClock {
  /** The clock of the records, in milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wallNow(): number;
}

export class TurnHistory {
  readonly #clock: HistoryClock;
  readonly #maxLive: number;
  /** Every turn under way, in the order of receipt; as many as the bridge's own limits let in. */
  readonly #live = new Map<TurnRecord, LiveTurn>();
  /** In the order of their ends, both. */
  readonly #ended: Ring<EndedTurn>;
  readonly #olderFailures: Ring<EndedTurn>;
  #shown = 0;
  #running = 0;
  readonly #endedByClass: Record<OutcomeClass, number> = { ok: 0, error: 0, aborted: 0 };
  #changes = 0;

  constructor(
    clock: HistoryClock,
    limits: TurnHistoryLimits = {
      maxEnded: MAX_ENDED_TURNS,
      maxOlderFailures: MAX_OLDER_FAILURES,
      maxLive: MAX_LIVE_TURNS,
    },
  ) {
    this.#clock = clock;
    this.#maxLive = limits.maxLive;
    this.#ended = new Ring(limits.maxEnded);
    this.#olderFailures = new Ring(limits.maxOlderFailures);
  }

  /** The number of the last change: what {@link rowsSince} takes. */
  get changes(): number {
    return this.#changes;
  }

  get totals(): TotalsView {
    return {
      waiting: this.#live.size - this.#running,
      running: this.#running,
      ended: { ...this.#endedByClass },
    };
  }

  hear(fact: TurnFact): void {
    switch (fact.kind) {
      case 'turn.queued':
        this.#queued(fact.turn);
        return;
      case 'turn.started':
        this.#started(fact.turn);
        return;
      case 'attempt.started':
        this.#attempted(fact.turn, fact.attempt);
        return;
      case 'turn.first-event':
      case 'turn.first-output':
      case 'attempt.ended':
        this.#changed(fact.turn);
        return;
      case 'turn.ended':
        this.#end(fact.turn);
        return;
      case 'turn.failover':
      case 'turn.failover-denied':
      case 'turn.transport-fallback':
      case 'provider.ejected':
      case 'provider.returned':
      case 'provider.rate-limit':
      case 'warmup.answered':
      case 'bridge.mistake':
      case 'transcript.evicted':
        return; // no turns
    }
  }

  /** Counts events and bytes that came since the last call as changes: no fact tells of each. */
  noticeProgress(): void {
    for (const turn of this.#shownTurns()) {
      if (turn.eventsShown === turn.record.events) continue;
      turn.eventsShown = turn.record.events;
      turn.changedAt = ++this.#changes;
    }
  }

  /** Rows that changed after that number, oldest receipt first; all of them for 0. */
  rowsSince(changes: number): TurnRow[] {
    const rows: TurnRow[] = [];
    // a turn that failed may have been pushed out before anybody was told of it
    for (const ring of [this.#ended, this.#olderFailures]) {
      for (const turn of ring.newestFirst()) {
        if (turn.changedAt <= changes) break;
        rows.push(turn.row);
      }
    }
    rows.reverse();
    for (const turn of this.#shownTurns()) {
      if (turn.changedAt > changes) rows.push(this.#rowOf(turn));
    }
    return rows.sort((one, other) => one.at - other.at);
  }

  #queued(record: TurnRecord): void {
    const isShown = this.#shown < this.#maxLive;
    if (isShown) this.#shown++;
    this.#live.set(record, {
      record,
      isShown,
      attempts: [],
      hasStarted: false,
      changedAt: ++this.#changes,
      eventsShown: 0,
    });
  }

  #started(record: TurnRecord): void {
    const turn = this.#changed(record);
    if (turn === undefined || turn.hasStarted) return;
    turn.hasStarted = true;
    this.#running++;
  }

  #attempted(record: TurnRecord, attempt: AttemptRecord): void {
    const attempts = this.#changed(record)?.attempts;
    if (attempts === undefined) return;
    attempts.push(attempt);
    if (attempts.length > MAX_ATTEMPTS) attempts.shift();
  }

  #changed(record: TurnRecord): LiveTurn | undefined {
    const turn = this.#live.get(record);
    if (turn !== undefined) turn.changedAt = ++this.#changes;
    return turn;
  }

  #end(record: TurnRecord): void {
    const turn = this.#changed(record);
    if (turn === undefined) return;
    this.#live.delete(record);
    if (turn.hasStarted) this.#running--;
    if (turn.isShown) this.#shown--;
    this.#endedByClass[OUTCOME_CLASSES[record.outcome ?? 'bridge_error']]++;
    const pushedOut = this.#ended.push({ row: this.#rowOf(turn, 'ended'), changedAt: turn.changedAt });
    if (pushedOut?.row.outcomeClass === 'error') this.#olderFailures.push(pushedOut);
  }

  /** The walk ends with the last one that is shown; others wait behind them. */
  *#shownTurns(): Generator<LiveTurn> {
    let left = this.#shown;
    for (const turn of this.#live.values()) {
      if (left === 0) return;
      if (!turn.isShown) continue;
      left--;
      yield turn;
    }
  }

  #rowOf({ record, attempts, hasStarted }: LiveTurn, state?: TurnRow['state']): TurnRow {
    const receivedAtWall = this.#clock.wallNow() - (this.#clock.now() - record.receivedAt);
    return toTurnRow(record, attempts, state ?? (hasStarted ? 'running' : 'waiting'), receivedAtWall);
  }
}
