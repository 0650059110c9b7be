/** What `turnbridge operator` understands, and what it says to what it does not. */
import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../../cmd/exits.ts';
import { OPERATOR_FLAGS, operatorHelp, type OperatorFlagName } from '../../cmd/operator-flag-table.ts';
import { parseOperatorFlags } from '../../cmd/operator-flags.ts';
import { variableOf } from '../../cmd/flag-reader.ts';

const NEEDED = ['--snapshot-secret', 'turnbridge/snapshot', '--kubeconfig', '/x'];
/** Wrong for every flag that is checked, as it stands; a path may be called anything. */
const WRONG = 'not this?';
const UNCHECKED: readonly OperatorFlagName[] = ['kubeconfig', 'context'];
const checked = (Object.keys(OPERATOR_FLAGS) as OperatorFlagName[]).filter(
  (name) => !UNCHECKED.includes(name),
);

describe.each(checked)('a wrong --%s', (name) => {
  test('is told as the flag where it was one', () => {
    const parse = () => parseOperatorFlags([...NEEDED, `--${name}`, WRONG], {});
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(new RegExp(`^--${name} `));
  });

  test('is told as the variable where it came from there', () => {
    const given = NEEDED.slice(name === 'snapshot-secret' ? 2 : 0);
    const parse = () => parseOperatorFlags(given, { [variableOf(name)]: WRONG });
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(new RegExp(`^${variableOf(name)} `));
  });
});

test('two flags are enough, and all namespaces are watched then', () => {
  expect(parseOperatorFlags(NEEDED, {})).toEqual({
    bridgeName: 'default',
    snapshotSecret: { namespace: 'turnbridge', name: 'snapshot' },
    namespaces: undefined,
    sidecars: { bridgeName: 'sidecar', namespaces: [] },
    cluster: { kind: 'kubeconfig', path: '/x', context: undefined },
    lease: 'turnbridge-operator',
    identity: undefined,
    installationId: undefined,
    ownerServiceAccount: undefined,
    demoProvider: undefined,
    opsListen: { host: '127.0.0.1', port: 9465 },
    logLevel: 'info',
    logFormat: 'auto',
  });
});

test('lists are read with spaces, and each name counts once', () => {
  const flags = parseOperatorFlags([...NEEDED, '--namespaces', 'a, b,a,', '--sidecar-namespaces', 'c'], {});
  expect(flags).toMatchObject({ namespaces: ['a', 'b'], sidecars: { namespaces: ['c'] } });
});

test('in a pod its service account is used, and a kubeconfig where one is named', () => {
  const pod = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
  expect(parseOperatorFlags(NEEDED.slice(0, 2), pod)?.cluster).toEqual({ kind: 'pod' });
  expect(parseOperatorFlags(NEEDED, pod)?.cluster).toMatchObject({ path: '/x' });
});

test.each([
  [
    'no Secret',
    ['--kubeconfig', '/x'],
    /--snapshot-secret is missing: write --snapshot-secret NAMESPACE\/NAME/,
  ],
  ['no cluster', NEEDED.slice(0, 2), /this is no pod of a cluster: write --kubeconfig PATH/],
  ['a context alone', [...NEEDED.slice(0, 2), '--context', 'x'], /--context .* write --kubeconfig PATH too/],
  ['one name for both bridges', [...NEEDED, '--bridge-name', 'sidecar'], /give them different names/],
  [
    'a sidecar name that routes cannot have',
    [...NEEDED, '--sidecar-bridge-name', 'local'],
    /begins with sidecar-/,
  ],
  [
    'a namespace of sidecars that has the Secret of the bridges',
    [...NEEDED, '--sidecar-namespaces', 'team,turnbridge'],
    /--sidecar-namespaces has turnbridge, where the snapshot Secret of the bridges is.*leave it out/,
  ],
  [
    'a demo route where no route is watched',
    [...NEEDED, '--namespaces', 'team', '--demo-provider', 'demo'],
    /--demo-provider makes a route in turnbridge, and --namespaces leaves that out: add it/,
  ],
  ['a word on its own', [...NEEDED, 'stray'], /"stray" stands alone/],
])('%s is refused with what to write', (_, argv, sentence) => {
  expect(() => parseOperatorFlags(argv, {})).toThrow(sentence);
});

test('a current context is never taken by chance: the usual variable of kubectl is not read', () => {
  expect(() => parseOperatorFlags(NEEDED.slice(0, 2), { KUBECONFIG: 'kube.config' })).toThrow(
    /no pod of a cluster/,
  );
});

test('more namespaces than can be watched are refused at the start', () => {
  const many = Array.from({ length: 257 }, (_, index) => `team-${index}`).join();
  expect(() => parseOperatorFlags([...NEEDED, '--namespaces', many], {})).toThrow(/at most 256/);
});

test('help names every flag', () => {
  expect(parseOperatorFlags(['--help'], {})).toBeUndefined();
  for (const name of Object.keys(OPERATOR_FLAGS)) expect(operatorHelp()).toContain(`  --${name} `);
});
