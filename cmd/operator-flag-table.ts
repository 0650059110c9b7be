/** The flags of `turnbridge operator`: each with its default and its sentence. */
import { type Flag, flagLines, variableOf } from './flag-reader.ts';

export const OPERATOR_FLAGS = {
  'snapshot-secret': {
    value: 'NAMESPACE/NAME',
    default: undefined,
    help: 'the Secret that bridges read; the operator alone writes it',
  },
  'bridge-name': {
    value: 'NAME',
    default: 'default',
    help: 'serve the routes whose spec.bridgeName says so',
  },
  namespaces: {
    value: 'A,B',
    default: '',
    help: 'take routes from these namespaces only; all unless given',
  },
  'sidecar-namespaces': {
    value: 'A,B',
    default: '',
    help: 'write a snapshot Secret into each of these too, from their own sidecar routes',
  },
  'sidecar-bridge-name': {
    value: 'NAME',
    default: 'sidecar',
    help: 'spec.bridgeName of sidecar routes: sidecar, or sidecar-…; they may name loopback providers',
  },
  kubeconfig: {
    value: 'PATH',
    default: '',
    help: "how to reach the cluster from outside; unless given, the pod's service account",
  },
  context: {
    value: 'NAME',
    default: '',
    help: 'which context of the kubeconfig; its current one unless given',
  },
  lease: {
    value: 'NAME',
    default: 'turnbridge-operator',
    help: 'the Lease beside the snapshot Secret: who holds it writes',
  },
  identity: {
    value: 'NAME',
    default: '',
    help: 'who this process is in the Lease; host name and a random suffix unless given',
  },
  'installation-id': {
    value: 'NAME',
    default: '',
    help: 'written into the snapshot Secret, so that no other installation overwrites it; derived from Lease, Secret and bridge name unless given',
  },
  'owner-service-account': {
    value: 'NAME',
    default: '',
    help: 'ServiceAccount that owns what is written beside it, snapshot Secrets and the Lease: they are deleted with it; unless given, they stay',
  },
  'demo-provider': {
    value: 'SERVICE',
    default: '',
    help: 'make a route named demo, for every client and without a key, to the provider behind this Service beside the snapshot Secret',
  },
  'ops-listen': {
    value: 'HOST:PORT',
    default: '127.0.0.1:9465',
    help: '/healthz, /readyz, /metrics; port 0 takes a free one',
  },
  'log-level': { value: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
  'log-format': { value: 'FORMAT', default: 'auto', help: 'json, text, or auto: text on a terminal' },
} as const satisfies Record<string, Flag>;

export type OperatorFlagName = keyof typeof OPERATOR_FLAGS;

/** What `turnbridge operator --help` prints. */
export function operatorHelp(): string {
  return `Usage: turnbridge operator --snapshot-secret NAMESPACE/NAME [options]

Watches ResponsesRoutes, compiles them into the snapshot Secret that bridges read, and says in each
route's status whether it works. Several may run: one of them, the holder of the Lease, writes.

Options (each also as an environment variable, such as ${variableOf('snapshot-secret')}):
${flagLines(OPERATOR_FLAGS)}
  --help                          this text

Exit codes: 0 after SIGTERM or SIGINT, 1 when the Lease was lost (a restart is harmless: bridges go on
by themselves), 2 for wrong usage, a cluster that is not described, or an address that cannot be had.`;
}
