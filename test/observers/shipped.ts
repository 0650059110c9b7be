/** The dashboards and rules that are shipped, as far as tests look at them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const chart = join(import.meta.dirname, '../../charts/turnbridge');

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Where the rules are, for promtool. */
export const rulesFile = join(chart, 'rules/turnbridge.rules.yaml');

/** The rule file as it is. */
export function rulesText(): string {
  return readFileSync(rulesFile, 'utf8');
}

function allRules(): readonly (RecordingRule | AlertRule)[] {
  const { groups } = parse(rulesText()) as { groups: { rules: (RecordingRule | AlertRule)[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function recordingRules(): readonly RecordingRule[] {
  return allRules().filter((rule): rule is RecordingRule => 'record' in rule);
}

export function alertRules(): readonly AlertRule[] {
  return allRules().filter((rule): rule is AlertRule => 'alert' in rule);
}

export interface DashboardTarget {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly exemplar?: boolean;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly DashboardTarget[];
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly options?: {
    readonly yAxis?: { readonly unit?: string };
    readonly legend?: { readonly showLegend?: boolean };
  };
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
  readonly allValue?: string;
  readonly includeAll: boolean;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly editable: boolean;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly links: readonly { readonly title: string; readonly url: string }[];
}

/** By file name. */
export function dashboards(): ReadonlyMap<string, Dashboard> {
  const folder = join(chart, 'dashboards');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return new Map(
    names.map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard]),
  );
}

/** A dashboard's file as text. */
export function dashboardText(name: string): string {
  return readFileSync(join(chart, 'dashboards', name), 'utf8');
}

/** Each row of "What to watch" in docs/operations.md, with what to ask Prometheus without Grafana; empty if nothing. */
export function watched(): readonly { readonly question: string; readonly queries: readonly string[] }[] {
  const page = readFileSync(join(chart, '../../docs/operations.md'), 'utf8');
  const section = page.split('\n## What to watch\n')[1]?.split('\n## ')[0] ?? '';
  const [, block = ''] = /```promql\n(.*?)```/s.exec(section) ?? [];
  const [, ...rows] = [...section.matchAll(/^\| (\w[^|]*?) +\|/gm)].map(([, question = '']) => question);
  return rows.map((question) => {
    const asked = block.split(`# ${question}\n`)[1]?.split('\n#')[0] ?? '';
    return { question, queries: asked.split('\n').filter((line) => line !== '') };
  });
}

/** Every query of a dashboard's panels and annotations, with the panel's title for messages. */
export function queriesOf(
  dashboard: Dashboard,
): readonly { readonly panel: string; readonly expr: string }[] {
  const ofPanels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: title, expr })),
  );
  return [...ofPanels, ...dashboard.annotations.list.map(({ expr }) => ({ panel: 'annotation', expr }))];
}
