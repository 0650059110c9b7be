/** A real Prometheus scrapes a real bridge under load, and an operator: every panel has data, and so does what every alert compares. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { promtool } from './prometheus-program.ts';
import { comparedIn } from './promql.ts';
import { closeTimeoutMs, openScrapedWorld, openTimeoutMs, type ScrapedWorld } from './scraped-world.ts';
import { alertRules, dashboards, queriesOf, recordingRules, watched } from './shipped.ts';
import { usePrometheus } from './use-observers.ts';

usePrometheus();

/** Long enough for a round of traffic and some scrapes on a machine that does much else. */
const dataTimeoutMs = 60_000;

/** What a user has chosen in a dashboard, as Grafana puts it into a query. */
const choices: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'all, without Kubernetes': {
    namespace: '.*',
    pod: '.*',
    route: '.*',
    provider: '.*',
    model: '.*',
    outcome: '.*',
  },
  'one of each, in Kubernetes': {
    namespace: 'agents',
    pod: 'turnbridge-1',
    route: 'default/test',
    provider: 'scripted',
    model: '(whole|incomplete|model-0|scripted/failed)',
    outcome: '(completed|failed)',
  },
};

let world: ScrapedWorld | undefined;

beforeAll(async () => {
  world = await openScrapedWorld();
}, openTimeoutMs);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, closeTimeoutMs);

/** @throws Error where it did not open: its own failure says why */
function theWorld(): ScrapedWorld {
  if (world === undefined) throw new Error('there is nothing to ask: see why beforeAll failed');
  return world;
}

/** As Grafana asks it: variables replaced, and an interval that holds several scrapes. */
function asked(expression: string, chosen: Readonly<Record<string, string>>): string {
  return expression.replaceAll(/\$(\w+)/g, (_, name: string) => {
    if (name === '__rate_interval' || name === '__range') return '30s';
    const value = chosen[name];
    if (value === undefined) throw new Error(`no value for $${name}`);
    return value;
  });
}

async function hasData(expression: string): Promise<boolean> {
  const samples = await theWorld().prometheus.query(expression);
  return samples.some(({ value }) => !Number.isNaN(value));
}

/** Those that have no data, although there was time for it. */
async function withoutData(
  questions: ReadonlyMap<string, string>,
): Promise<Readonly<Record<string, string>>> {
  const open = new Map(questions);
  await until(
    async () => {
      if (theWorld().traffic.failure() !== undefined) return true; // nothing more will come
      for (const [name, expression] of open) {
        // oxlint-disable-next-line no-await-in-loop -- one Prometheus, few cores
        if (await hasData(expression)) open.delete(name);
      }
      return open.size === 0;
    },
    'data',
    dataTimeoutMs,
  ).catch(() => undefined);
  const failure = theWorld().traffic.failure();
  if (failure !== undefined) throw failure;
  return Object.fromEntries(open);
}

describe.each(Object.entries(choices))('with %s chosen', (_, chosen) => {
  test.each([...dashboards()])(
    'every query of %s has data',
    async (_name, dashboard) => {
      const queries = queriesOf(dashboard).map(
        ({ panel, expr }, index) => [`${index} ${panel}`, asked(expr, chosen)] as const,
      );
      expect(await withoutData(new Map(queries))).toEqual({});
    },
    dataTimeoutMs + 30_000,
  );

  test('every variable has values', async () => {
    const variables = [...dashboards().values()].flatMap(({ templating }) => templating.list);
    const empty: string[] = [];
    for (const { name, definition = '' } of variables) {
      const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
      if (selector === undefined || label === undefined) continue; // a choice of data sources
      const match = new URLSearchParams({ 'match[]': asked(selector, chosen) });
      // oxlint-disable-next-line no-await-in-loop -- few, and each is quick
      const values = (await theWorld().prometheus.api(
        `label/${label}/values?${match.toString()}`,
      )) as string[];
      if (values.length === 0) empty.push(name);
    }
    expect(empty).toEqual([]);
  });
});

