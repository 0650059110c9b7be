import { mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { installLockPath, installOnce, type Installation } from './install-lock.ts';
import { mustRun, runCommand } from './run-command.ts';
import { until } from './wait-for.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-install-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Something that is installed when its folder is there; `done` counts the installs. */
function thing(install: (path: string) => Promise<void> = (path) => mkdir(path).then(() => {})): {
  readonly installation: Installation;
  readonly done: () => number;
} {
  const path = join(folder, 'thing');
  let done = 0;
  return {
    installation: {
      of: path,
      isInstalled: () => exists(path),
      async install() {
        done += 1;
        await install(path);
      },
    },
    done: () => done,
  };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

test('of many who need it at once, one installs, and all go on when it is there', async () => {
  const { installation, done } = thing();
  await Promise.all(Array.from({ length: 5 }, () => installOnce(installation)));
  expect(done()).toBe(1);
  await installOnce(installation);
  expect(done()).toBe(1);
});

test('who comes while another one installs waits until that is done', async () => {
  const gate = Promise.withResolvers<void>();
  const { installation, done } = thing(async (path) => {
    await gate.promise;
    await mkdir(path);
  });
  const first = installOnce(installation);
  await until(() => done() === 1, 'the first install');
  let secondIsThrough = false;
  const second = installOnce(installation).then(() => (secondIsThrough = true));
  await until(() => exists(installLockPath(installation.of)), 'the lock');
  expect(secondIsThrough).toBe(false);
  gate.resolve();
  await Promise.all([first, second]);
  expect(done()).toBe(1);
  expect(await exists(installLockPath(installation.of))).toBe(false);
});

test('an install that fails is told, and the next caller tries again', async () => {
  let fails = true;
  const { installation, done } = thing(async (path) => {
    if (fails) throw new Error('no room');
    await mkdir(path);
  });
  await expect(installOnce(installation)).rejects.toThrow('no room');
  fails = false;
  await installOnce(installation);
  expect(done()).toBe(2);
});

test('the lock of a process that was killed is taken over', async () => {
  const { installation, done } = thing();
  const lock = installLockPath(installation.of);
  await mkdir(lock);
  const longAgo = new Date(Date.now() - 10 * 60_000);
  await utimes(lock, longAgo, longAgo);
  await installOnce(installation);
  expect(done()).toBe(1);
});

test('a command that fails is an error with what it printed; one that may fail is a result', async () => {
  const args = ['-c', 'cat; echo out; echo err >&2; exit 3'];
  await expect(mustRun('sh', args)).rejects.toThrow(/ended with 3:\n[^]*err/);
  const result = await runCommand('sh', args, { input: 'in ' });
  expect(result).toMatchObject({ code: 3, stdout: 'in out\n' });
  expect(result.output).toContain('err\n');
  await expect(runCommand('no-such-program', [])).rejects.toThrow('ENOENT');
});
