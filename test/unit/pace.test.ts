import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { openPace } from '../../src/pace.ts';

/** Works through a list, each piece of so many milliseconds by the clock it is given. */
function workers() {
  const clock = { ms: 1000 };
  const { pause } = openPace(() => clock.ms);
  const done: string[] = [];
  const work = async (name: string, pieces: number, pieceMs: number): Promise<void> => {
    for (let piece = 0; piece < pieces; piece += 1) {
      await pause();
      clock.ms += pieceMs;
      done.push(name);
    }
  };
  /** What was done in each turn of the event loop, until nothing is left. */
  const watch = async (all: Promise<unknown>): Promise<string[]> => {
    const turns: string[] = [];
    const state = { isOver: false };
    void all.then(() => (state.isOver = true));
    while (!state.isOver) {
      await nextTurn();
      turns.push(done.splice(0).join(''));
    }
    return turns.filter((turn) => turn !== '');
  };
  return { clock, work, watch, pause };
}

test('many small pieces share a turn of the event loop, and others have theirs after five milliseconds', async () => {
  const { work, watch } = workers();
  expect(await watch(work('a', 12, 1))).toEqual(['aaaaa', 'aaaaa', 'aa']);
});

test('a piece that takes longer has a turn for itself', async () => {
  const { work, watch } = workers();
  expect(await watch(work('a', 3, 40))).toEqual(['a', 'a', 'a']);
});

test('two kinds of work share one portion, and neither waits for the other to end', async () => {
  const { work, watch } = workers();
  const turns = await watch(Promise.all([work('a', 9, 1), work('b', 9, 1)]));
  expect(turns.join('')).toHaveLength(18);
  // the one that finds nothing left still does the piece it was woken for
  for (const turn of turns) expect(turn.length).toBeLessThanOrEqual(6);
  expect(turns.slice(0, 2).join('')).toMatch(/a.*b|b.*a/);
});

test('what begins long after the last work lets the event loop run first', async () => {
  const { clock, pause } = workers();
  await pause();
  expect(pause()).toBeUndefined();
  clock.ms += 60_000;
  const rest = pause();
  expect(rest).toBeInstanceOf(Promise);
  await rest;
  expect(pause()).toBeUndefined();
});
