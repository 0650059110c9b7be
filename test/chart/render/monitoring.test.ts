/** What the chart gives the Prometheus operator and Grafana: whose ports, which alerts, which dashboards. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { render, renderFailure, type Values } from '../render.ts';
import { alertRules, dashboards, dashboardText, rulesText, type AlertRule } from '../../observers/shipped.ts';

const monitors = ['ServiceMonitor', 'PodMonitor'] as const;
/** Reading it takes most of the time. */
const crds = { enabled: false };
const served = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'].map(
  (kind) => `monitoring.coreos.com/v1/${kind}`,
);

interface Labelled {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

interface Endpoint {
  readonly port: string;
  readonly path: string;
  readonly relabelings: readonly { readonly targetLabel: string; readonly replacement: string }[];
  readonly [field: string]: unknown;
}

interface Monitor extends Labelled {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly endpoints?: readonly Endpoint[];
    readonly podMetricsEndpoints?: readonly Endpoint[];
    readonly sampleLimit?: number;
  };
}

interface Workload extends Labelled {
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly name: string }[];
  };
}

interface Deployment extends Labelled {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly { readonly ports?: readonly { readonly name: string }[] }[];
      };
    };
  };
}

interface Rule extends Labelled {
  readonly spec: { readonly groups: readonly { readonly rules: readonly Partial<AlertRule>[] }[] };
}

interface Dashboard extends Labelled {
  readonly data: Readonly<Record<string, string>>;
}

/** Objects of a kind, as the tests below look at them. */
async function rendered<T extends Labelled>(
  kind: string,
  monitoring: object,
  more: object = {},
): Promise<T[]> {
  const objects = await render({ crds, monitoring, ...more }, { release: 'codex', apiVersions: served });
  return objects.filter((object) => object.kind === kind) as unknown as T[];
}

