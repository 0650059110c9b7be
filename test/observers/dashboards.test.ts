/** The shipped dashboards: Grafana can import them anywhere, and they ask for nothing that does not exist. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CATALOGUE } from '../../src/telemetry/metrics/metric-catalogue.ts';
import { ATTRIBUTE_NAMES } from '../../src/telemetry/spans/attribute-names.ts';
import { problemsIn } from './known-metrics.ts';
import { selectorsIn } from './promql.ts';
import { dashboards, dashboardText, queriesOf, recordingRules, type Panel } from './shipped.ts';

/** A ConfigMap holds 1 MiB with everything in it; Grafana's sidecar mounts each dashboard from one. */
const maxDashboardBytes = 512 * 1024;
/** Those that carry trace ids: others have no exemplars to show. */
const withExemplars =
  /^turnbridge_(?:turn_duration|turn_time_to_first_output|provider_attempt_duration)_seconds_bucket$/;

/** Its pods are not those that one chooses among. */
const ofTheOperator = /^(?:turnbridge_operator|leader_election)_/;

interface Panes {
  readonly a: { readonly queries: readonly [{ readonly query?: string; readonly expr?: string }] };
}

const logPage = readFileSync(join(import.meta.dirname, '../../docs/logs.md'), 'utf8');

const recorded = new Set(recordingRules().map(({ record }) => record));

test('there is one for the whole and one for turns, under addresses that stay', () => {
  expect([...dashboards().values()].map(({ uid, title }) => [uid, title])).toEqual([
    ['turnbridge-overview', 'Turnbridge / overview'],
    ['turnbridge-turns', 'Turnbridge / turn detail'],
  ]);
});

describe.each([...dashboards()])('%s', (name, dashboard) => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const charts = panels.filter(({ type }) => type !== 'text');

  test('can be imported: a schema that Grafana 11 and later read, editable, small enough for a ConfigMap', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.editable).toBe(true);
    expect(Buffer.byteLength(dashboardText(name))).toBeLessThan(maxDashboardBytes);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('takes its data source from a variable, everywhere', () => {
    const uids = [...dashboardText(name).matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid);
    expect(new Set(uids.filter((uid) => uid !== dashboard.uid))).toEqual(new Set(['${datasource}']));
  });

  test('has variables that also work where nothing has their label', () => {
    const queried = dashboard.templating.list.filter(({ type }) => type === 'query');
    const names = queried.map((variable) => variable.name);
    expect(names.slice(0, 5)).toEqual(['namespace', 'pod', 'route', 'provider', 'model']);
    // an absent label matches .* and would not match a list of its values
    for (const { allValue, includeAll } of queried)
      expect({ allValue, includeAll }).toEqual({ allValue: '.*', includeAll: true });
    const wrong = queried.flatMap(({ definition = '' }) => problemsIn(definition, recorded));
    expect(wrong).toEqual([]);
  });

  test('names metrics, labels and outcomes that exist', () => {
    expect(queriesOf(dashboard).flatMap(({ expr }) => problemsIn(expr, recorded))).toEqual([]);
  });

  test('narrows every query to the chosen namespace and pod, which is one of a bridge', () => {
    const loose = queriesOf(dashboard).flatMap(({ panel, expr }) =>
      selectorsIn(expr)
        .filter(({ metric, labels }) => {
          const has = (label: string): boolean =>
            labels.some((each) => each.name === label && each.operator === '=~');
          return !has('namespace') || (!has('pod') && !recorded.has(metric) && !ofTheOperator.test(metric));
        })
        .map(({ metric }) => `${panel}: ${metric}`),
    );
    expect(loose).toEqual([]);
  });

  test('has a description in each panel that says what to do, and units', () => {
    for (const { title, description = '' } of panels) {
      expect(`${title}: ${description}`).toMatch(/^[^:]+: [A-Z].{30,}\.$/);
    }
    const unitOf = ({ fieldConfig, options }: Panel): string | undefined =>
      options?.yAxis?.unit ?? fieldConfig?.defaults.unit;
    expect(charts.filter((panel) => unitOf(panel) === undefined).map(({ title }) => title)).toEqual([]);
  });

  test('has legends that tell the lines of a panel apart', () => {
    const wrong = charts
      .filter(({ type }) => type === 'timeseries')
      .filter(({ targets = [], options }) => {
        const legends = targets.map(({ legendFormat }) => legendFormat);
        const isNamed = targets.every(({ expr, legendFormat }) => {
          const by = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? [];
          return by.every((label) => label === 'le' || legendFormat.includes(`{{${label}}}`));
        });
        return !isNamed || new Set(legends).size !== legends.length || options?.legend?.showLegend !== true;
      });
    expect(wrong.map(({ title }) => title)).toEqual([]);
  });

  test('asks for exemplars where there are some', () => {
    const targets = charts
      .filter(({ type }) => type !== 'stat') // shows one number, and no dots
      .flatMap(({ targets = [] }) => targets);
    const wrong = targets.filter(({ expr, exemplar = false }) => {
      const can = selectorsIn(expr).some(({ metric }) => withExemplars.test(metric)) && expr.includes('(le');
      const isRatio = expr.includes(' / ');
      return can && !isRatio ? !exemplar : exemplar;
    });
    expect(wrong.map(({ expr }) => expr)).toEqual([]);
  });

  test('has panels that do not lie on each other', () => {
    const cells = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          const cell = `${x},${y}`;
          expect(`${title} on ${cells.get(cell) ?? 'nothing'}`).toBe(`${title} on nothing`);
          cells.set(cell, title);
        }
      }
    }
  });
});

test('its links open Explore with queries for the chosen turns, by attributes and fields that exist', () => {
  const links = dashboards().get('turn-detail.json')?.links ?? [];
  const queries = ['Traces', 'Logs'].map((title) => {
    const url = links.find((link) => link.title === title)?.url ?? '';
    // as Grafana fills it in: two values are joined by a bar
    const filled = url.replaceAll(/\$\{[\w:]+\}/g, 'gpt-5.3|other');
    const panes = JSON.parse(new URLSearchParams(filled.split('?')[1]).get('panes') ?? '') as Panes;
    return panes.a.queries[0].query ?? panes.a.queries[0].expr ?? '';
  });
  const [traces = '', logs = ''] = queries;
  const attributes = [...traces.matchAll(/span\.([a-z.]+)/g)].map(([, name = '']) => name);
  expect(attributes).toEqual(['turnbridge.provider', 'turnbridge.model', 'turnbridge.outcome']);
  for (const name of attributes) expect(ATTRIBUTE_NAMES).toContain(name);
  const fields = [...logs.matchAll(/\| (\w+) =/g)].map(([, name = '']) => name);
  expect(fields).toEqual(['event', 'provider', 'model', 'outcome']);
  for (const name of fields) expect(logPage).toContain(`\`${name}\``);
});

test('every metric of providers and of WebSockets that are passed on is on a dashboard', () => {
  const all = [...dashboards().keys()].map(dashboardText).join('\n');
  // counted for those who ask: how often is on the timeline, bytes and opened ones are rarely looked at
  const unseen = new Set<string>([
    CATALOGUE.providerEjections.name,
    CATALOGUE.providerSocketsOpened.name,
    CATALOGUE.tunnels.name,
    CATALOGUE.tunnelBytes.name,
  ]);
  const names = Object.values(CATALOGUE)
    .map(({ name }): string => name)
    .filter((name) => /^turnbridge_(?:provider|tunnel)/.test(name));
  expect(names.filter((name) => !all.includes(name)).toSorted()).toEqual([...unseen].toSorted());
});
