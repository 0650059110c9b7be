/** What a person reads after `helm install`: the next command, where clients go, what a reviewer would ask. */
import { describe, expect, test } from '@jest/globals';
import { loadFiles } from '../../../src/config/load.ts';
import { renderNotes, type Values } from '../render.ts';

const notesOf = (values: Values = {}): Promise<string> =>
  renderNotes(values, { release: 'codex', namespace: 'ai' });

/** What is between two lines. */
function between(text: string, from: string, to: string): string {
  const [, rest = ''] = text.split(`${from}\n`);
  const [block = ''] = rest.split(`\n${to}\n`);
  return block;
}

/** Lines of the last section. */
function warningsIn(notes: string): string[] {
  const [, section = ''] = notes.split('\nTO KNOW\n');
  return section
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}

const quiet = {
  networkPolicy: { enabled: true },
  operator: { watchNamespaces: ['ai'] },
  bridge: { flags: { drainDeadline: 300 }, terminationGracePeriodSeconds: 400 },
};

test('without a demo the next command is a route that is right as it stands, with keys that it names', async () => {
  const notes = await notesOf();
  const route = between(notes, "kubectl -n ai apply -f - <<'END'", 'END');
  const secret = (name: string, entry: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\nstringData: { ${entry}: some-key }`;
  // the Secrets, as the two commands before make them
  expect(notes).toContain('kubectl -n ai create secret generic openai --from-literal=apiKey=');
  expect(notes).toContain('kubectl -n ai create secret generic codex-clients --from-literal=me=');
  const text = [route, secret('openai', 'apiKey'), secret('codex-clients', 'me')].join('\n---\n');
  const loaded = loadFiles([{ name: 'NOTES', text }], {
    env: {},
    missingVariables: 'error',
    loopbackAllowed: false,
    missingReferences: 'Refused',
    bridgeName: 'default',
  });
  expect(loaded).toMatchObject({ kind: 'loaded', problems: [] });
  expect(loaded.kind === 'loaded' && loaded.snapshot).toBeDefined();
});

test('the route is for the bridge of this release, in a namespace that its operator reads', async () => {
  const notes = await notesOf({
    bridge: { bridgeName: 'team-a' },
    operator: { watchNamespaces: ['team-a', 'team-b'] },
  });
  expect(between(notes, "kubectl -n team-a apply -f - <<'END'", 'END')).toContain('\n  bridgeName: team-a\n');
  expect(notes).toContain('kubectl -n team-a get responsesroutes\nkubectl -n team-b get responsesroutes\n');
});

test('with the demo the next command is the first turn, and Codex needs no key', async () => {
  const notes = await notesOf({ demo: { enabled: true } });
  expect(notes).toContain('\nhelm test codex -n ai\n');
  expect(notes).not.toContain('env_key');
  expect(notes).not.toContain('apply -f');
  expect(await notesOf({ demo: { enabled: true }, tests: { enabled: false } })).not.toContain('helm test');
});

test('readiness is asked of the routes of all namespaces, and of the pods', async () => {
  const notes = await notesOf();
  expect(notes).toContain('kubectl get responsesroutes -A\n');
  expect(notes).toContain('kubectl -n ai get pods -l app.kubernetes.io/instance=codex\n');
});

describe('the base URL', () => {
  test('without a way in is a port-forward, for Codex too', async () => {
    const notes = await notesOf({ bridge: { service: { port: 8080 } } });
    expect(notes).toContain('kubectl -n ai port-forward service/codex-turnbridge 8787:8080\n');
    expect(notes).toContain('base_url = "http://127.0.0.1:8787/v1"');
    expect(notes).toContain('in the cluster: http://codex-turnbridge.ai.svc.cluster.local:8080/v1\n');
  });

  test.each([
    [
      'an Ingress with TLS',
      { ingress: { enabled: true, hosts: ['codex.example.com'], tls: [{ secretName: 'tls' }] } },
      'https://codex.example.com/v1',
    ],
    [
      'an Ingress without, below a path',
      { ingress: { enabled: true, hosts: ['codex.example.com'], path: '/ai' } },
      'http://codex.example.com/ai/v1',
    ],
    [
      'an HTTPRoute',
      { httpRoute: { enabled: true, parentRefs: [{ name: 'gateway' }], hostnames: ['codex.example.com'] } },
      'https://codex.example.com/v1',
    ],
  ])('of %s is the one of the host', async (_what, values, url) => {
    const notes = await notesOf(values);
    expect(notes).toContain(`from outside:   ${url}\n`);
    expect(notes).toContain(`base_url = "${url}"`);
    expect(notes).not.toContain('port-forward');
  });

  test.each(['LoadBalancer', 'NodePort'])('of a %s is where kubectl shows it', async (type) => {
    const notes = await notesOf({ bridge: { service: { type } } });
    expect(notes).toMatch(/from outside: .*`kubectl -n ai get service codex-turnbridge`/);
  });

  test('of a bridge with TLS begins with https', async () => {
    const notes = await notesOf({ bridge: { tls: { enabled: true, existingSecret: 'bridge-tls' } } });
    expect(notes).toContain('in the cluster: https://codex-turnbridge.ai.svc.cluster.local');
    expect(warningsIn(notes).join()).toContain('Secret bridge-tls');
  });
});

describe('what a reviewer would ask is said:', () => {
  test('nothing where nothing is to be said', async () => {
    expect(await notesOf(quiet)).not.toContain('TO KNOW');
  });

  test.each([
    ['one bridge pod', { bridge: { ...quiet.bridge, replicas: 1 } }, '1 bridge pod:'],
    [
      'one bridge pod of an autoscaler',
      { bridge: { ...quiet.bridge, autoscaling: { type: 'HPA', minReplicas: 1 } } },
      '1 bridge pod:',
    ],
    [
      'no budget for disruptions',
      { bridge: { ...quiet.bridge, podDisruptionBudget: { enabled: false } } },
      'No PodDisruptionBudget',
    ],
    ['one operator pod', { operator: { ...quiet.operator, replicas: 1 } }, '1 operator pod:'],
    ['Secrets of a whole cluster', { operator: {} }, 'may read the Secrets of all namespaces'],
    [
      'an hour without a bridge',
      { bridge: { ...quiet.bridge, strategy: { type: 'Recreate' } } },
      'nobody is served until the old pods have finished their turns, for up to 300 s',
    ],
    [
      'nodes that cannot be drained',
      { bridge: { ...quiet.bridge, podDisruptionBudget: { maxUnavailable: 0 } } },
      'no node with a bridge pod can be drained',
    ],
    [
      'a monitor that was left out',
      { monitoring: { podMonitor: { enabled: true, renderMode: 'Skip' } } },
      'this cluster serves no PodMonitor',
    ],
    [
      'an ingress without TLS',
      { ingress: { enabled: true, hosts: ['codex.example.com'] } },
      'ingress.tls is empty',
    ],
    ['an hour of twice the pods', { bridge: {} }, 'for up to 3600 s'],
    ['no CRD', { crds: { enabled: false } }, 'crds.enabled is false'],
    [
      'no operator',
      { operator: { enabled: false }, bridge: { ...quiet.bridge, snapshotSecret: 'other-snapshot' } },
      'has to write Secret other-snapshot into namespace ai',
    ],
    ['no network policy', { networkPolicy: { enabled: false } }, 'No NetworkPolicy'],
    [
      'keys in clear',
      { bridge: { ...quiet.bridge, service: { type: 'LoadBalancer' } } },
      'keys travel in clear',
    ],
    ['a demo that lets everybody in', { demo: { enabled: true } }, 'Not for production'],
  ])('%s', async (_what, values, words) => {
    const warnings = warningsIn(await notesOf({ ...quiet, ...values }));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(words);
    expect(warnings[0]).toMatch(/^- .*\.$/);
  });
});

test('no line of a block to be copied is indented: the end of a here-document must not be', async () => {
  expect(await notesOf()).toContain('\nEND\n');
});
