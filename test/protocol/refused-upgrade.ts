import { expect } from '@jest/globals';
import { UpgradeRefused } from '../harness/connect.ts';

/** What a refused upgrade answered; fails the test when it was not refused. */
export async function refusedUpgrade(opening: Promise<unknown>): Promise<UpgradeRefused> {
  const outcome: unknown = await opening.then(
    () => 'the upgrade was accepted',
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(UpgradeRefused);
  return outcome as UpgradeRefused;
}

/** The error object of an answer's JSON body. */
export function errorIn(body: string): Record<string, unknown> {
  return (JSON.parse(body) as { error: Record<string, unknown> }).error;
}
