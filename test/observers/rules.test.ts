/** The shipped rules: promtool takes them, each alert was seen to fire and to keep still, and has its runbook. */
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { CATALOGUE } from '../../src/telemetry/metrics/metric-catalogue.ts';
import { OWN_FAULTS } from '../../src/telemetry/names.ts';
import { problemsIn } from './known-metrics.ts';
import { promtool } from './prometheus-program.ts';
import { groupingLabelsIn } from './promql.ts';
import { alertRules, dashboards, recordingRules, rulesFile, rulesText, watched } from './shipped.ts';
import { usePrometheus } from './use-observers.ts';

usePrometheus();

const testFolder = join(import.meta.dirname, 'rules');
const testFiles = readdirSync(testFolder).filter((name) => name.endsWith('.test.yaml'));
const operations = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
/** A loaded machine takes several times the seconds that a quiet one does. */
const ruleTestsTimeoutMs = 180_000;

test('promtool takes the rules', async () => {
  const checked = await promtool(['check', 'rules', rulesFile]);
  expect({ code: checked.code, output: checked.output }).toMatchObject({ code: 0 });
  expect(checked.output).toContain(`${alertRules().length + recordingRules().length} rules found`);
});

test.each(testFiles)(
  'the alerts behave as %s says',
  async (name) => {
    const tested = await promtool(['test', 'rules', join(testFolder, name)]);
    expect({ code: tested.code, output: tested.output }).toMatchObject({ code: 0 });
  },
  ruleTestsTimeoutMs,
);

interface Expectation {
  readonly expr: string;
  readonly exp_samples: readonly { readonly labels: string }[];
}

test('each alert is expected to fire in one of these tests, and to keep still in another', () => {
  const expectations = testFiles.flatMap((name) => {
    const { tests } = parse(readFileSync(join(testFolder, name), 'utf8')) as {
      tests: { promql_expr_test: Expectation[] }[];
    };
    return tests.flatMap((each) => each.promql_expr_test);
  });
  const missing: string[] = [];
  for (const { alert, labels } of alertRules()) {
    const about = expectations.filter(({ expr }) => expr.includes(`alertname="${alert}"`));
    const firing = `ALERTS{alertname="${alert}", alertstate="firing", severity="${labels['severity']}"`;
    const fires = expectations.some((each) => each.exp_samples.some((one) => one.labels.startsWith(firing)));
    if (!fires) missing.push(`${alert} never fires`);
    if (!about.some(({ exp_samples }) => exp_samples.length === 0))
      missing.push(`${alert} never keeps still`);
  }
  expect(missing).toEqual([]);
});

test('rules name metrics, labels and outcomes that exist', () => {
  const recorded = new Set(recordingRules().map(({ record }) => record));
  const wrong = [...recordingRules(), ...alertRules()].flatMap(({ expr }) => problemsIn(expr, recorded));
  expect(wrong).toEqual([]);
});

test('a provider is blamed for all errors but those that the bridge itself made', () => {
  const { expr = '' } = alertRules().find(({ alert }) => alert === 'TurnbridgeProviderErrorRate') ?? {};
  const leftOut = [...expr.matchAll(/error_type!~"([^"]*)"/g)].map(([, words]) => new Set(words?.split('|')));
  expect(leftOut).toEqual([OWN_FAULTS, OWN_FAULTS, OWN_FAULTS]);
});

test('what docs/operations.md says to watch has a query for each question, of metrics that exist', () => {
  const recorded = new Set(recordingRules().map(({ record }) => record));
  expect(watched().length).toBeGreaterThan(0);
  expect(watched().filter(({ queries }) => queries.length === 0)).toEqual([]);
  const wrong = watched().flatMap(({ queries }) => queries.flatMap((query) => problemsIn(query, recorded)));
  expect(wrong).toEqual([]);
});

test('every recorded series is used by an alert or a dashboard', () => {
  const users = [...alertRules().map(({ expr }) => expr), JSON.stringify([...dashboards()])].join('\n');
  const unused = recordingRules().filter(({ record }) => !users.includes(record));
  expect(unused.map(({ record }) => record)).toEqual([]);
});

