import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parseCoreList } from './cores.ts';
import { eventsOf, requestBody } from './request-body.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { disturbed, judge, median, summarize, type Pair } from './summary.ts';
import { toTable } from './table.ts';

const named = (name: string): Scenario => {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
};

describe('medians', () => {
  test('are the middle value, or the mean of the two in the middle, in whatever order they came', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
    expect(() => median([])).toThrow(RangeError);
  });

  test('of each figure are taken on their own: one bad run does not move a scenario', () => {
    const pair = (bridge: number, relay: number): Pair => ({ bridge, relay, ratio: bridge / relay });
    const { medians } = summarize(named('turn'), [pair(20, 10), pair(900, 10), pair(22, 11)]);
    expect(medians).toEqual({ bridge: 22, relay: 10, ratio: 2 });
  });
});

describe('bars', () => {
  const bar = { figure: 'ratio', atMost: 1.8, aim: 1.6 } as const;

  test.each([
    [1.6, 'aim reached'],
    [1.61, 'passed'],
    [1.8, 'passed'],
    [1.81, 'missed'],
    [NaN, 'missed'],
  ])('a median of %d is %s', (value, result) => {
    expect(judge(bar, value).result).toBe(result);
  });

  test('that were missed stand in the table, and not where nothing is judged', () => {
    const pair = { bridge: 30, relay: 10, ratio: 3, addedP50Us: 5, addedP99Us: 9 };
    const summaries = [summarize(named('paced'), [pair])];
    expect(toTable(summaries, true)).toMatch(/paced .*ratio ≤ 1\.8, aim 1\.6: MISSED; p50 ≤ 100: PASSED/);
    expect(toTable(summaries, false)).not.toMatch(/MISSED|PASSED/);
  });
});

test('a scenario whose relay was late is named as disturbed', () => {
  const late = (name: string, relayP50Us: number) =>
    summarize(named(name), [{ bridge: 30, relay: 10, ratio: 3, addedP50Us: 5, addedP99Us: 9, relayP50Us }]);
  expect(disturbed([late('paced', 40), late('few', 2_000)])).toEqual(['few']);
});

describe('requests', () => {
  const times = { warmUpMs: 600, windowMs: 2_000 };
  const paced = { events: 'run', textBytes: 115, gapUs: 5_000, eventsPerWrite: 1 } as const;

  test('ask for answers that outlive the window', () => {
    expect(eventsOf(paced, times) * paced.gapUs).toBeGreaterThan(2_600_000);
    expect(eventsOf({ ...paced, events: 60 }, times)).toBe(60);
  });

  test('carry the plan where the provider looks for it, and are as large as was asked', () => {
    const body = requestBody(paced, { messages: 20, messageBytes: 2_000 }, times);
    expect(body.slice(0, 200)).toContain(`"bench":"${eventsOf(paced, times)},115,5000,1"`);
    expect(body.length).toBeGreaterThan(40_000);
    expect(body.length).toBeLessThan(43_000);
  });
});

test('a list of cores is read as Linux writes it', () => {
  expect(parseCoreList('0-2,5')).toEqual([0, 1, 2, 5]);
  expect(parseCoreList('3')).toEqual([3]);
});

/** Not the 50 of p50. */
const NUMBER = /(?<![a-z\d.])\d+(?:\.\d+)?/g;

test('docs/performance.md names every scenario with its bars', async () => {
  const page = await readFile(new URL('../../docs/performance.md', import.meta.url), 'utf8');
  for (const { name, bars } of SCENARIOS) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    expect(row).not.toBe('');
    const numbers = [...(row.split('|').at(-2) ?? '').matchAll(NUMBER)].map(([text]) => Number(text));
    expect({ name, numbers }).toEqual({
      name,
      numbers: bars.flatMap(({ atMost, aim }) => (aim === undefined ? [atMost] : [atMost, aim])),
    });
  }
});
