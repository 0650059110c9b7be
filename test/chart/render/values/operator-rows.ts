/** What the values of the operator alone do. */
import type { ValueRow } from './value-row.ts';

const DEPLOYMENT = 'Deployment/turnbridge-operator';
const ARGS = 'spec.template.spec.containers.operator.args';

export const rows: readonly ValueRow[] = [
  {
    value: 'operator.enabled',
    to: false,
    with: { bridge: { snapshotSecret: 'theirs' } },
    object: DEPLOYMENT,
    gone: true,
  },
  {
    value: 'operator.watchNamespaces',
    to: ['team-a', 'team-b'],
    object: DEPLOYMENT,
    at: ARGS,
    has: '--namespaces=team-a,team-b',
  },
  {
    value: 'operator.watchNamespaces',
    to: ['team-a'],
    object: 'Role/turnbridge-operator-routes-turnbridge@team-a',
  },
  {
    value: 'operator.watchNamespaces',
    to: ['team-a'],
    object: 'ClusterRole/turnbridge-operator-turnbridge',
    gone: true,
  },
  {
    value: 'operator.flags.installationId',
    to: 'mine',
    object: DEPLOYMENT,
    at: ARGS,
    has: '--installation-id=mine',
  },
  { value: 'operator.flags.logLevel', to: 'debug', object: DEPLOYMENT, at: ARGS, has: '--log-level=debug' },
  { value: 'operator.flags.logFormat', to: 'text', object: DEPLOYMENT, at: ARGS, has: '--log-format=text' },
];
