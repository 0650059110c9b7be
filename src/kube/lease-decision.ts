/**
 * Who may take a Lease when: values in, values out. Clocks of two machines never agree, so the times in the record mean
 * nothing here. A contender notes, by its own monotonic clock, when it saw the record change last; a record that did
 * not change for as long as it promises is nobody's. The holder counts from the moment it *sent* its renewal, which is
 * before anybody can have seen it, and for a shorter time: so it has stopped before somebody else may begin.
 */

/** All in milliseconds. */
export interface LeaseTimes {
  /** A record that others see unchanged for so long is up for taking. */
  readonly leaseDurationMs: number;
  /** A holder that could not renew for so long leads no more. */
  readonly renewDeadlineMs: number;
  /** Between two renewals, and between two looks of those who wait; these wait up to 1.2 times that longer, by chance. */
  readonly retryPeriodMs: number;
}

/** Those of client-go, which other controllers of a cluster use too. */
export const defaultLeaseTimes: LeaseTimes = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** So many times the retry period are added to it at most, so that contenders do not come in step. */
const JITTER_FACTOR = 1.2;

/**
 * The times, if they keep two leaders apart.
 * @throws RangeError says which does not, and what it must be.
 */
export function checkLeaseTimes(times: LeaseTimes): LeaseTimes {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = times;
  for (const [name, ms] of Object.entries(times) as [string, number][]) {
    if (!Number.isFinite(ms) || ms <= 0)
      throw new RangeError(`${name} must be above 0, and is ${String(ms)}`);
  }
  if (leaseDurationMs < 1000) {
    throw new RangeError('leaseDurationMs must be 1000 at least: a Lease counts in seconds');
  }
  if (leaseDurationMs <= renewDeadlineMs) {
    throw new RangeError(
      `leaseDurationMs (${String(leaseDurationMs)}) must be longer than renewDeadlineMs (${String(renewDeadlineMs)}): ` +
        'a leader has to stop before another may begin',
    );
  }
  if (renewDeadlineMs <= JITTER_FACTOR * retryPeriodMs) {
    throw new RangeError(
      `renewDeadlineMs (${String(renewDeadlineMs)}) must be longer than 1.2 times retryPeriodMs (${String(retryPeriodMs)}): ` +
        'one renewal that fails has to leave time for another',
    );
  }
  return times;
}

/** When whoever waits looks again. @param random 0 to 1. */
export function retryDelayMs(times: LeaseTimes, random: number): number {
  return times.retryPeriodMs * (1 + JITTER_FACTOR * random);
}

/** What of a Lease's spec counts. */
export interface LeaseRecord {
  /** Empty: nobody. */
  readonly holder: string;
  /** What its holder promised: unchanged for longer, it is nobody's. */
  readonly durationMs: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly transitions: number;
}

/** A record, and since when it has been as it is, by our own clock. */
export interface Sighting {
  readonly record: LeaseRecord;
  readonly sinceMs: number;
}

/** Notes what was seen now. The same record as before is as old as before. */
export function sighted(before: Sighting | undefined, record: LeaseRecord, now: number): Sighting {
  return before !== undefined && isSameRecord(before.record, record) ? before : { record, sinceMs: now };
}

/** Whether somebody may still count on it. */
export function isHeld(sighting: Sighting | undefined, now: number): boolean {
  if (sighting === undefined || sighting.record.holder === '') return false;
  return now < sighting.sinceMs + sighting.record.durationMs;
}

/** The same in everything that a holder changes when it renews. */
export function isSameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holder === b.holder &&
    a.durationMs === b.durationMs &&
    a.acquireTime === b.acquireTime &&
    a.renewTime === b.renewTime &&
    a.transitions === b.transitions
  );
}

export type LeaseMove =
  /** There is none. */
  | { readonly kind: 'create' }
  /** It is nobody's. */
  | { readonly kind: 'take'; readonly from: LeaseRecord }
  /** It is ours: what we sent has arrived. */
  | { readonly kind: 'renew'; readonly from: LeaseRecord }
  /** It is somebody else's. */
  | { readonly kind: 'wait'; readonly holder: string };

/**
 * What to do about the Lease that was just looked at.
 *
 * Our name on a record is no proof that it is ours: another process may have been given the same identity. What we sent
 * ourselves is, to the microsecond of its renewTime.
 * @param read The record as it is now; undefined: there is no such Lease.
 * @param sighting The last record that was seen, this one included.
 * @param ours The records of ours that may be there: the last that has arrived, and those of which nothing was heard.
 */
export function nextMove(
  read: LeaseRecord | undefined,
  sighting: Sighting | undefined,
  ours: readonly LeaseRecord[],
  now: number,
): LeaseMove {
  const isOurs = (record: LeaseRecord): boolean => ours.some((sent) => isSameRecord(sent, record));
  if (read === undefined) {
    // Deleted under its holder, who will create it again: nobody else may, before it has given up.
    if (sighting === undefined || isOurs(sighting.record) || !isHeld(sighting, now))
      return { kind: 'create' };
    return { kind: 'wait', holder: sighting.record.holder };
  }
  if (isOurs(read)) return { kind: 'renew', from: read };
  return isHeld(sighting, now) ? { kind: 'wait', holder: read.holder } : { kind: 'take', from: read };
}

/** Where a contender stands. */
export type LeaseState =
  | { readonly kind: 'following' }
  /** Until then, by our own clock, nobody else can lead. */
  | { readonly kind: 'leading'; readonly untilMs: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'released' };

/** Whether it leads at this very moment: asked of the clock, so a process that was stopped for long knows at once. */
export function leadsAt(state: LeaseState, now: number): boolean {
  return state.kind === 'leading' && now < state.untilMs;
}

/**
 * After a record of ours has arrived that was sent at `sentMs`. One that came back too late does not bring back a
 * leader whose time was up: others may have acted on that.
 */
export function afterArrival(state: LeaseState, sentMs: number, times: LeaseTimes, now: number): LeaseState {
  const untilMs = sentMs + times.renewDeadlineMs;
  switch (state.kind) {
    case 'following':
      return now < untilMs ? { kind: 'leading', untilMs } : state;
    case 'leading':
      return leadsAt(state, now) ? { kind: 'leading', untilMs } : { kind: 'lost' };
    case 'lost':
    case 'released':
      return state;
  }
}
