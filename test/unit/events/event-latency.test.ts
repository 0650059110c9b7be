import { setImmediate as nextLoop } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { EventLatency } from '../../../src/events/event-latency.ts';

function open() {
  const seen: number[] = [];
  const latency = new EventLatency((seconds) => seen.push(seconds));
  const read = (times: number): void => {
    for (let n = 0; n < times; n++) latency.read();
  };
  return { seen, latency, read };
}

test('one read in 64 is followed to its write', () => {
  const { seen, latency, read } = open();
  read(63);
  latency.wrote();
  expect(seen).toEqual([]);
  read(1);
  latency.wrote();
  latency.wrote(); // of another client, in the same callback
  expect(seen).toHaveLength(1);
  expect(seen[0]).toBeGreaterThanOrEqual(0);
  read(64);
  latency.wrote();
  expect(seen).toHaveLength(2);
});

test('a read that led to no write says nothing about the next one, whoever writes it', async () => {
  const { seen, latency, read } = open();
  read(64);
  await nextLoop();
  latency.wrote();
  expect(seen).toEqual([]);
});
