/** All the ways of installing the chart that tests put before a real API server, or look through as a whole. */
import { foreignKinds } from './foreign-crds.ts';
import type { Values } from './render.ts';
import { ciValues } from './render/ci-values.ts';
import {
  bridgeTls,
  fullNetworkPolicy,
  implementations,
  ingressPresets,
  ingressValues,
  routeValues,
  withoutBridgeTls,
} from './render/ingress-scenes.ts';

/** A name for the test's title, and what a user's values file says. */
export type Scene = readonly [name: string, values: Values];

/** Every preset and implementation, with and without TLS on the bridge, and every values file in the chart's `ci`. */
export function everyScene(): readonly Scene[] {
  return [
    ...ciValues.map(([name, values]): Scene => [`ci/${name}-values.yaml`, values]),
    ...ingressPresets.map((preset): Scene => [`ingress preset ${preset}`, ingressValues(preset)]),
    ...ingressPresets
      .filter((preset) => !withoutBridgeTls.includes(preset))
      .map((preset): Scene => [
        `ingress preset ${preset}, TLS on the bridge`,
        { ...ingressValues(preset), ...bridgeTls },
      ]),
    ...implementations.map((product): Scene => [`HTTPRoute for ${product}`, routeValues(product)]),
    ['network policies', fullNetworkPolicy],
  ];
}

/** For `--api-versions`: what a cluster serves that has every product, and the newest Kubernetes. */
export async function everythingServed(): Promise<readonly string[]> {
  const kinds = await foreignKinds();
  const policies = ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'];
  return [
    ...kinds,
    ...new Set(kinds.map((kind) => kind.slice(0, kind.lastIndexOf('/')))),
    ...policies.map((kind) => `admissionregistration.k8s.io/v1/${kind}`),
  ];
}
