/** What an expression may name: the bridge's and the operator's metrics with their labels, those of the runtime, and what a scrape adds. */
import { CATALOGUE } from '../../src/telemetry/metrics/metric-catalogue.ts';
import { OPERATOR_CATALOGUE } from '../../src/telemetry/operator/operator-catalogue.ts';
import { OUTCOME_CLASSES } from '../../src/telemetry/names.ts';
import { groupingLabelsIn, selectorsIn, type Selector } from './promql.ts';

/** What Prometheus gives to each series of a target; the first two in Kubernetes only. */
const targetLabels = ['namespace', 'pod', 'job', 'instance'];

/** Prometheus' own series of a target. */
const ofTheScrape = new Set(['scrape_duration_seconds', 'scrape_samples_scraped']);

const outcomes = new Set(Object.keys(OUTCOME_CLASSES));

/** Label names by series name. */
const known = new Map<string, readonly string[]>();
for (const { name, kind, labels } of [...Object.values(CATALOGUE), ...Object.values(OPERATOR_CATALOGUE)]) {
  if (kind === 'histogram') {
    known.set(`${name}_bucket`, [...labels, 'le']);
    known.set(`${name}_sum`, labels);
    known.set(`${name}_count`, labels);
  } else known.set(name, labels);
}

/**
 * What is wrong with the names in an expression, as sentences; empty when all of them exist.
 * @param recorded names of series that rules record; they keep (namespace, job)
 */
export function problemsIn(expression: string, recorded: ReadonlySet<string>): readonly string[] {
  const selectors = selectorsIn(expression);
  const problems = selectors.flatMap((selector) => problemsWith(selector, recorded));
  const available = new Set([...targetLabels, ...selectors.flatMap(({ metric }) => known.get(metric) ?? [])]);
  const grouped = groupingLabelsIn(expression).filter((label) => !available.has(label));
  return [
    ...(selectors.length === 0 ? [`no metric of ours in ${expression}`] : []),
    ...problems,
    ...grouped.map((label) => `nothing has the label ${label} in ${expression}`),
  ];
}

function problemsWith({ metric, labels }: Selector, recorded: ReadonlySet<string>): readonly string[] {
  const own = known.get(metric);
  if (own === undefined && !isForeign(metric) && !recorded.has(metric)) return [`there is no ${metric}`];
  const allowed = recorded.has(metric) ? ['namespace', 'job'] : [...targetLabels, ...(own ?? [])];
  return labels.flatMap(({ name, value }) => {
    if (!allowed.includes(name)) return [`${metric} has no label ${name}`];
    if (name !== 'outcome' || value.startsWith('$')) return [];
    return value
      .split('|')
      .filter((one) => !outcomes.has(one))
      .map((one) => `there is no outcome ${one}`);
  });
}

function isForeign(metric: string): boolean {
  return /^(?:process|nodejs)_/.test(metric) || ofTheScrape.has(metric);
}