const switchOf = (kind: (typeof monitors)[number]): string => kind.charAt(0).toLowerCase() + kind.slice(1);
const includes = (
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean => Object.entries(wanted).every(([name, value]) => labels[name] === value);
const endpointOf = ({ spec }: Monitor): Endpoint | undefined =>
  (spec.endpoints ?? spec.podMetricsEndpoints)?.[0];

test('a ServiceMonitor finds one Service of the bridge and one of the operator, and a port of theirs', async () => {
  const monitoring = { serviceMonitor: { enabled: true } };
  const services = await rendered<Workload>('Service', monitoring);
  const chosen = (await rendered<Monitor>('ServiceMonitor', monitoring)).map((monitor) => ({
    port: endpointOf(monitor)?.port,
    services: services.filter(({ metadata }) => includes(metadata.labels, monitor.spec.selector.matchLabels)),
  }));
  expect(chosen.map(({ services }) => services.map(({ metadata }) => metadata.name))).toEqual([
    ['codex-turnbridge-ops'],
    ['codex-turnbridge-operator-ops'],
  ]);
  for (const {
    port,
    services: [service],
  } of chosen)
    expect(service?.spec.ports.map(({ name }) => name)).toContain(port);
});

test('a PodMonitor finds the pods of the bridge and those of the operator, and a port of theirs', async () => {
  const monitoring = { podMonitor: { enabled: true } };
  const deployments = await rendered<Deployment>('Deployment', monitoring, { demo: { enabled: true } });
  const found = (await rendered<Monitor>('PodMonitor', monitoring)).map((monitor) => {
    const { matchLabels } = monitor.spec.selector;
    const chosen = deployments.filter(({ spec }) => includes(spec.template.metadata.labels, matchLabels));
    const ports = chosen.flatMap(({ spec }) =>
      spec.template.spec.containers.flatMap(({ ports = [] }) => ports),
    );
    expect(ports.map(({ name }) => name)).toContain(endpointOf(monitor)?.port);
    return chosen.map(({ metadata }) => metadata.name);
  });
  expect(found).toEqual([['codex-turnbridge'], ['codex-turnbridge-operator']]);
});

test('the Service that a ServiceMonitor needs for the operator is there for it only', async () => {
  const names = async (monitoring: object): Promise<string[]> =>
    (await rendered('Service', monitoring)).map(({ metadata }) => metadata.name);
  expect(await names({ podMonitor: { enabled: true } })).not.toContain('codex-turnbridge-operator-ops');
  expect(await names({})).not.toContain('codex-turnbridge-operator-ops');
});

describe.each(monitors)('a %s', (kind) => {
  const asked = async (values: object, more: object = {}): Promise<Monitor[]> =>
    rendered<Monitor>(kind, { [switchOf(kind)]: { enabled: true, ...values } }, more);

  test('gives bridge and operator the same `job` as the other kind would: alerts go by it', async () => {
    const jobs = (await asked({})).map((monitor) => endpointOf(monitor)?.relabelings[0]);
    expect(jobs).toEqual([
      { targetLabel: 'job', replacement: 'codex-turnbridge' },
      { targetLabel: 'job', replacement: 'codex-turnbridge-operator' },
    ]);
  });

  test('is not made for an operator that is not there', async () => {
    const more = { operator: { enabled: false }, bridge: { snapshotSecret: 'other-snapshot' } };
    const names = (await asked({}, more)).map(({ metadata }) => metadata.name);
    expect(names).toEqual(['codex-turnbridge']);
  });

  test('takes no more series at a scrape than the limit, or has none', async () => {
    expect((await asked({}))[0]?.spec.sampleLimit).toBe(20_000);
    expect((await asked({ sampleLimit: 0 }))[0]?.spec).not.toHaveProperty('sampleLimit');
  });

  test('relabels as the user says after it has relabelled itself', async () => {
    const mine = { action: 'labeldrop', regex: 'pod' };
    const [monitor] = await asked({ relabelings: [mine], metricRelabelings: [mine] });
    expect(monitor && endpointOf(monitor)).toMatchObject({
      relabelings: [{ targetLabel: 'job' }, mine],
      metricRelabelings: [mine],
    });
  });

  test('is refused where the cluster does not serve it, left out, or rendered all the same, as the values say', async () => {
    const values = { monitoring: { [switchOf(kind)]: { enabled: true } } };
    expect(await renderFailure(values)).toMatch(
      new RegExp(`monitoring\\.${switchOf(kind)}\\.enabled: this cluster serves no ${kind}.*renderMode`, 's'),
    );
    for (const [renderMode, count] of [
      ['Skip', 0],
      ['Always', 2],
    ] as const) {
      const objects = await render({ crds, monitoring: { [switchOf(kind)]: { enabled: true, renderMode } } });
      expect(objects.filter((object) => object.kind === kind)).toHaveLength(count);
    }
  });
});

test('ServiceMonitor and PodMonitor together are refused: every series would be there twice', async () => {
  const sentence = await renderFailure(
    { monitoring: { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } } },
    { apiVersions: served },
  );
  expect(sentence).toMatch(/serviceMonitor.enabled and monitoring.podMonitor.enabled.*Keep one/);
});

test('a scrape that may take longer than the time between two is refused, and one that just fits is not', async () => {
  const values = (scrapeTimeout: string): Values => ({
    crds,
    monitoring: { podMonitor: { enabled: true, interval: '15s', scrapeTimeout } },
  });
  expect(await renderFailure(values('16s'), { apiVersions: served })).toContain('Write 15s or less');
  await expect(render(values('15s'), { apiVersions: served })).resolves.toBeDefined();
});

