/** What tests look at in a talk: the facts it told, and whether anything is left of it. */
import { expect } from '@jest/globals';
import type { Talk } from './turn-setup.ts';

/** Kinds of its facts, in the order in which they were told. */
export function kinds(talk: Talk): string[] {
  return talk.facts.map(({ kind }) => kind);
}

/** Everything that was opened or counted has been given back. */
export function expectNothingLeft(talk: Talk): void {
  expect(talk.clock.pending).toBe(0);
  expect(talk.counts.bodiesHeld).toBe(0);
  expect(talk.transport.running).toEqual([]);
  expect(talk.conversation.isBusy).toBe(false);
}
