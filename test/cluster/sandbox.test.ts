/** A run leaves nothing behind, however it ends. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, jest } from '@jest/globals';
import { within } from '../harness/wait-for.ts';
import { endMs, startRun as startNestedRun } from './nested-run.ts';
import { testWithFaults } from './start-control-plane.ts';

/** A control plane starts in three or four seconds; this is for a machine that does much else. */
const startMs = 90_000;
jest.setTimeout(startMs + 60_000);

const startRun = () => startNestedRun({ file: join(import.meta.dirname, 'run.ts'), startMs });

testWithFaults('a run that is killed from outside takes its control plane with it', async () => {
  await using run = await startRun();
  run.outside.kill('SIGKILL');
  await run.isOver();
  await expect(stat(run.folder)).rejects.toMatchObject({ code: 'ENOENT' });
});

testWithFaults(
  'a run whose sandbox is killed takes its control plane with it, and says that it failed',
  async () => {
    await using run = await startRun();
    const [unshare] = (await run.processes()).filter(({ command }) => command.startsWith('unshare'));
    process.kill(Number(unshare?.pid), 'SIGKILL');
    await run.isOver();
    expect(await within(run.exitCode, 'its exit code', endMs)).toBe(1);
    await expect(stat(run.folder)).rejects.toMatchObject({ code: 'ENOENT' });
  },
);

testWithFaults('a run that is told to end does so, and removes its folder', async () => {
  await using run = await startRun();
  run.outside.kill('SIGTERM');
  await run.isOver();
  expect(await within(run.exitCode, 'its exit code', endMs)).toBe(1);
  await expect(stat(run.folder)).rejects.toMatchObject({ code: 'ENOENT' });
});
