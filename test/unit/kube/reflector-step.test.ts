import { expect, test } from '@jest/globals';
import { Backoff } from '../../../src/kube/backoff.ts';
import { KubeError } from '../../../src/kube/kube-error.ts';
import { firstStep, MISSING_TYPE_RETRY_MS, nextStep } from '../../../src/kube/reflector-step.ts';

const RULES = { pageSize: 500, nowMs: 0, isResyncDue: false };

/** How long is waited after so many lists that failed with this status, at most. */
function waitAfter(failures: number, status: number): number {
  const backoff = new Backoff(() => 1);
  const ending = { kind: 'failed', error: new KubeError('no list', { status }) } as const;
  let waitMs = 0;
  for (let failure = 0; failure < failures; failure += 1)
    waitMs = nextStep(firstStep(500), ending, backoff, RULES).waitMs;
  return waitMs;
}

test('a type that is not there yet is looked for every two seconds, however long it takes', () => {
  expect(waitAfter(10, 404)).toBe(MISSING_TYPE_RETRY_MS);
  expect(waitAfter(10, 500)).toBe(30_000);
});

test('and the answers of a server that is about to know it are not waited for longer than after a first failure or two', () => {
  const backoff = new Backoff(() => 1);
  const wait = (status: number): number =>
    nextStep(firstStep(500), { kind: 'failed', error: new KubeError('no list', { status }) }, backoff, RULES)
      .waitMs;
  for (let missing = 0; missing < 20; missing += 1) wait(404);
  expect([wait(429), wait(429)]).toEqual([3200, 6400]);
});
