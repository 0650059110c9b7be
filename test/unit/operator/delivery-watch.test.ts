import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type Delivered, DeliveryWatch } from '../../../src/operator/delivery-watch.ts';
import type { BridgePod } from '../../../src/operator/pod-poll.ts';

let told: Delivered[] = [];
let pods: readonly BridgePod[] | undefined;
let isDone = false;
let watch: DeliveryWatch;

beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  pods = [{ name: 'a', address: '127.0.0.1', port: 1 }];
  isDone = false;
  watch = new DeliveryWatch({
    pods: () => pods,
    isDone: () => isDone,
    onReports: (delivered) => void told.push(delivered),
    onMistake: (error) => {
      throw error;
    },
    ask: (asked) => Promise.resolve(asked.map(({ name }) => ({ kind: 'Silent', pod: name }))),
    now: () => Date.now(),
  });
});

afterEach(() => {
  watch.close();
  jest.useRealTimers();
});

test('what else there is to say is not held up by a list of pods that does not come', async () => {
  pods = undefined;
  watch.ask();
  await jest.advanceTimersByTimeAsync(8000);
  expect(told.length).toBeGreaterThan(0);
  for (const delivered of told) expect(delivered).toMatchObject({ pods: [], isAsking: true });
  expect(told.at(-1)!.askingMs).toBeGreaterThan(500);
});

test('pods that are late are asked on, each two seconds for a minute, and told as late once', async () => {
  watch.ask();
  await jest.advanceTimersByTimeAsync(5300);
  const early = told.splice(0);
  expect(early.length).toBeGreaterThan(15);
  expect(early.filter(({ isAsking }) => !isAsking)).toEqual([
    expect.objectContaining({ isAsking: false, isRepeated: false }),
  ]);
  await jest.advanceTimersByTimeAsync(50_000);
  expect(told.length).toBe(25);
  for (const delivered of told) expect(delivered).toMatchObject({ isAsking: false, isRepeated: true });
  await jest.advanceTimersByTimeAsync(10_000);
  told = [];
  await jest.advanceTimersByTimeAsync(20_000);
  expect(told).toEqual([]);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(told[0]).toMatchObject({ isAsking: true, isRepeated: false });
});

test('a pod that comes late is found within two seconds, and then nobody is asked for a while', async () => {
  watch.ask();
  await jest.advanceTimersByTimeAsync(10_000);
  isDone = true;
  told = [];
  await jest.advanceTimersByTimeAsync(2000);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ isAsking: false });
  await jest.advanceTimersByTimeAsync(25_000);
  expect(told).toHaveLength(1);
});

test('where there is no pod, that is told after five seconds, and not again until one comes', async () => {
  pods = [];
  watch.ask();
  await jest.advanceTimersByTimeAsync(34_000);
  expect(told.filter(({ isAsking }) => !isAsking)).toEqual([
    expect.objectContaining({ pods: [], isRepeated: false }),
  ]);
});

test('nobody is asked after the end', async () => {
  watch.ask();
  watch.close();
  watch.close();
  watch.ask();
  await jest.advanceTimersByTimeAsync(100_000);
  expect(told).toEqual([]);
});
