/**
 * docs/install.md, typed word for word into a cluster that has never seen the product: with Helm 4, and again with
 * Helm 3. Alone on the cluster, before all other files: it brings the CRD by Helm, and takes it away.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openScriptedProvider, type ScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import { codexExec, complaints } from '../../clients/codex-exec.ts';
import { openCodexHome } from '../../clients/codex-home.ts';
import { answerScript } from '../../clients/scripts.ts';
import { useClients } from '../../clients/use-clients.ts';
import { until } from '../../harness/wait-for.ts';
import { openJaeger, type Jaeger } from '../../observers/jaeger.ts';
import type { ObservedTrace } from '../../observers/jaeger-trace.ts';
import { follow, readGuide, type Reader } from '../guide.ts';
import { added, listEverything } from '../listing.ts';
import { nodePlace, type HelmVersion } from '../node-place.ts';
import { sandboxService } from '../sandbox-service.ts';
import { testTimer } from '../test-timer.ts';
import { useNode } from '../use-node.ts';

useClients();
const node = useNode();

/** As a person would wait for it, with a machine that does much else. */
const storyMs = 5 * 60_000;
/** Where the guide puts things. */
const namespace = 'turnbridge';
const ownNamespaces = ['ai', 'models', 'observability'];
const address = node.addresses[4] ?? '';

let provider: ScriptedProvider;
let jaeger: Jaeger;

beforeAll(async () => {
  // under the name that the chart asks for, so that nothing has to be added to what the guide says
  const { appVersion } = await chartFacts();
  await node.tagImage(`ghcr.io/turnbridge/turnbridge:${appVersion}`);
  provider = await openScriptedProvider({ host: address, script: answerScript });
  jaeger = await openJaeger({ address });
});

afterAll(async () => {
  await provider.close();
  await jaeger.close();
});