test(
  'whatever an alert compares is there, and so is every recorded series',
  async () => {
    const compared = alertRules().flatMap(({ alert, expr }) =>
      comparedIn(expr).map((part, index) => [`${alert} ${index}`, part] as const),
    );
    const recorded = recordingRules().map(({ record }) => [record, record] as const);
    expect(compared.length).toBeGreaterThan(alertRules().length);
    expect(await withoutData(new Map([...compared, ...recorded]))).toEqual({});
  },
  dataTimeoutMs + 30_000,
);

test(
  'whatever docs/operations.md says to watch without Grafana has data',
  async () => {
    const questions = watched().flatMap(({ queries }) => queries.map((query) => [query, query] as const));
    expect(await withoutData(new Map(questions))).toEqual({});
  },
  dataTimeoutMs + 30_000,
);

test('Prometheus evaluates all rules without an error, and scrapes without a warning', async () => {
  interface Groups {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly name: string;
        readonly health: string;
        readonly lastError?: string;
      }[];
    }[];
  }
  interface Targets {
    readonly activeTargets: readonly { readonly lastError: string }[];
  }
  const evaluated = async (): Promise<readonly { name: string; health: string; lastError?: string }[]> =>
    ((await theWorld().prometheus.api('rules')) as Groups).groups.flatMap(({ rules }) => rules);
  const rules = await until(
    async () => {
      const all = await evaluated();
      return all.every(({ health }) => health !== 'unknown') && all;
    },
    'every rule to be evaluated',
    30_000,
  );
  expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  // one scrape may be late on a loaded machine; the next one is not
  let lastErrors: readonly string[] = [];
  const scraped = async (): Promise<boolean> => {
    const { activeTargets } = (await theWorld().prometheus.api('targets')) as Targets;
    lastErrors = activeTargets.map(({ lastError }) => lastError);
    return lastErrors.every((error) => error === '');
  };
  await until(scraped, 'a scrape without an error', 30_000).catch(() => undefined);
  expect(lastErrors).toEqual(['', '', '', '']);
  const complaints = theWorld()
    .prometheus.log()
    .split('\n')
    .filter((line) => /level=(?:warn|error)/i.test(line) && !isOfTheClock(line));
  expect(complaints).toEqual([]);
});

/** A scrape that is no later than the one before: a clock that was set back says nothing of the metrics. */
function isOfTheClock(line: string): boolean {
  return /component="scrape manager"/.test(line) && /out-of-order/.test(line);
}

test('promtool finds nothing to mend in the metrics', async () => {
  const text = await (
    await fetch(`${theWorld().bridge.opsUrl}/metrics`, { headers: { accept: 'text/plain' } })
  ).text();
  const { code, output } = await promtool(['check', 'metrics'], text);
  expect({ code, output }).toMatchObject({ code: 0, output: '' });
});

test('turns, first outputs and attempts lead to their traces', async () => {
  interface Exemplars {
    readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>> }[];
  }
  const of = async (metric: string): Promise<readonly string[]> => {
    const end = Date.now() / 1000;
    const query = new URLSearchParams({ query: metric, start: String(end - 600), end: String(end) });
    const found = (await theWorld().prometheus.api(`query_exemplars?${query.toString()}`)) as Exemplars[];
    return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels['trace_id'] ?? 'none'));
  };
  const metrics = ['turn_duration', 'turn_time_to_first_output', 'provider_attempt_duration'];
  for (const metric of metrics) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other says which one is missing
    const traces = await until(
      async () => {
        const found = await of(`turnbridge_${metric}_seconds_bucket`);
        return found.length > 0 && found;
      },
      `exemplars of ${metric}`,
      30_000,
    );
    const lost = (): readonly string[] => {
      const exported = new Set(theWorld().receiver.spans.map(({ traceId }) => traceId));
      return traces.filter((id) => !exported.has(id));
    };
    // oxlint-disable-next-line no-await-in-loop -- the same
    await until(() => lost().length === 0, 'their traces to be exported', 30_000).catch(() => undefined);
    expect(lost()).toEqual([]);
  }
}, 120_000);
