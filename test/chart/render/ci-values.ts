/** The values files that come with the chart: a scene each, for these tests, for the node, and for chart-testing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART_FOLDER, type Values } from '../render.ts';

const FOLDER = join(CHART_FOLDER, 'ci');

/** `['autoscaling', {…}]` for `ci/autoscaling-values.yaml`, in the order of their names. */
export const ciValues: readonly (readonly [name: string, values: Values])[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('-values.yaml'))
  .sort()
  .map((file) => [
    file.replace('-values.yaml', ''),
    parse(readFileSync(join(FOLDER, file), 'utf8'), { version: '1.1' }) as Values,
  ]);

/** What a cluster has to serve for all of them. */
export const CI_API_VERSIONS: readonly string[] = [
  'monitoring.coreos.com/v1',
  'monitoring.coreos.com/v1/ServiceMonitor',
  'monitoring.coreos.com/v1/PodMonitor',
  'monitoring.coreos.com/v1/PrometheusRule',
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy',
];
