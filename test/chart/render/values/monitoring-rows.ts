/** What the values below `monitoring` change. */
import type { ValueRow } from './value-row.ts';

const served = {
  apiVersions: ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'].map(
    (kind) => `monitoring.coreos.com/v1/${kind}`,
  ),
};

/** The rows of one kind of monitor: both have the same values. */
function monitorRows(path: 'serviceMonitor' | 'podMonitor', kind: string, endpoints: string): ValueRow[] {
  const on = { monitoring: { [path]: { enabled: true } } };
  const skip = { monitoring: { [path]: { enabled: true, renderMode: 'Skip' } } };
  const object = `${kind}/turnbridge`;
  const row = (name: string, to: unknown, rest: Partial<ValueRow>): ValueRow => ({
    value: `monitoring.${path}.${name}`,
    to,
    with: on,
    options: served,
    object,
    ...rest,
  });
  const rule = { action: 'labeldrop', regex: 'pod' };
  return [
    row('enabled', true, { with: {} }),
    row('renderMode', 'Always', { with: skip, options: {} }),
    row('labels', { release: 'x' }, { at: 'metadata.labels.release', is: 'x' }),
    row('interval', '15s', { at: `spec.${endpoints}.0.interval`, is: '15s' }),
    row('scrapeTimeout', '10s', { at: `spec.${endpoints}.0.scrapeTimeout`, is: '10s' }),
    row('honorLabels', true, { at: `spec.${endpoints}.0.honorLabels`, is: true }),
    row('sampleLimit', 0, { at: 'spec.sampleLimit', gone: true }),
    row('relabelings', [rule], { at: `spec.${endpoints}.0.relabelings`, has: rule }),
    row('metricRelabelings', [rule], { at: `spec.${endpoints}.0.metricRelabelings`, has: rule }),
  ];
}

const rule = { monitoring: { prometheusRule: { enabled: true } } };
const dashboards = { monitoring: { dashboards: { enabled: true } } };
const dashboard = 'ConfigMap/turnbridge-dashboard-overview';

export const rows: readonly ValueRow[] = [
  ...monitorRows('serviceMonitor', 'ServiceMonitor', 'endpoints'),
  ...monitorRows('podMonitor', 'PodMonitor', 'podMetricsEndpoints'),
  {
    value: 'monitoring.prometheusRule.enabled',
    to: true,
    options: served,
    object: 'PrometheusRule/turnbridge',
  },
  {
    value: 'monitoring.prometheusRule.renderMode',
    to: 'Always',
    with: { monitoring: { prometheusRule: { enabled: true, renderMode: 'Skip' } } },
    object: 'PrometheusRule/turnbridge',
  },
  {
    value: 'monitoring.prometheusRule.labels',
    to: { release: 'x' },
    with: rule,
    options: served,
    object: 'PrometheusRule/turnbridge',
    at: 'metadata.labels.release',
    is: 'x',
  },
  {
    value: 'monitoring.prometheusRule.disabledAlerts',
    to: ['TurnbridgeSpansDropped', 'TurnbridgeMetricSeriesDropped'],
    with: rule,
    options: served,
    object: 'PrometheusRule/turnbridge',
    at: 'spec.groups.turnbridge-telemetry-alerts', // it has no others
    gone: true,
  },
  {
    value: 'monitoring.prometheusRule.runbookBaseUrl',
    to: 'https://wiki.example',
    with: rule,
    options: served,
    object: 'PrometheusRule/turnbridge',
    at: 'spec.groups.turnbridge-provider-alerts.rules.0.annotations.runbook_url',
    is: 'https://wiki.example#turnbridgeprovidererrorrate',
  },
  { value: 'monitoring.dashboards.enabled', to: true, object: dashboard },
  {
    value: 'monitoring.dashboards.labelKey',
    to: 'dash',
    with: dashboards,
    object: dashboard,
    at: 'metadata.labels.dash',
    is: '1',
  },
  {
    value: 'monitoring.dashboards.labelValue',
    to: 'yes',
    with: dashboards,
    object: dashboard,
    at: 'metadata.labels.grafana_dashboard',
    is: 'yes',
  },
  {
    value: 'monitoring.dashboards.folderAnnotation',
    to: 'k8s-sidecar-target-directory',
    with: dashboards,
    object: dashboard,
    at: 'metadata.annotations.k8s-sidecar-target-directory',
    is: 'Turnbridge',
  },
  {
    value: 'monitoring.dashboards.folder',
    to: 'AI',
    with: dashboards,
    object: dashboard,
    at: 'metadata.annotations.grafana_folder',
    is: 'AI',
  },
  {
    value: 'monitoring.dashboards.labels',
    to: { team: 'x' },
    with: dashboards,
    object: dashboard,
    at: 'metadata.labels.team',
    is: 'x',
  },
];
