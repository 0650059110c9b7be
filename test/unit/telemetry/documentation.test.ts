import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { FrameCounts } from '../../../src/client/facts.ts';
import type { LogFields } from '../../../src/telemetry/log/log-line.ts';
import type { Log } from '../../../src/telemetry/log/log.ts';
import { CATALOGUE } from '../../../src/telemetry/metrics/metric-catalogue.ts';
import { openMetrics } from '../../../src/telemetry/metrics/metrics.ts';
import { LOG_EVENTS, OUTCOME_CLASSES } from '../../../src/telemetry/names.ts';
import { turnLog } from '../../../src/telemetry/log/turn-log.ts';
import { connectionRecord, turnRecord } from './records.ts';

function page(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

/** Cells of all table rows below a heading (or in the whole page) whose first cell holds code. */
function rows(text: string, heading = ''): string[][] {
  const start = text.indexOf(heading);
  const next = heading === '' ? -1 : text.indexOf('\n## ', start + 1);
  return text
    .slice(start, next === -1 ? undefined : next)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The words in backticks. */
function codes(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

async function registered(): Promise<Map<string, string>> {
  const metrics = openMetrics({
    version: '0',
    gauges: {
      connections: () => 0,
      connectionsLimit: () => 0,
      queuedBytes: () => ({ client_send: 0, inbound: 0, lane_queue: 0, answer: 0 }),
      transcriptBytes: () => 0,
      ready: () => true,
      draining: () => false,
    },
    frameCounts: new FrameCounts(0),
    eventNames: [],
  });
  return new Map(
    [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]),
  );
}

test('docs/metrics.md lists every metric there is, with its type, labels and meaning, and no other', async () => {
  const types = await registered();
  const documented = rows(page('metrics.md')).map(([name, type, labels, meaning]) => ({
    name: codes(name)[0] ?? '',
    type,
    labels: codes(labels),
    meaning,
  }));
  const ours = Object.values(CATALOGUE).map(({ name, labels, help }) => ({
    name,
    type: types.get(name),
    labels: [...labels],
    meaning: help,
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(documented.sort(byName)).toEqual(ours.sort(byName));
  expect([...types.keys()].filter((name) => name.startsWith('turnbridge_')).sort()).toEqual(
    ours.map(({ name }) => name),
  );
});

test('docs/metrics.md names what the runtime adds', async () => {
  const named = codes(page('metrics.md')).filter((word) => /^(process|nodejs)_/.test(word));
  const actual = [...(await registered()).keys()].filter((name) => !name.startsWith('turnbridge_'));
  expect(named).toEqual(expect.arrayContaining(actual));
});

test('docs/metrics.md names every outcome', () => {
  expect(codes(page('metrics.md'))).toEqual(expect.arrayContaining(Object.keys(OUTCOME_CLASSES)));
});

test('docs/logs.md lists every event there is and no other', () => {
  expect(rows(page('logs.md'), '## Events').map(([event]) => codes(event)[0])).toEqual([...LOG_EVENTS]);
});

/** The fields that a line really has. */
function fieldsOf(speak: (listeners: ReturnType<typeof turnLog>) => void): string[] {
  let heard: LogFields = {};
  const take = (_event: string, _msg: string, fields: LogFields = {}): void => {
    heard = fields;
  };
  const log: Log = {
    debug: take,
    info: take,
    warn: take,
    error: take,
    warnRepeated: () => undefined,
    close: () => Promise.resolve(),
    stats: { lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 },
  };
  speak(turnLog(log));
  return Object.keys(heard).sort();
}

test('docs/logs.md lists the fields of turn.end and of connection.close', () => {
  const documented = (heading: string) =>
    rows(page('logs.md'), heading)
      .flatMap(([names]) => codes(names))
      .sort();
  expect(documented('## Fields of `turn.end`')).toEqual(
    fieldsOf((listeners) => listeners.turnFacts({ kind: 'turn.ended', turn: turnRecord() })),
  );
  expect(documented('## Fields of `connection.close`')).toEqual(
    fieldsOf((listeners) =>
      listeners.clientFacts({ kind: 'connection.closed', connection: connectionRecord() }),
    ),
  );
});
