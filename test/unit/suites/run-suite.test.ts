/** A suite on a cluster is never green where its tests did not run. test/cluster/sandbox.test.ts has its end. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { endAll } from '../../cluster/end-all.ts';
import { runIn, type Suite } from '../../cluster/run-suite.ts';
import type { RunPlace } from '../../cluster/run-place.ts';

/** Each test starts jest several times. */
jest.setTimeout(120_000);

interface Folder extends AsyncDisposable {
  run(words?: readonly string[]): Promise<number>;
  /** Which test files ran, in their order. */
  ran(): Promise<string>;
}

/** A suite whose configurations have one test each, with this outcome; `none`: no test at all; `broken`: not JSON. */
async function suiteOf(outcomes: readonly ('green' | 'red' | 'none' | 'broken')[]): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-suite-'));
  const log = join(folder, 'ran');
  await writeFile(log, '');
  const jestConfigs = outcomes.map((_, index) => join(folder, `jest.${String(index)}.json`));
  for (const [index, outcome] of outcomes.entries()) {
    const tests = join(folder, `tests${String(index)}`);
    await mkdir(tests);
    const config = { rootDir: tests, testEnvironment: 'node', reporters: [], testMatch: ['**/*.test.cjs'] };
    await writeFile(jestConfigs[index]!, outcome === 'broken' ? '{' : JSON.stringify(config));
    if (outcome === 'none') continue;
    const isGreen = outcome === 'green';
    const text = `test('t', () => { require('fs').appendFileSync(${JSON.stringify(log)}, '${String(index)}'); if (!${String(isGreen)}) throw new Error('red'); });`;
    await writeFile(join(tests, `t${String(index)}.test.cjs`), text);
  }
  const suite: Suite<undefined, RunPlace> = {
    name: 'test:some',
    file: '',
    help: '',
    jestConfigs,
    maxRunMs: 60_000,
    prepare: () => Promise.resolve(undefined),
    open: () => Promise.reject(new Error('not opened here')),
  };
  const place: RunPlace = { kubeconfigPath: '', kubectl: '', folder, addresses: [] };
  return {
    run: (words = []) => runIn(suite, { place }, words),
    ran: () => readFile(log, 'utf8'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

describe('the configurations of a suite', () => {
  test('are all run, also behind one that failed, and that is the outcome', async () => {
    await using suite = await suiteOf(['red', 'green']);
    expect(await suite.run()).toBe(1);
    expect(await suite.ran()).toBe('01');
  });

  test('are no success while one of them has no test', async () => {
    await using suite = await suiteOf(['green', 'none']);
    expect(await suite.run()).toBe(1);
    expect(await suite.ran()).toBe('');
  });

  test('are left out where a pattern names tests of others', async () => {
    await using suite = await suiteOf(['red', 'green']);
    expect(await suite.run(['t1'])).toBe(0);
    expect(await suite.ran()).toBe('1');
  });

  test('that jest cannot read are told with what it said', async () => {
    await using suite = await suiteOf(['green', 'broken']);
    await expect(suite.run(['t0'])).rejects.toThrow(/cannot list the tests of .*jest\.1\.json/);
  });
});

test('what a test file made is ended to its last piece, and every failure is told', async () => {
  const done: string[] = [];
  const fails = (name: string) => () => Promise.reject(new Error(name));
  const ended = endAll([fails('one'), () => Promise.resolve(done.push('two')), fails('three')]);
  await expect(ended).rejects.toThrow('Error: one\nError: three');
  expect(done).toEqual(['two']);
});
