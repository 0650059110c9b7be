/** An operator before a fake API server, with bridge pods that do what bridges do: read the Secret, and say so. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openKubeClient } from '../../src/kube/open-kube-client.ts';
import { openOperator, type Operator, type OperatorOptions } from '../../src/operator.ts';
import { unpackSnapshot, type UnpackedSnapshot } from '../../src/route/packed-snapshot.ts';
import type { Log } from '../../src/telemetry/log/log.ts';
import type { SeenRequest } from '../harness/fake-kube-api.ts';
import { openFakeKube, type FakeKube } from '../harness/fake-kube.ts';
import { until } from '../harness/wait-for.ts';

export const SNAPSHOT = { namespace: 'turnbridge', name: 'snapshot' };
const SLICE = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', ...SNAPSHOT, name: 'bridges' };

/** A few seconds at most on an idle machine. */
export const MAX_WAIT_MS = 15_000;

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface StageOptions extends Partial<OperatorOptions> {
  /** Bridge pods that are ready from the start; 1 by default. */
  readonly pods?: number;
  readonly kube?: FakeKube;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** Use with `await using`. */
export class OperatorStage implements AsyncDisposable {
  readonly kube: FakeKube;
  readonly lines: Line[] = [];
  readonly pods: FakePod[] = [];
  readonly #ownsKube: boolean;
  readonly #folders: string[] = [];
  readonly #operators: Operator[] = [];

  constructor(kube: FakeKube, ownsKube: boolean) {
    this.kube = kube;
    this.#ownsKube = ownsKube;
  }

  /** The first one that was started. */
  get operator(): Operator {
    return this.#operators[0]!;
  }

  /** One more of the same installation, unless told otherwise. */
  async start(options: Partial<OperatorOptions> = {}): Promise<Operator> {
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-operator-'));
    this.#folders.push(folder);
    const kubeconfig = await this.kube.writeCredentials(folder);
    const operator = await openOperator({
      openClient: (facts) => openKubeClient({ kubeconfig, facts, userAgent: 'turnbridge-operator/test' }),
      bridgeName: 'default',
      snapshotSecret: SNAPSHOT,
      namespaces: undefined,
      sidecars: { bridgeName: 'sidecar', namespaces: [] },
      lease: 'turnbridge-operator',
      ownerServiceAccount: undefined,
      demoProvider: undefined,
      identity: `operator-${this.#operators.length + 1}`,
      installation: 'tb-test',
      opsListen: { host: '127.0.0.1', port: 0 },
      log: recordingLog(this.lines),
      version: '0.0.0',
      nodeVersion: 'v0',
      revision: undefined,
      ...options,
    });
    this.#operators.push(operator);
    return operator;
  }

  /** Ready bridge pods, as their EndpointSlice has it. */
  async scale(count: number): Promise<void> {
    while (this.pods.length < count) this.pods.push(await FakePod.open(this.kube));
    for (const pod of this.pods.splice(count)) await pod.close();
    this.showPods();
  }

  showPods(): void {
    // each test pod has a port of its own: one slice each
    for (const { metadata } of this.kube.list('discovery.k8s.io/v1', 'EndpointSlice')) {
      if (!this.pods.some(({ port }) => metadata.name === `bridges-${port}`))
        this.kube.remove({ ...SLICE, name: metadata.name });
    }
    for (const [index, { port, ready, terminating }] of this.pods.entries()) {
      this.kube.put({
        apiVersion: SLICE.apiVersion,
        kind: SLICE.kind,
        metadata: {
          namespace: SNAPSHOT.namespace,
          name: `bridges-${port}`,
          labels: { 'turnbridge.dev/bridge': 'default' },
        },
        addressType: 'IPv4',
        ports: [
          { name: 'clients', port: 1 },
          { name: 'ops', port },
        ],
        endpoints: [
          {
            addresses: ['127.0.0.1'],
            conditions: { ready, terminating },
            targetRef: { kind: 'Pod', name: `bridge-${index}` },
          },
        ],
      });
    }
  }

  /** Applies a route, as a user does; the API server's default is filled in. */
  route(name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): void {
    this.kube.put({
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { namespace: 'ai', name, ...metadata },
      spec: {
        bridgeName: 'default',
        hostnames: [`${name}.example.com`],
        clients: { auth: { type: 'None' } },
        providers: [{ name: 'main', url: 'https://provider.example/v1', auth: { type: 'None' } }],
        ...spec,
      },
    });
  }

  /** A route whose provider has a key. */
  keyedRoute(name: string, secret: string, spec: Record<string, unknown> = {}): void {
    this.route(name, {
      clients: { auth: { type: 'None' } },
      providers: [
        {
          name: 'main',
          url: 'https://provider.example/v1',
          auth: {
            type: 'APIKey',
            secretRef: { name: secret, key: 'apiKey' },
            header: { name: 'authorization', prefix: 'Bearer ' },
          },
        },
      ],
      ...spec,
    });
  }

  secret(name: string, entries: Record<string, string>, namespace = 'ai'): void {
    const data = Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, btoa(value)]));
    this.kube.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: 'Opaque', data });
  }

  removeRoute(name: string): void {
    this.kube.remove({
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      namespace: 'ai',
      name,
    });
  }

  /** The snapshot as a bridge reads it; undefined: there is none. */
  snapshot(namespace = SNAPSHOT.namespace): UnpackedSnapshot | undefined {
    return readSnapshot(this.kube, namespace);
  }

  /** The ids of the routes in the snapshot. */
  served(namespace?: string): readonly string[] | undefined {
    return this.snapshot(namespace)?.snapshot.routes.map(({ id }) => id);
  }

  /** The key that a route's first provider is asked with. */
  keyOf(name: string): string | undefined {
    const route = this.snapshot()?.snapshot.routes.find(({ id }) => id === `ai/${name}`);
    const auth = route?.providers[0]?.auth;
    return auth?.type === 'APIKey' ? auth.key.reveal() : undefined;
  }

  conditions(name: string, namespace = 'ai'): ReadonlyMap<string, Condition> {
    const route = this.kube.read({
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      namespace,
      name,
    });
    const { conditions = [] } = (route?.['status'] ?? {}) as { readonly conditions?: readonly Condition[] };
    return new Map(conditions.map((condition) => [condition.type, condition]));
  }

  /** Waits until a condition of a route has this status, and gives it. */
  condition(name: string, type: string, status: string, reason?: string): Promise<Condition> {
    return this.#until(() => {
      const found = this.conditions(name).get(type);
      return found?.status === status && (reason === undefined || found.reason === reason)
        ? found
        : undefined;
    }, `${type}=${status} of ${name}`);
  }

  /** Waits until exactly these routes are in the snapshot. */
  async servesOnly(...ids: string[]): Promise<void> {
    const wanted = [...ids].sort().join();
    await this.#until(
      () => [...(this.served() ?? ['none yet'])].sort().join() === wanted,
      `a snapshot of ${wanted === '' ? 'nothing' : wanted}`,
    );
  }

  async #until<T>(condition: () => T, what: string): Promise<Exclude<T, undefined | null | false>> {
    try {
      return await until(condition, what, MAX_WAIT_MS);
    } catch (error) {
      throw new Error(`${(error as Error).message}; ${this.#trouble()}`, { cause: error });
    }
  }

  /** What the operator complained of, for the messages of failed tests. */
  #trouble(): string {
    const loud = this.lines.filter(({ level }) => level === 'warn' || level === 'error');
    return loud.length === 0 ? 'nothing was complained of' : JSON.stringify(loud.slice(-3));
  }

  /** Requests that changed something, leases and events aside. */
  writes(): string[] {
    return this.#changes().map(nameOf);
  }

  /** Those of them that are a last word; see {@link isLastWord}. */
  lastWords(): string[] {
    return this.#changes().filter(isLastWord).map(nameOf);
  }

  #changes(): readonly SeenRequest[] {
    return this.kube.requests.filter(
      ({ method, path }) => method !== 'GET' && !/\/(leases|events)\b/.test(path),
    );
  }

  async ready(
    operator = this.operator,
  ): Promise<{ readonly status: number; readonly reason: string | undefined }> {
    const response = await fetch(`http://${operator.opsAddress}/readyz`);
    const { reason } = (await response.json()) as { reason?: string };
    return { status: response.status, reason };
  }

  async metrics(operator = this.operator): Promise<string> {
    return (await fetch(`http://${operator.opsAddress}/metrics`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.close()));
    await Promise.all(this.pods.map((pod) => pod.close()));
    if (this.#ownsKube) await this.kube[Symbol.asyncDispose]();
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true })));
  }
}