describe('the PrometheusRule', () => {
  const rule = async (values: object = {}): Promise<Rule> => {
    const [first] = await rendered<Rule>('PrometheusRule', { prometheusRule: { enabled: true, ...values } });
    if (first === undefined) throw new Error('no PrometheusRule was rendered');
    return first;
  };
  const alertsOf = ({ spec }: Rule): (string | undefined)[] =>
    spec.groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert])));

  test('is the shipped file, which promtool judges, with every template of Prometheus as it was', async () => {
    const { spec } = await rule();
    expect(spec).toEqual(parse(rulesText()));
    expect(JSON.stringify(spec)).toContain('{{ $labels.job }}');
  });

  test('leaves out the alerts that are named, and a group that has no other', async () => {
    const all = alertsOf(await rule());
    // all of one group, and one of another
    const disabledAlerts = ['TurnbridgeFaults', 'TurnbridgeSpansDropped', 'TurnbridgeMetricSeriesDropped'];
    const left = await rule({ disabledAlerts });
    expect(alertsOf(left)).toEqual(all.filter((alert) => !disabledAlerts.includes(alert ?? '')));
    expect(left.spec.groups).toHaveLength((await rule()).spec.groups.length - 1);
  });

  test('refuses the name of an alert that there is not, and says which there are', async () => {
    const values = { monitoring: { prometheusRule: { enabled: true, disabledAlerts: ['TurnbridgeFalts'] } } };
    const sentence = await renderFailure(values, { apiVersions: served });
    expect(sentence).toContain('there is no alert "TurnbridgeFalts"');
    for (const { alert } of alertRules()) expect(sentence).toContain(alert);
  });

  test('sends people to the runbooks of their own, if there are such', async () => {
    const { spec } = await rule({ runbookBaseUrl: 'https://wiki.example/runbooks/' });
    const urls = spec.groups
      .flatMap(({ rules }) => rules)
      .flatMap(({ alert, annotations }) =>
        alert === undefined ? [] : [[alert, annotations?.['runbook_url']]],
      );
    expect(urls).toEqual(
      alertRules().map(({ alert }) => [alert, `https://wiki.example/runbooks#${alert.toLowerCase()}`]),
    );
  });

  test('has the labels by which a Prometheus chooses its rules', async () => {
    const { metadata } = await rule({ labels: { release: 'kube-prometheus-stack' } });
    expect(metadata.labels).toMatchObject({ release: 'kube-prometheus-stack' });
  });
});

describe('the dashboards', () => {
  const maps = (values: object = {}, more: object = {}): Promise<Dashboard[]> =>
    rendered<Dashboard>('ConfigMap', { dashboards: { enabled: true, ...values }, ...more });

  test('are the shipped files, byte for byte, each in a ConfigMap that the sidecar of Grafana finds', async () => {
    const found = await maps();
    expect(found.map(({ data }) => Object.keys(data))).toEqual(
      [...dashboards().keys()].map((name) => [name]),
    );
    for (const { data, metadata } of found) {
      for (const [name, text] of Object.entries(data)) expect(text.trim()).toBe(dashboardText(name).trim());
      expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
      expect(metadata.annotations).toEqual({ grafana_folder: 'Turnbridge' });
    }
  });

  test('have the label and the folder that the values say, and no folder where there is none', async () => {
    const [named] = await maps({ labelKey: 'dash', labelValue: 'yes', folderAnnotation: 'f', folder: 'AI' });
    expect(named?.metadata.labels).toMatchObject({ dash: 'yes' });
    expect(named?.metadata.labels).not.toHaveProperty('grafana_dashboard');
    expect(named?.metadata.annotations).toEqual({ f: 'AI' });
    const [folderless] = await maps({ folder: '' });
    expect(folderless?.metadata).not.toHaveProperty('annotations');
  });

  test('link to the runbooks of their own, if there are such', async () => {
    const [overview] = await maps(
      {},
      { prometheusRule: { runbookBaseUrl: 'https://wiki.example/runbooks' } },
    );
    const text = overview?.data['overview.json'] ?? '';
    expect(text).toContain('"url": "https://wiki.example/runbooks"');
    expect(text).not.toContain('https://turnbridge.dev/docs/operations');
  });
});

test('the values of docs/operations.md give all that the page names', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8');
  const [, example = ''] = page.split('<!-- monitoring-values.yaml -->')[1]?.split('```yaml\n') ?? [];
  const values = parse(example.split('```')[0] ?? '') as Values;
  const objects = await render({ crds, ...values }, { release: 'turnbridge', apiVersions: served });
  const jobs = objects.filter(({ kind }) => kind === 'ServiceMonitor').map(({ metadata }) => metadata.name);
  expect(jobs).toEqual(['turnbridge', 'turnbridge-operator']);
  const kinds = new Set(objects.map(({ kind }) => kind));
  expect([...kinds]).toEqual(expect.arrayContaining(['PrometheusRule', 'ConfigMap']));
});

test('what the chart takes for the address of the runbooks is what the shipped files say', () => {
  const chart = join(import.meta.dirname, '../../../charts/turnbridge');
  const template = readFileSync(join(chart, 'templates/monitoring/_monitoring.tpl'), 'utf8');
  const [, shipped = ''] = /shippedRunbooks" -\}\}\n(\S+)\n/.exec(template) ?? [];
  for (const { annotations } of alertRules()) expect(annotations['runbook_url']).toContain(`${shipped}#`);
});
