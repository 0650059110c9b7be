import { describe, expect, test } from '@jest/globals';
import {
  ContestedStatuses,
  FIRST_DELAY_MS,
  FORGIVEN_MS,
  MAX_DELAY_MS,
  PROMPT_MS,
} from '../../../src/operator/contested-statuses.ts';
import type { ObservedRoute } from '../../../src/reconcile/observed-route.ts';
import type { RouteStatus } from '../../../src/reconcile/route-status.ts';

const OURS = aStatus('1/1');
const THEIRS = aStatus('0/1');

function aStatus(providers: string): RouteStatus {
  return { observedGeneration: 1, conditions: [], providers };
}

function seen(resourceVersion: number, status: RouteStatus | undefined, changes: object = {}): ObservedRoute {
  const route = { key: 'ai/a', uid: 'u', generation: 1, resourceVersion: String(resourceVersion), status };
  return { ...route, ...changes } as unknown as ObservedRoute;
}

/** One route, and versions that count up as an API server counts them. */
class Dispute {
  readonly statuses = new ContestedStatuses();
  now = 0;
  version = 9;

  /** Writes as the queue would: not before the delay is over. */
  write(status = OURS): number {
    const delayMs = this.statuses.delayMs(seen(this.version, THEIRS), this.now);
    this.now += delayMs;
    const before = seen(this.version, undefined);
    this.statuses.sending(before, status);
    this.version += 1;
    this.statuses.sent(before, status, String(this.version), this.now);
    return delayMs;
  }

  show(status: RouteStatus | undefined = THEIRS, changes: object = {}): number | undefined {
    this.version += 1;
    return this.statuses.observed('ai/a', seen(this.version, status, changes), this.now);
  }
}

describe('a status that somebody overwrites', () => {
  test('is said again after a second, then two, then four, and every ten minutes in the end', () => {
    const dispute = new Dispute();
    const delays: number[] = [];
    for (let times = 1; times <= 14; times += 1) {
      delays.push(dispute.write());
      dispute.now += 3;
      expect(dispute.show()).toBe(times);
    }
    expect(delays.slice(0, 5)).toEqual([0, FIRST_DELAY_MS, 2000, 4000, 8000]);
    expect(delays.slice(-2)).toEqual([MAX_DELAY_MS, MAX_DELAY_MS]);
  });

  test('stays disputed when the other side waits as long as we do', () => {
    const dispute = new Dispute();
    for (let times = 1; times <= 14; times += 1) {
      dispute.write();
      dispute.now += dispute.statuses.delayMs(seen(dispute.version, THEIRS), dispute.now) + 50;
      if (times > 1) dispute.now += Math.min(MAX_DELAY_MS, 2 ** (times - 2) * FIRST_DELAY_MS);
      expect(dispute.show()).toBe(times);
    }
    expect(dispute.write()).toBe(MAX_DELAY_MS);
  });

  test('long after it was written is a slip of a hand: it is said again at once', () => {
    const dispute = new Dispute();
    dispute.write();
    dispute.now += PROMPT_MS + 1;
    expect(dispute.show()).toBeUndefined();
    expect(dispute.write()).toBe(0);
  });

  test('is forgiven when it stood for long', () => {
    const dispute = new Dispute();
    for (let times = 0; times < 5; times += 1) {
      dispute.write();
      dispute.show();
    }
    dispute.write();
    dispute.now += FORGIVEN_MS + 1;
    expect(dispute.statuses.countAt(dispute.now)).toBe(0);
    expect(dispute.show()).toBeUndefined();
    expect(dispute.write()).toBe(0);
  });

  test('is judged anew with the next form of the route, and forgotten with the route', () => {
    const dispute = new Dispute();
    dispute.write();
    expect(dispute.show()).toBe(1);
    const changed = seen(dispute.version + 1, THEIRS, { generation: 2 });
    expect(dispute.statuses.observed('ai/a', changed, dispute.now)).toBeUndefined();
    expect(dispute.statuses.delayMs(changed, dispute.now)).toBe(0);
    dispute.write();
    expect(dispute.show()).toBe(1);
    dispute.statuses.observed('ai/a', undefined, dispute.now);
    expect(dispute.statuses.countAt(dispute.now)).toBe(0);
    expect(dispute.write()).toBe(0);
  });

  test('is counted once for each write, however many versions show it', () => {
    const dispute = new Dispute();
    dispute.write();
    expect(dispute.show()).toBe(1);
    expect(dispute.show()).toBeUndefined();
    expect(dispute.show(undefined)).toBeUndefined();
    expect(dispute.write()).toBe(FIRST_DELAY_MS);
  });
});

describe('nobody has overwritten anything', () => {
  test('when our own write comes back, or something older', () => {
    const { statuses } = new Dispute();
    statuses.sending(seen(9, undefined), OURS);
    statuses.sent(seen(9, undefined), OURS, '12', 0);
    for (const [version, status] of [
      [10, THEIRS],
      [12, OURS],
      [13, OURS],
    ] as const)
      expect(statuses.observed('ai/a', seen(version, status), 1)).toBeUndefined();
    expect(statuses.delayMs(seen(13, OURS), 1)).toBe(0);
  });

  test('when the watch shows our next write before its answer is here', () => {
    const dispute = new Dispute();
    dispute.write(THEIRS);
    const before = seen(dispute.version, THEIRS);
    dispute.statuses.sending(before, OURS);
    expect(dispute.show(OURS)).toBeUndefined();
    expect(dispute.statuses.sent(before, OURS, String(dispute.version), dispute.now)).toBeUndefined();
    expect(dispute.statuses.delayMs(before, dispute.now)).toBe(0);
  });

  test('when a write whose answer was lost turns out to be stored', () => {
    const dispute = new Dispute();
    dispute.write(THEIRS);
    const before = seen(dispute.version, THEIRS);
    dispute.statuses.sending(before, OURS);
    dispute.statuses.failed(before, dispute.now);
    expect(dispute.show(OURS)).toBeUndefined();
    expect(dispute.statuses.delayMs(before, dispute.now)).toBe(0);
  });
});

test('somebody who is faster than the answer to our write is noticed all the same', () => {
  const { statuses } = new Dispute();
  const before = seen(9, undefined);
  statuses.sending(before, OURS);
  expect(statuses.observed('ai/a', seen(11, THEIRS), 1)).toBeUndefined();
  expect(statuses.sent(before, OURS, '10', 2)).toBe(1);
  expect(statuses.delayMs(before, 2)).toBe(FIRST_DELAY_MS);
});

test('a write that fails does not begin the wait anew', () => {
  const dispute = new Dispute();
  dispute.write();
  dispute.show();
  dispute.now += FIRST_DELAY_MS;
  dispute.statuses.sending(seen(dispute.version, THEIRS), OURS);
  dispute.statuses.failed(seen(dispute.version, THEIRS), dispute.now);
  expect(dispute.write()).toBe(0);
});
