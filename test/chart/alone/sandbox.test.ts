/** A run leaves nothing behind, control groups neither, and is never green on a cluster that is broken. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { endMs, startRun, type NestedRun } from '../../cluster/nested-run.ts';
import { until, within } from '../../harness/wait-for.ts';
import { controlGroupsOf } from '../control-groups.ts';
import { nodePlace } from '../node-place.ts';

const startNodes = (): Promise<NestedRun> =>
  startRun({
    file: join(import.meta.dirname, '../run.ts'),
    // there is no network here to build another one with
    env: { TURNBRIDGE_TEST_IMAGE: nodePlace().imageArchive },
    startMs: 240_000,
  });
const testMs = 300_000;

test(
  'a run that is killed from outside takes its nodes with it, and their control groups',
  async () => {
    await using run = await startNodes();
    expect(controlGroupsOf(run.folder)).not.toEqual([]);
    run.outside.kill('SIGKILL');
    await run.isOver();
    await expect(stat(run.folder)).rejects.toMatchObject({ code: 'ENOENT' });
    await until(() => controlGroupsOf(run.folder).length === 0, 'its control groups to go', endMs);
  },
  testMs,
);

test(
  'a run whose kubelet ends says so, and fails',
  async () => {
    await using run = await startNodes();
    const kubelet = (await run.processes()).find(({ command }) =>
      command.includes('--hostname-override=node2'),
    );
    process.kill(Number(kubelet?.pid), 'SIGKILL');
    expect(await within(run.exitCode, 'its exit code', endMs)).toBe(1);
    expect(run.said()).toContain('kubelet of node2 has ended');
    await run.isOver();
    expect(controlGroupsOf(run.folder)).toEqual([]);
  },
  testMs,
);