describe('each alert', () => {
  test('says what is wrong, how bad it is, where to look and what to do', () => {
    const anchors = alertRules().map(({ alert, labels, annotations }) => {
      const { summary = '', description = '', dashboard = '' } = annotations;
      expect(summary).toMatch(/^[A-Z].+\.$/);
      expect(description).toMatch(/\.$/);
      expect(['page', 'ticket']).toContain(labels['severity']);
      expect([...dashboards().values()].map(({ uid }) => `/d/${uid}`)).toContain(dashboard.split('?')[0]);
      expect(annotations['runbook_url']).toBe(
        `https://turnbridge.dev/docs/operations#${alert.toLowerCase()}`,
      );
      return alert;
    });
    expect(new Set(anchors).size).toBe(anchors.length);
  });

  test('leads to another place after the one command that the file and docs/operations.md give', () => {
    const commands = [rulesText(), operations].map((text) => /sed -i 's#(\S+)#(\S+)#'/.exec(text)?.slice(1));
    const [from = '', to = ''] = commands[0] ?? [];
    expect(commands[1]).toEqual([from, to]);
    const changed = rulesText()
      .split('\n')
      .map((line) => line.replace(from, to))
      .join('\n');
    const places = [...changed.matchAll(/runbook_url: (\S+)#/g)].map(([, place]) => place);
    expect(places).toEqual(alertRules().map(() => to));
  });

  test('speaks only of labels that its expression leaves', () => {
    const wrong = alertRules().flatMap(({ alert, expr, annotations }) => {
      // an expression without an aggregation leaves what the target has
      const left = [
        ...groupingLabelsIn(expr),
        ...(/\bby\b/.test(expr) ? [] : ['instance', 'job', 'namespace', 'pod']),
      ];
      const target = expr.includes('turnbridge:') ? ['job', 'namespace'] : [];
      const named = [
        ...Object.values(annotations)
          .join(' ')
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, name]) => name ?? '');
      return named.filter((name) => ![...left, ...target].includes(name)).map((name) => `${alert}: ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  test('has a section in docs/operations.md that says meaning, impact, where to look and what to do; no other has one', () => {
    const sections = operations
      .split(/^### /m)
      .slice(1)
      .map((text) => text.split(/^## /m)[0] ?? '');
    const runbooks = sections.filter((text) => /^Turnbridge[A-Z]/.test(text));
    const titled = runbooks.map((text) => /^\w+/.exec(text)?.[0] ?? '');
    expect(titled.toSorted()).toEqual(
      alertRules()
        .map(({ alert }) => alert)
        .toSorted(),
    );
    for (const text of runbooks) {
      for (const part of ['Meaning', 'Impact', 'Look at', 'Do']) expect(text).toContain(`**${part}.**`);
    }
  });

  test('is in the table of docs/operations.md, with its severity and how long it waits', () => {
    const rows = [...operations.matchAll(/^\| \[(Turnbridge\w+)\]\(#(\w+)\)\s*\| (\w+)\s*\| (\w+)\s*\|/gm)];
    const documented = rows.map(([, alert, anchor, severity, wait]) => ({ alert, anchor, severity, wait }));
    const shipped = alertRules().map(({ alert, labels, for: wait = '0' }) => ({
      alert,
      anchor: alert.toLowerCase(),
      severity: labels['severity'],
      wait,
    }));
    expect(documented).toEqual(shipped);
  });
});

describe('the examples of docs/operations.md', () => {
  /** The YAML block below the comment that names its file. */
  const example = (file: string): string =>
    operations.split(`<!-- ${file} -->`)[1]?.split('```yaml\n')[1]?.split('```')[0] ?? '';

  test('for Prometheus is a configuration that it takes, with the shipped rules', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-rules-'));
    try {
      await writeFile(join(folder, 'prometheus.yml'), example('prometheus.yml'));
      await copyFile(rulesFile, join(folder, 'turnbridge.rules.yaml'));
      const { code, output } = await promtool(['check', 'config', join(folder, 'prometheus.yml')]);
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain('1 rule files found');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.each(['prometheus.yml', 'servicemonitor.yaml', 'grafana.yaml'])('%s is YAML', (file) => {
    expect(Object.keys(parse(example(file)) as object)).not.toEqual([]);
  });
});

test('a chart can embed the file as it is: no line is a template of Helm', () => {
  // Prometheus' own templates are in quoted annotations or dashboard links only
  const templated = rulesText()
    .split('\n')
    .filter((line) => line.includes('{{') && !/^\s+(?:description|dashboard): /.test(line));
  expect(templated).toEqual([]);
});

test('what providers do to each other is watched: rests, failover, and falls back to another transport', () => {
  const watching = (metric: string) => alertRules().filter(({ expr }) => expr.includes(metric)).length;
  const recorded = new Map(recordingRules().map(({ record, expr }) => [record, expr]));
  expect(recorded.get('turnbridge:failovers:ratio_rate10m')).toContain(CATALOGUE.failovers.name);
  for (const { name } of [CATALOGUE.providerEjected, CATALOGUE.failovers, CATALOGUE.transportFallbacks])
    expect(`${name}: ${watching(name)}`).toBe(`${name}: 1`);
});
