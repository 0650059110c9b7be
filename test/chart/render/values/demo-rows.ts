/** What the values below `demo` and `tests` change. */
import type { ValueRow } from './value-row.ts';

const demo = { demo: { enabled: true } };
const resources = { limits: { memory: '1Gi' } };
const keySecret = { name: 'codex-clients', key: 'me' };
const fromSecret = (name: string, key: string): object => ({
  name: 'TURNBRIDGE_KEY',
  valueFrom: { secretKeyRef: { name, key } },
});
const tls = { bridge: { tls: { enabled: true, existingSecret: 'bridge-tls' } } };
const pod = 'Pod/turnbridge-test';
const args = 'spec.containers.turn.args';
const env = 'spec.containers.turn.env';

export const rows: readonly ValueRow[] = [
  { value: 'demo.enabled', to: true, object: 'Deployment/turnbridge-demo' },
  {
    value: 'demo.script',
    to: 'slow',
    with: demo,
    object: 'Deployment/turnbridge-demo',
    at: 'spec.template.spec.containers.provider.args',
    has: '--script=slow',
  },
  {
    value: 'demo.resources',
    to: resources,
    with: demo,
    object: 'Deployment/turnbridge-demo',
    at: 'spec.template.spec.containers.provider.resources.limits.memory',
    is: '1Gi',
  },
  { value: 'tests.enabled', to: false, object: pod, gone: true },
  {
    value: 'tests.url',
    to: 'https://codex.example/v1',
    object: pod,
    at: args,
    has: 'https://codex.example/v1',
  },
  { value: 'tests.model', to: 'qwen', object: pod, at: args, has: '--model=qwen' },
  {
    value: 'tests.keySecret.name',
    to: 'other',
    with: { tests: { keySecret } },
    object: pod,
    at: env,
    has: fromSecret('other', 'me'),
  },
  {
    value: 'tests.keySecret.key',
    to: 'ci',
    with: { tests: { keySecret } },
    object: pod,
    at: env,
    has: fromSecret('codex-clients', 'ci'),
  },
  {
    value: 'tests.caSecret.name',
    to: 'corp-ca',
    with: tls,
    object: pod,
    at: 'spec.volumes.ca.secret.secretName',
    is: 'corp-ca',
  },
  {
    value: 'tests.caSecret.key',
    to: 'root.pem',
    with: tls,
    object: pod,
    at: args,
    has: '--ca-file=/ca/root.pem',
  },
  { value: 'tests.deadlineSeconds', to: 90, object: pod, at: 'spec.activeDeadlineSeconds', is: 90 },
  {
    value: 'tests.resources',
    to: resources,
    object: pod,
    at: 'spec.containers.turn.resources.limits.memory',
    is: '1Gi',
  },
];
