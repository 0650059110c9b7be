import { describe, expect, test } from '@jest/globals';
import { RunFailed } from './child.ts';
import { maxOpenFilesIn, twiceAtMost, withinLimit } from './quick.ts';
import { SCENARIOS } from './scenarios.ts';

describe('as many idle connections as a process may hold', () => {
  const clientsOf = (maxOpenFiles: number) =>
    SCENARIOS.map((scenario) => withinLimit(scenario, maxOpenFiles)).flatMap((scenario) =>
      scenario.kind === 'start' ? [] : [[scenario.name, scenario.clients]],
    );
  const planned = clientsOf(Infinity);

  test.each([20_000, 10_064])('are all of them with %d files', (maxOpenFiles) => {
    expect(SCENARIOS.map((scenario) => withinLimit(scenario, maxOpenFiles))).toEqual(SCENARIOS);
  });

  test.each([
    [4_096, 4_032],
    [900, 836],
  ])('are fewer with %d files, which is said, and everything else stays', (maxOpenFiles, expected) => {
    expect(clientsOf(maxOpenFiles)).toEqual(
      planned.map(([name, clients]) => [name, name === 'idle-memory' ? expected : clients]),
    );
    const idle = SCENARIOS.find(({ name }) => name === 'idle-memory')!;
    const [fewer, files] = [expected, maxOpenFiles].map((count) => count.toLocaleString('en'));
    expect(withinLimit(idle, maxOpenFiles).title).toBe(
      `10,000 connections, upgraded, no frame sent (only ${fewer}: the hard limit of open files is ${files})`,
    );
  });
});

test('the hard limit is read as Linux writes it', () => {
  const line = (hard: string) =>
    `Max processes             95874                95874                processes \nMax open files            1024                 ${hard}               files     \n`;
  expect(maxOpenFilesIn(line('4096'))).toBe(4_096);
  expect(maxOpenFilesIn(line('unlimited'))).toBe(Infinity);
});

describe('a run that failed', () => {
  /** Fails so many times. */
  const failing = (times: number, failure: Error) => {
    let runs = 0;
    const run = async (isAgain: boolean): Promise<boolean> => {
      runs += 1;
      if (runs <= times) throw failure;
      return isAgain;
    };
    return { run, runs: () => runs };
  };
  const late = new RunFailed('no event came within the window');

  test.each([
    [0, 1, []],
    [1, 2, [late.message]],
  ])('%d times is followed by the one that counts, and said', async (times, runs, expected) => {
    const said: string[] = [];
    const running = failing(times, late);
    expect(await twiceAtMost(running.run, ({ message }) => said.push(message))).toBe(times > 0);
    expect(running.runs()).toBe(runs);
    expect(said).toEqual(expected);
  });

  test('twice has failed, and a mistake of the bench itself has at once', async () => {
    const twice = failing(2, late);
    await expect(twiceAtMost(twice.run, () => undefined)).rejects.toBe(late);
    expect(twice.runs()).toBe(2);
    const mistake = new TypeError('no function');
    const mistaken = failing(1, mistake);
    await expect(twiceAtMost(mistaken.run, () => undefined)).rejects.toBe(mistake);
    expect(mistaken.runs()).toBe(1);
  });
});
