import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runAptGet } from './debian-packages.ts';
import { until } from './wait-for.ts';

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-apt-test-'));
  env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}`, TEST_FOLDER: folder };
});
afterEach(() => rm(folder, { recursive: true }));

/** What apt 2.6 and 3.0 say while another process reads lists. */
const locked = [
  'Reading package lists...',
  'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)',
  'E: Unable to lock directory /var/lib/apt/lists/',
];

/** In place of apt: notes how it was called, then does what the lines of a shell say. */
async function fakeApt(...lines: readonly string[]): Promise<void> {
  const path = join(folder, 'apt-get');
  const note = 'echo "$DEBIAN_FRONTEND $LC_ALL $*" >> "$TEST_FOLDER/calls"';
  await writeFile(path, ['#!/bin/sh', note, ...lines, ''].join('\n'));
  await chmod(path, 0o755);
}

async function calls(): Promise<readonly string[]> {
  const text = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

const says = (lines: readonly string[]): string => lines.map((line) => `echo '${line}' >&2`).join('; ');
const soon = { everyMs: 5, forMs: 20_000 };

test('another apt is waited for as long as it holds the lock of the lists', async () => {
  await fakeApt(`[ -e "$TEST_FOLDER/free" ] || { ${says(locked)}; exit 100; }`, 'echo done');
  const running = runAptGet(['update'], { env }, soon);
  await until(async () => (await calls()).length >= 3, 'it to be tried again, twice');
  await writeFile(join(folder, 'free'), '');
  expect(await running).toBe('done\n');
  expect(new Set(await calls())).toEqual(
    new Set(['noninteractive C.UTF-8 -q -o DPkg::Lock::Timeout=120 update']),
  );
});

test('one that holds it for too long is told, by its number', async () => {
  await fakeApt(says(locked), 'exit 100');
  await expect(runAptGet(['update'], { env }, { everyMs: 5, forMs: 50 })).rejects.toThrow(
    /held by process 4711/,
  );
  expect((await calls()).length).toBeGreaterThan(1);
});

test('what failed for another reason is not tried again, though a lock was waited for on the way', async () => {
  const waited =
    'Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (dpkg)...';
  await fakeApt(says([waited, 'E: Unable to locate package nothing']), 'exit 100');
  await expect(runAptGet(['install', 'nothing'], { env }, soon)).rejects.toThrow(/Unable to locate/);
  expect(await calls()).toHaveLength(1);
});
