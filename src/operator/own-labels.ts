/** What the value of a label may be. */
const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** The labels that Kubernetes recommends, for what the operator makes: the snapshot Secret, its Lease, the demo route. */
export function labelsOf(
  component: 'snapshot' | 'operator' | 'demo',
  { installation, version }: { readonly installation: string; readonly version: string },
): Readonly<Record<string, string>> {
  const labels = {
    'app.kubernetes.io/name': 'turnbridge',
    'app.kubernetes.io/instance': installation,
    'app.kubernetes.io/version': version,
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/part-of': 'turnbridge',
    'app.kubernetes.io/managed-by': 'turnbridge-operator',
  };
  // an installation may be named with more than a label takes
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => LABEL_VALUE.test(value)));
}