export async function openStage({ pods = 1, kube, ...options }: StageOptions = {}): Promise<OperatorStage> {
  const stage = new OperatorStage(kube ?? (await openFakeKube()), kube === undefined);
  await stage.scale(pods);
  await stage.start(options);
  return stage;
}

/** Everything but an operator: what is in the cluster is put there first. */
export async function openCluster(pods = 1): Promise<OperatorStage> {
  const stage = new OperatorStage(await openFakeKube(), true);
  await stage.scale(pods);
  return stage;
}

/**
 * Whether this is no status which only says that a pod is still being asked. That is written, and rightly, as soon as a
 * pod takes half a second to answer, as any may on a busy machine; so tests that count writes count these alone.
 */
export function isLastWord({ body }: SeenRequest): boolean {
  const { status } = (body ?? {}) as { readonly status?: { readonly conditions?: readonly Condition[] } };
  const programmed = status?.conditions?.find(({ type }) => type === 'Programmed');
  return programmed?.status !== 'Unknown' || programmed.reason !== 'Pending';
}

function nameOf({ method, path }: SeenRequest): string {
  return `${method} ${path}`;
}

/** A bridge's ops port. It serves what the Secret holds, unless it is told to stay behind. */
export class FakePod {
  readonly #server: Server;
  readonly port: number;
  ready = true;
  terminating = false;
  /** Questions so far. */
  asked = 0;
  /** What it says; by default what the Secret holds. */
  says: () => unknown;

  private constructor(server: Server, kube: FakeKube) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.says = () => {
      const read = readSnapshot(kube, SNAPSHOT.namespace);
      return { version: read?.snapshot.version ?? null, generation: read?.generation };
    };
    server.on('request', (_, response) => {
      this.asked += 1;
      const answer = this.says();
      if (answer === undefined) return; // no answer at all
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  }

  static async open(kube: FakeKube): Promise<FakePod> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve());
    });
    return new FakePod(server, kube);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function readSnapshot(kube: FakeKube, namespace: string): UnpackedSnapshot | undefined {
  const secret = kube.read({ apiVersion: 'v1', kind: 'Secret', namespace, name: SNAPSHOT.name });
  const value = (secret?.['data'] as Record<string, string> | undefined)?.['snapshot'];
  if (value === undefined) return undefined;
  return unpackSnapshot(gunzipSync(Buffer.from(value, 'base64')).toString('utf8'));
}

function recordingLog(lines: Line[]): Log {
  const take =
    (level: string) =>
    (event: string, msg: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push({ level, event, msg, fields });
    };
  return {
    debug: take('debug'),
    info: take('info'),
    warn: take('warn'),
    error: take('error'),
    warnRepeated: (_, event, msg, fields) => take('warn')(event, msg, fields),
    close: () => Promise.resolve(),
    stats: { lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 },
  };
}
