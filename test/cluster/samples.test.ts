/**
 * Each sample of manifests/samples as a user has it: applied to the API server, taken by the operator, served by a
 * bridge that reads the snapshot Secret, and used by the real Codex.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { expectAsked } from '../clients/expect-asked.ts';
import { sampleCases, titleOf } from '../clients/sample-cases.ts';
import { readSample, type SampleDocument } from '../clients/sample-routes.ts';
import { answerScript } from '../clients/scripts.ts';
import { useClients } from '../clients/use-clients.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openTlsFront, tlsFixture, type TlsFront } from '../harness/tls-front.ts';
import { until } from '../harness/wait-for.ts';
import { codexTurn, goodRun, grantSidecar, inNamespace, routeCount, routeNames } from './sample-steps.ts';
import { openStage, SNAPSHOT_SECRET, type RunningBridge, type Stage } from './stage.ts';
import { useCluster } from './use-cluster.ts';

useClients();
const cluster = useCluster();

/** Their providers are on loopback: no cluster takes the one, the other is for pods with a sidecar. */
const forFilesOnly = 'scripted.yaml';
const forSidecars = 'sidecar.yaml';

const casesOf = (isMeant: (file: string) => boolean) =>
  sampleCases.filter(({ file }) => isMeant(file)).map((one) => [titleOf(one), one] as const);

describe('through the bridge of an installation', () => {
  let stage: Stage;
  let bridge: RunningBridge;
  let front: TlsFront;
  /** Of the routes. */
  let namespace: string;

  beforeAll(async () => {
    stage = await openStage(cluster, { script: answerScript });
    stage.provider.useWebSocket('on');
    namespace = await cluster.namespace();
    const host = new URL(stage.provider.url).hostname;
    const identity = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };
    front = await openTlsFront(stage.provider.port, identity, { host, targetHost: host });
    await stage.startOperator();
    bridge = await stage.startBridge();
  });

  afterAll(async () => {
    await front.close();
    await stage.close();
  });

  test.each(casesOf((file) => file !== forFilesOnly && file !== forSidecars))('%s', async (_, one) => {
    await using applied = await apply(await documentsOf(one.file));
    for (const name of applied.routes) await stage.condition(name, 'Ready', 'True', { namespace });

    const { run, requests } = await codexTurn(one, bridge.url, stage.provider);

    expect(run).toMatchObject(goodRun);
    expectAsked(one, requests);
  });

  test('openai.yaml applied without envsubst: its route says what is missing, and its variables open no door', async () => {
    await using _ = await apply(toDocuments(await textOf('openai.yaml')));

    const { reason, message } = await stage.condition('openai', 'ResolvedRefs', 'False', { namespace });

    expect(reason).toBe('SecretKeyMissing');
    expect(message).toContain('still holds a variable');
    const answer = await fetch(`${bridge.url}/responses`, {
      method: 'POST',
      headers: { authorization: 'Bearer ${TURNBRIDGE_KEY_ALICE}', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5', input: 'Say hello' }),
    });
    expect(answer.status).toBe(401);
  });

  test('what the API server fills in is what defaults.yaml writes out', async () => {
    const filledIn = await storedSpec('passthrough');
    const written = await storedSpec('defaults');
    // these two have no default of their own: what counts without them depends on the provider and the system
    expect(written).toEqual({
      ...filledIn,
      continuation: { ...(filledIn['continuation'] as object), mode: 'Transcript' },
      providers: (filledIn['providers'] as readonly { readonly tls: object }[]).map((provider) => ({
        ...provider,
        tls: { ...provider.tls, wellKnownCACertificates: 'System' },
      })),
    });
  });

  test('scripted.yaml is refused, with the reason', async () => {
    const documents = toDocuments(await textOf(forFilesOnly));
    const { code, stderr } = await stage.kubectl(['apply', '-f', '-'], { stdin: documents });
    expect(code).toBe(1);
    expect(stderr).toContain('leads to the machine of the bridge itself');
  });

  async function documentsOf(file: string): Promise<readonly SampleDocument[]> {
    const { origin, hostname } = new URL(stage.provider.url);
    const documents = await readSample(file, {
      plain: origin,
      secure: `https://${hostname}:${String(front.port)}`,
      bridgeHost: new URL(bridge.url).hostname,
    });
    return inNamespace(documents, namespace, stage.bridgeName);
  }

  function toDocuments(text: string): readonly SampleDocument[] {
    const documents = parseAllDocuments(text).map((document) => document.toJS() as SampleDocument);
    return inNamespace(documents, namespace, stage.bridgeName);
  }

  /** Samples are for themselves: what one applied is gone, also from the bridge, before the next. */
  async function apply(
    documents: readonly SampleDocument[],
  ): Promise<AsyncDisposable & { readonly routes: readonly string[] }> {
    await stage.apply(...documents);
    return {
      routes: routeNames(documents),
      async [Symbol.asyncDispose]() {
        await stage.kubectl(['delete', '-f', '-', '--ignore-not-found'], { stdin: documents });
        await until(async () => (await routeCount(bridge)) === 0, 'the bridge to serve no route', 10_000);
      },
    };
  }

  async function storedSpec(name: string): Promise<Readonly<Record<string, unknown>>> {
    await using _ = await apply(await documentsOf(`${name}.yaml`));
    const { stdout } = await stage.kubectl(['get', 'responsesroute', name, '-n', namespace, '-o', 'json']);
    return (JSON.parse(stdout) as { spec: Readonly<Record<string, unknown>> }).spec;
  }
});

describe('through a sidecar', () => {
  test.each(casesOf((file) => file === forSidecars))('%s, on loopback', async (_, one) => {
    await using stage = await openStage(cluster);
    await using provider = await fakeProvider(answerScript, { webSocket: 'on' });
    const namespace = await cluster.namespace();
    await grantSidecar(stage, namespace);
    await stage.startOperator({ args: ['--sidecar-namespaces', namespace] });
    const { origin } = new URL(provider.url);
    const documents = await readSample(one.file, { plain: origin, secure: origin, bridgeHost: '127.0.0.1' });
    await stage.apply(...inNamespace(documents, namespace));
    for (const name of routeNames(documents)) await stage.condition(name, 'Accepted', 'True', { namespace });
    const bridge = await stage.startBridge({
      args: ['--snapshot-secret', `${namespace}/${SNAPSHOT_SECRET}`],
    });

    const { run, requests } = await codexTurn(one, bridge.url, provider);

    expect(run).toMatchObject(goodRun);
    expectAsked(one, requests);
  });
});

function textOf(file: string): Promise<string> {
  return readFile(new URL(`../../manifests/samples/${file}`, import.meta.url), 'utf8');
}
