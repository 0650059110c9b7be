import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { LogFields } from '../../../src/telemetry/log/log-line.ts';
import type { Log } from '../../../src/telemetry/log/log.ts';
import { GENAI_LATEST, GENAI_V1_41 } from '../../../src/telemetry/metrics/genai-catalogue.ts';
import { CATALOGUE } from '../../../src/telemetry/metrics/metric-catalogue.ts';
import type { MetricDefinition, MetricKind } from '../../../src/telemetry/metrics/metric-definition.ts';
import { LOG_EVENTS, OUTCOME_CLASSES, type Semconv } from '../../../src/telemetry/names.ts';
import { ATTRIBUTE_NAMES, type SpanAttributes } from '../../../src/telemetry/spans/attribute-names.ts';
import { handshakeAttributes } from '../../../src/telemetry/spans/handshake-attributes.ts';
import {
  attemptAttributes,
  dialAttributes,
  inferenceAttributes,
} from '../../../src/telemetry/spans/provider-attributes.ts';
import { choiceEvent, type Choice } from '../../../src/telemetry/spans/turn-choices.ts';
import { turnAttributes } from '../../../src/telemetry/spans/turn-attributes.ts';
import { turnLog } from '../../../src/telemetry/log/turn-log.ts';
import { parseText } from './exposition-parser.ts';
import { open } from './metrics-setup.ts';
import { attemptRecord, connectionRecord, handshakeRecord, turnRecord } from './records.ts';

const SEMCONVS: readonly Semconv[] = ['latest', 'v1.41'];

const DEFINITIONS = [CATALOGUE, GENAI_LATEST, GENAI_V1_41].flatMap(
  (set): MetricDefinition<MetricKind, string>[] => Object.values(set),
);

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

function isOfTheRuntime(name: string): boolean {
  return /^(process|nodejs)_/.test(name);
}

/** Every metric of a process, with its type; of both sets of conventional names. */
async function registered(): Promise<ReadonlyMap<string, string>> {
  const bodies = await Promise.all(
    (['latest', 'v1.41'] as const).map(async (semconv) => (await open({ semconv }).text()).body),
  );
  return new Map(bodies.flatMap((body) => [...parseText(body).types]));
}

test('docs/metrics.md lists every metric there is, with its type, labels and meaning, and no other', async () => {
  const types = await registered();
  const listed = rows(page('metrics.md')).filter((row) => row.length === 4);
  const documented = listed.map(([name, type, labels, meaning]) => ({
    name: codes(name)[0] ?? '',
    type,
    labels: codes(labels),
    meaning,
  }));
  const ours = DEFINITIONS.map(({ name, labels, help }) => ({
    name,
    type: types.get(name),
    labels: [...labels],
    meaning: help,
  }));
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  expect(documented.sort(byName)).toEqual(ours.sort(byName));
  expect([...types.keys()].filter((name) => !isOfTheRuntime(name)).sort()).toEqual(
    ours.map(({ name }) => name),
  );
});

test('docs/metrics.md lists the buckets of every histogram', () => {
  const documented = rows(page('metrics.md'), '## Buckets').flatMap(([names, bounds]) =>
    codes(names).map((name) => [name, bounds]),
  );
  const actual = DEFINITIONS.filter(({ kind }) => kind === 'histogram').map(({ name, buckets }) => [
    name,
    buckets.join(', '),
  ]);
  expect(new Map(documented as [string, string][])).toEqual(new Map(actual as [string, string][]));
});

test('docs/metrics.md names what the runtime adds', async () => {
  const named = codes(page('metrics.md')).filter(isOfTheRuntime);
  const actual = [...(await registered()).keys()].filter((name) => isOfTheRuntime(name));
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

const CHOICES: readonly Choice[] = [
  { kind: 'turn.failover', turn: turnRecord(), from: 'one', to: 'two', cause: 'Timeout' },
  { kind: 'turn.failover-denied', turn: turnRecord(), provider: 'one', providers: 2, reason: 'budget' },
  { kind: 'turn.transport-fallback', turn: turnRecord(), provider: 'one', known: 'now', reason: 'too_large' },
];

test('docs/traces.md names every event of a turn by which it changed its provider or its transport', () => {
  const text = page('traces.md');
  for (const choice of CHOICES) expect(text).toContain(`\`${choiceEvent(choice).name}\``);
});

describe('the attributes of docs/traces.md', () => {
  const text = page('traces.md').split('## Attributes')[1]?.split('\n## ')[0] ?? '';
  const table = new Map(
    [...text.matchAll(/^\| ([\w ]+?) +\| (`.+) \|$/gm)].map(([, span = '', cell]) => [
      span,
      codes(cell).toSorted(),
    ]),
  );
  const dial = { startedAt: 1, endedAt: 2, dnsMs: 1, tcpMs: 1, tlsMs: 1, errorType: undefined };

  /** What the source can set on each kind of span, the two sets of names of the conventions together. */
  const settable: Readonly<Record<string, readonly SpanAttributes[]>> = {
    handshake: [handshakeAttributes(handshakeRecord())],
    turn: [turnAttributes(turnRecord())],
    chat: SEMCONVS.map((semconv) => inferenceAttributes(turnRecord(), attemptRecord(), semconv)),
    attempt: [attemptAttributes(attemptRecord())],
    'upstream connect': [dialAttributes('https://provider.example', dial)],
    links: [{ 'turnbridge.link': 'connection' }],
    'span events': CHOICES.map((choice) => choiceEvent(choice).attributes),
  };

  test('are named for exactly these kinds of spans', () => {
    expect([...table.keys()]).toEqual(Object.keys(settable));
  });

  test.each(Object.keys(settable))('are those that the source can set: %s', (span) => {
    const names = settable[span]?.flatMap((attributes) => Object.keys(attributes));
    expect(table.get(span)).toEqual([...new Set(names)].toSorted());
  });

  test('together are all that there are', () => {
    expect(new Set([...table.values()].flat())).toEqual(new Set(ATTRIBUTE_NAMES));
  });
});