describe.each<[HelmVersion]>([[4], [3]])('with Helm %i', (version) => {
  let reader: Reader;
  let before: ReadonlySet<string>;
  const timer = testTimer(`Helm ${String(version)}`);

  beforeAll(async () => {
    reader = { guide: await readGuide('docs/install.md'), env: await environmentOf(version) };
    before = await listEverything(node);
    const ours = [...before].filter((line) => line.includes('turnbridge'));
    if (ours.length > 0) throw new Error(`this cluster has seen the product: ${ours.join(', ')}`);
  });
  afterAll(() => timer.report());

  test(
    'the first turn is there within five minutes of helm install',
    async () => {
      const began = performance.now();
      await timer.time('helm install --wait', () => follow(reader, 'Install', 'helm install'));
      await follow(reader, 'Install', 'pod-security');
      await until(
        async () => /demo\s+True\s+True\s+True/.test(await follow(reader, 'The first turn', 'kubectl get')),
        'the demo route to be ready',
        60_000,
      );
      const told = await timer.time('helm test', () => follow(reader, 'The first turn', 'helm test'));
      expect(told).toMatch(/Phase: +Succeeded/);
      expect(performance.now() - began).toBeLessThan(storyMs);
    },
    storyMs,
  );

  test(
    'a route of one’s own is accepted as the guide writes it',
    async () => {
      const env = { ...reader.env, OPENAI_API_KEY: 'sk-not-a-real-key' };
      await follow({ ...reader, env }, 'A route of your own');
      const routes = (): Promise<string> => node.mustKubectl(['-n', 'ai', 'get', 'responsesroutes']);
      let listed = '';
      // both at once: before the bridges have said what they serve, a status may have the first one alone
      await until(
        async () => /coding +True +True/.test((listed = await routes())),
        'the route to be accepted, and programmed',
        30_000,
      ).catch(() => {});
      expect(listed).toMatch(/coding +True +True/);
    },
    storyMs,
  );

  test(
    'Codex has a turn through the Service by a sample that was applied, and Jaeger shows it',
    async () => {
      await node.mustKubectl(['create', 'namespace', 'models']);
      await node.mustKubectl(['create', 'namespace', 'observability']);
      const server = { address, targetPort: provider.port };
      await node.apply([
        ...sandboxService({ namespace: 'models', name: 'vllm', port: 8000, ...server }),
        ...sandboxService({
          namespace: 'observability',
          name: 'jaeger-collector',
          port: 4318,
          address,
          targetPort: Number(new URL(jaeger.otlpUrl).port),
        }),
      ]);
      await timer.time('helm upgrade, rolled out', async () => {
        await follow(reader, 'Traces in Jaeger', 'helm upgrade');
        await node.mustKubectl(['-n', namespace, 'rollout', 'status', 'deployment/turnbridge'], {
          timeoutMs: 120_000,
        });
      });
      // beside the demo's: routes without hostnames belong to the namespace that had the first one
      await node.mustKubectl(['apply', '-n', namespace, '-f', 'manifests/samples/vllm.yaml']);
      const route = 'responsesroute/vllm';
      await node.mustKubectl(['-n', namespace, 'wait', '--for=condition=Ready', route, '--timeout=50s']);

      // the long name: the short one is of the route that the guide has the reader make
      const baseUrl = `http://turnbridge.${namespace}.svc.cluster.local/v1`;
      await using home = await openCodexHome({ baseUrl });
      const run = await timer.time('codex exec', () => codexExec(home, 'Say hello'));

      expect(complaints(run)).toEqual([]);
      expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Answer to: Say hello' });
      expect(provider.requests.at(-1)?.body).toMatchObject({ model: 'qwen3-coder' });
      const codexTurns = (): Promise<readonly ObservedTrace[]> =>
        jaeger.findTraces({
          service: 'turnbridge',
          tags: { 'turnbridge.outcome': 'completed', 'turnbridge.client.kind': 'codex' },
        });
      // the warm-up, which no provider hears of, is a trace of its own
      const shown = await until(
        async () => (await codexTurns()).map(toNames).find((names) => names.length > 1),
        'the turn in Jaeger',
        30_000,
      );
      const passedThrough = ['response.create', 'chat qwen3-coder', 'POST /v1/responses'];
      expect(shown).toEqual(expect.arrayContaining(passedThrough));
    },
    storyMs,
  );

  test(
    'a rollback brings back what was there, and the turn with it',
    async () => {
      const endpoint = async (): Promise<boolean> =>
        (await node.mustKubectl(['-n', namespace, 'get', 'deployment/turnbridge', '-o', 'yaml'])).includes(
          'jaeger-collector',
        );
      expect(await endpoint()).toBe(true);
      await timer.time('helm rollback --wait', () =>
        node.helm(['rollback', 'turnbridge', '1', '-n', namespace, '--wait'], { version }),
      );
      expect(await endpoint()).toBe(false);
      expect(await follow(reader, 'The first turn', 'helm test')).toMatch(/Phase: +Succeeded/);
    },
    storyMs,
  );

  test(
    'uninstalled, nothing is left but the CRD and the namespace',
    async () => {
      await node.mustKubectl(['-n', namespace, 'delete', 'responsesroute', 'vllm']);
      for (const name of ownNamespaces) await node.mustKubectl(['delete', 'namespace', name]);
      await timer.time('helm uninstall', () => follow(reader, 'Remove it'));
      const expected = [
        'APIService v1alpha1.turnbridge.dev', // of the CRD
        `ConfigMap ${namespace}/kube-root-ca.crt`,
        'CustomResourceDefinition responsesroutes.turnbridge.dev',
        `Namespace ${namespace}`,
        `ServiceAccount ${namespace}/default`,
      ];
      let left: readonly string[] = [];
      await timer.time('all gone', () =>
        until(
          async () => {
            left = added(before, await listEverything(node));
            return left.length <= expected.length;
          },
          'all objects to go',
          120_000,
        ).catch(() => {}),
      );
      expect(left).toEqual(expected);
    },
    storyMs,
  );

  afterAll(async () => {
    await node.kubectl(['delete', 'crd', 'responsesroutes.turnbridge.dev', '--ignore-not-found']);
    await node.kubectl(['delete', 'namespace', namespace, ...ownNamespaces, '--ignore-not-found'], {
      timeoutMs: 120_000,
    });
  }, 150_000);
});

/** A reader whose `helm` is of that version. */
async function environmentOf(version: HelmVersion): Promise<NodeJS.ProcessEnv> {
  const { folder, helm } = nodePlace();
  const programs = join(folder, `helm-${String(version)}`);
  await mkdir(programs, { recursive: true });
  await symlink(helm[version], join(programs, 'helm'));
  return { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
}

function toNames({ spans }: ObservedTrace): readonly string[] {
  return spans.map(({ name }) => name);
}

async function chartFacts(): Promise<{ readonly appVersion: string }> {
  const text = await node.helm(['show', 'chart', 'charts/turnbridge']);
  return { appVersion: /^appVersion: "?([^"\n]+)"?$/m.exec(text)?.[1] ?? '' };
}
