/** TLS on the bridge by values: a Secret, a turn through the Service, and another certificate in the middle of it. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openScriptedProvider, type ScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import { connect } from '../../harness/connect.ts';
import { gate } from '../../harness/fake-provider.ts';
import { runCommand } from '../../harness/run-command.ts';
import { until } from '../../harness/wait-for.ts';
import { selfSigned, tlsSecret, type Pair } from '../self-signed.ts';
import { isReady, useNode, type Pod } from '../use-node.ts';

const node = useNode();

const BRIDGES = 'app.kubernetes.io/component=bridge';
const PORT = 8787;
const OPS_PORT = 9464;
const command = fileURLToPath(new URL('../../../cmd/turnbridge.ts', import.meta.url));
/** The kubelet looks every ten seconds or so on this cluster, every minute on most; this machine does much else. */
const mountedMs = 120_000;
const slowMs = 400_000;

let namespace = '';
let host = '';
let folder = '';
let first: Pair;
let provider: ScriptedProvider;
/** A turn that asks for `held` ends when it is opened. */
const held = gate();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-tls-'));
  provider = await openScriptedProvider({
    host: node.addresses[13]!,
    script: ({ body }) =>
      body.model === 'held'
        ? [{ begin: true }, { until: held.promise }, { text: 'whole' }]
        : [{ text: 'hello' }],
  });
  namespace = await node.namespace({ enforce: 'restricted' });
  host = `turnbridge.${namespace}.svc.cluster.local`;
  first = await selfSigned(host);
  await node.apply(tlsSecret('bridge-tls', first), namespace);
  await node.apply(
    {
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name: 'models' },
      spec: {
        bridgeName: namespace,
        clients: { auth: { type: 'None' } },
        providers: [{ name: 'models', url: provider.url, auth: { type: 'None' } }],
      },
    },
    namespace,
  );
  const bridge = {
    bridgeName: namespace,
    replicas: 2,
    resources: { requests: { cpu: '100m' } },
    tls: { enabled: true, existingSecret: 'bridge-tls' },
  };
  await node.install({ namespace, values: { bridge, operator: { replicas: 1 } } });
  await node.mustKubectl(
    ['wait', 'responsesroute/models', '-n', namespace, '--for=condition=Ready', '--timeout=90s'],
    { timeoutMs: 100_000 },
  );
}, slowMs);

afterAll(async () => {
  await provider.close();
  await rm(folder, { recursive: true });
});

test('a turn goes by wss through the Service, to whoever knows the authority', async () => {
  const { code, output } = await turn(first);
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('hello') });
  const stranger = await turn(await selfSigned(host));
  expect(stranger.code).toBe(1);
  expect(stranger.output).toMatch(/certificate is not trusted here/);
}, 120_000);

test(
  'a new certificate is shown by every pod, without a restart; who is connected goes on',
  async () => {
    const before = await node.readyPods(namespace, BRIDGES, 2);
    await using client = await connect(`wss://${host}/v1/responses`, { ca: first.certificate });
    client.create({ model: 'held' });
    await client.next('response.created');
    const second = await selfSigned(host);
    await node.apply(tlsSecret('bridge-tls', second), namespace);
    await shown(before, second);
    expect((await turn(second)).code).toBe(0);
    expect((await turn(first)).code).toBe(1);
    held.open();
    expect((await client.events({ timeoutMs: 30_000 })).at(-1)).toMatchObject({ type: 'response.completed' });
    client.create({ model: 'm' });
    expect((await client.events({ timeoutMs: 30_000 })).at(-1)).toMatchObject({ type: 'response.completed' });
    await undisturbed(before);
  },
  slowMs,
);

test(
  'a key that does not belong to it is refused, and the last good pair stays',
  async () => {
    const pods = await node.readyPods(namespace, BRIDGES, 2);
    const shownBefore = await Promise.all(pods.map(fingerprint));
    const [third, stray] = [await selfSigned(host), await selfSigned(host)];
    await node.apply(tlsSecret('bridge-tls', { ...third, key: stray.key }), namespace);
    for (const pod of pods) {
      await until(
        async () => (await metric(pod, 'turnbridge_tls_certificate_last_reload_successful')) === 0,
        `${pod.metadata.name} to refuse it`,
        mountedMs,
      );
      const log = await node.podLog(namespace, pod.metadata.name);
      expect(log).toMatch(/tls\.key is not the key of the first certificate/);
      expect(log).not.toContain('PRIVATE');
    }
    expect(await Promise.all(pods.map(fingerprint))).toEqual(shownBefore);
    await node.apply(tlsSecret('bridge-tls', third), namespace);
    await shown(pods, third);
    await undisturbed(pods);
  },
  slowMs,
);

/** One by our own command. */
async function turn({
  certificate,
}: Pair): Promise<{ readonly code: number | null; readonly output: string }> {
  const path = join(folder, 'ca.crt');
  await writeFile(path, certificate);
  const words = [command, 'turn', `https://${host}/v1`, 'hello', '--model', 'm', '--ca-file', path];
  const { code, output } = await runCommand(process.execPath, words);
  return { code, output };
}

/** Waits until all of them show this certificate. */
async function shown(pods: readonly Pod[], { certificate }: Pair): Promise<void> {
  for (const pod of pods) {
    await until(
      async () => (await fingerprint(pod)) === pemBytes(certificate),
      `${pod.metadata.name} to show the new certificate`,
      mountedMs,
    );
  }
}

/** The certificate that a pod shows, base64 of its bytes. */
async function fingerprint({ status }: Pod): Promise<string> {
  const socket = connectTls({
    host: status.podIP,
    port: PORT,
    servername: host,
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().raw.toString('base64');
  } finally {
    socket.destroy();
  }
}

function pemBytes(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '');
}

/** The very same pods: none was restarted, and none was unready for a moment. */
async function undisturbed(before: readonly Pod[]): Promise<void> {
  const now = await node.readyPods(namespace, BRIDGES, before.length);
  const seen = (pods: readonly Pod[]): readonly object[] =>
    pods
      .map((pod) => ({
        uid: pod.metadata.uid,
        isReady: isReady(pod),
        readySince: pod.status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime,
        restarts: pod.status.containerStatuses?.map(({ restartCount }) => restartCount),
      }))
      .sort((one, other) => one.uid.localeCompare(other.uid));
  expect(seen(now)).toEqual(seen(before));
}

async function metric({ status }: Pod, name: string): Promise<number> {
  const text = await (await fetch(`http://${status.podIP ?? ''}:${String(OPS_PORT)}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
}
