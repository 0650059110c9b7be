import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { pauseFor } from '../../../src/kube/pause.ts';
import { within } from '../../harness/wait-for.ts';

test('a thousand pauses leave nothing behind on the signal that may end them', async () => {
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 1000 }, () => pauseFor(1, signal)));
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('a pause ends with its signal, and does not begin after it', async () => {
  const ending = new AbortController();
  const pause = pauseFor(3_600_000, ending.signal);
  ending.abort();
  await within(pause, 'the pause that was ended');
  await within(pauseFor(3_600_000, ending.signal), 'the pause that was not begun');
  expect(getEventListeners(ending.signal, 'abort')).toHaveLength(0);
});
