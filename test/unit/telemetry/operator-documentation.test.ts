/** docs/operator.md says what the source says. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { OPERATOR_FLAGS } from '../../../cmd/operator-flag-table.ts';
import { OPERATOR_CATALOGUE } from '../../../src/telemetry/operator/operator-catalogue.ts';
import {
  openOperatorMetrics,
  type OperatorMetrics,
} from '../../../src/telemetry/operator/operator-metrics.ts';
import { parseText } from './exposition-parser.ts';

const page = readFileSync(new URL('../../../docs/operator.md', import.meta.url), 'utf8');
const DEFINITIONS = Object.values(OPERATOR_CATALOGUE);

/** Cells of the rows whose first cell is code, of all tables with so many columns below a heading. */
function rows(columns: number, heading: string): string[][] {
  const start = page.indexOf(heading);
  return page
    .slice(start, page.indexOf('\n## ', start + 1) + 1 || undefined)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((row) => row.length === columns);
}

function codes(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

function open(): OperatorMetrics {
  const metrics = openOperatorMetrics({
    version: '1',
    revision: 'r',
    node: 'v24',
    queues: ['snapshot', 'status'],
    logStats: () => ({ lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 }),
  });
  const queue = { depth: 1, activeWorkers: 1, unfinishedSeconds: 1, longestRunningSeconds: 1 };
  metrics.show({
    queues: { snapshot: queue },
    concurrency: { snapshot: 1 },
    lease: 'l',
    leads: () => true,
    ready: () => true,
    reflectors: () => [],
    routes: () => [{ state: 'ready', reason: 'Ready', routes: 1 }],
    stores: () => [],
    unreadableNamespaces: () => 1,
    pods: () => 1,
  });
  return metrics;
}

test('every metric is listed with its type, labels and meaning, and no other', () => {
  const documented = rows(4, '## Metrics').map(([name, kind, labels, help]) => ({
    name: codes(name)[0],
    kind,
    labels: codes(labels),
    help,
  }));
  const actual = DEFINITIONS.map(({ name, kind, labels, help }) => ({
    name,
    kind,
    labels: [...labels],
    help,
  }));
  const byName = (a: { name: string | undefined }, b: { name: string | undefined }) =>
    (a.name ?? '') < (b.name ?? '') ? -1 : 1;
  expect(documented.sort(byName)).toEqual(actual.sort(byName));
});

test('the process shows what the page names, and nothing else', async () => {
  const metrics = open();
  const { body } = await metrics.text(undefined);
  metrics.close();
  const named = new Set(codes(page.slice(page.indexOf('\n## Metrics'))));
  const shown = [...parseText(body).types.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
  expect(shown.filter((name) => !named.has(name))).toEqual([]);
  expect(DEFINITIONS.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([]);
});

test('what controllers count is there with 0 before anything has happened', async () => {
  const metrics = open();
  const { body } = await metrics.text(undefined);
  metrics.close();
  for (const result of ['success', 'error', 'requeue', 'requeue_after'])
    expect(body).toContain(`controller_runtime_reconcile_total{controller="snapshot",result="${result}"} 0`);
  expect(body).toContain('workqueue_adds_total{name="status"} 0');
});

test('the buckets of every histogram are listed', () => {
  const documented = rows(2, '### Buckets').map(([name, bounds]) => [codes(name)[0], bounds]);
  const actual = DEFINITIONS.filter(({ kind }) => kind === 'histogram').map(({ name, buckets }) => [
    name,
    buckets.join(', '),
  ]);
  expect(documented).toEqual(actual);
});

test('every flag is listed with its default and its sentence', () => {
  const documented = rows(3, '## Flags').map(([flag, fallback, help]) => [
    codes(flag)[0],
    codes(fallback)[0] ?? fallback,
    help,
  ]);
  const actual = Object.entries(OPERATOR_FLAGS).map(([name, flag]) => {
    const fallback: string | undefined = flag.default;
    return [`--${name} ${flag.value}`, fallback === undefined ? 'must be given' : fallback || '–', flag.help];
  });
  expect(documented).toEqual(actual);
});
