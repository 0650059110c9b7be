/** The sizing rule on the page is the one that the process is held to. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { defaultBudgetsMib } from '../../cmd/bridge-flag-table.ts';
import { BASE_MIB, BUDGET_FACTOR, CONNECTION_KIB, residentBoundMib, STREAM_KIB } from './resident-bound.ts';

interface Row {
  readonly limit: number;
  readonly traffic: number;
  readonly isSet: boolean;
  readonly transcripts: number;
  readonly bound: number;
  readonly streams: number;
  readonly idle: number;
}

async function readPage(): Promise<string> {
  const page = await readFile(new URL('../../docs/reliability.md', import.meta.url), 'utf8');
  return page.slice(page.indexOf('\n## Memory'));
}

function rowsOf(page: string): Row[] {
  const lines = page.matchAll(
    /^\| (\d+) MiB +\| (\d+) MiB each( \(set\))? +\| (\d+) MiB +\| (\d+) MiB +\| (\d+) +\| (\d+) +\|$/gm,
  );
  return Array.from(lines, ([, limit, traffic, set, ...rest]) => {
    const [transcripts = 0, bound = 0, streams = 0, idle = 0] = rest.map(Number);
    return {
      limit: Number(limit),
      traffic: Number(traffic),
      isSet: set !== undefined,
      transcripts,
      bound,
      streams,
      idle,
    };
  });
}

test('the rule stands on the page', async () => {
  expect(await readPage()).toContain(
    `${BASE_MIB} MiB + ${CONNECTION_KIB} KiB × connections + ${STREAM_KIB} KiB × streams + ${BUDGET_FACTOR} × (`,
  );
});

test('the table of pod sizes follows from the rule', async () => {
  const rows = rowsOf(await readPage());
  expect(rows).toHaveLength(6);
  for (const { limit, traffic, transcripts, bound, streams, idle } of rows) {
    const budgets = { inbound: traffic, clientSend: traffic, answers: traffic, transcripts };
    expect(residentBoundMib({ connections: 0, streams: 0 }, budgets)).toBe(bound);
    for (const served of [
      { connections: streams, streams },
      { connections: idle, streams: 0 },
    ]) {
      expect(residentBoundMib(served, budgets)).toBe(limit);
    }
  }
});

test('the budgets in it that are not set are what a pod of that size has', async () => {
  const rows = rowsOf(await readPage()).filter(({ isSet }) => !isSet);
  expect(rows).toHaveLength(4);
  for (const { limit, traffic, transcripts } of rows)
    expect(defaultBudgetsMib(limit * 1024 * 1024)).toEqual({ transcripts, traffic });
});
