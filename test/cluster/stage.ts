/**
 * An installation on a real API server: a namespace of its own, the roles that users apply, operators and bridges as
 * processes with the tokens of their service accounts, a scripted provider that a route may name.
 *
 *   codex, sockets ─▶ bridges (10.99.0.x) ─▶ scripted provider (10.99.0.1)
 *                        ▲ one Secret
 *   kubectl ─▶ API server ─▶ operator
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import { openScriptedProvider, type ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { until } from '../harness/wait-for.ts';
import { applyRbac } from './rbac-manifests.ts';
import { startProduct, type ProductProcess } from './product-process.ts';
import type { KubectlOptions, KubectlResult } from './kubectl.ts';
import type { Cluster } from './use-cluster.ts';

export const SNAPSHOT_SECRET = 'turnbridge-snapshot';

export interface StageWishes {
  /** What the provider answers. Left out: `hello`. */
  readonly script?: ScriptLike;
  /** Where operators and bridges find the API server, when it is not the cluster's own address: a proxy before it. */
  readonly serverUrl?: string;
}

export interface OperatorWishes {
  /** More flags, or others: the later one of a name counts. */
  readonly args?: readonly string[];
  readonly serverUrl?: string;
  /** Not waited for: it cannot become ready, or not yet. */
  readonly unready?: boolean;
  /** A file that is there already, where the API server is not: {@link Stage.operatorKubeconfig}. */
  readonly kubeconfig?: string;
  /** Of the process: `NODE_OPTIONS`. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface BridgeWishes {
  readonly args?: readonly string[];
  readonly serverUrl?: string;
  readonly unready?: boolean;
  /** A folder as a mounted Secret would be; see {@link Stage.mountSnapshot}. */
  readonly snapshotFolder?: string;
  /** Without the watch: the folder alone. */
  readonly unwatched?: boolean;
  /** A folder that is there already, where the API server is not: {@link Stage.bridgeCredentials}. */
  readonly credentials?: string;
  /** No EndpointSlice names it: the operator does not ask it. */
  readonly unannounced?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

export interface RunningOperator extends ProductProcess {
  /** `http://HOST:PORT` of probes and metrics. */
  readonly opsUrl: string;
}

export interface RunningBridge extends RunningOperator {
  /** `http://HOST:PORT/v1`. */
  readonly url: string;
  /** What it serves now, or undefined. */
  snapshot(): Promise<
    { readonly version: string; readonly generation: number; readonly source: string } | undefined
  >;
}

/** Closes all it started; what it made on the API server, the cluster deletes. */
export interface Stage extends AsyncDisposable {
  /** Of operator, bridges and snapshot. */
  readonly namespace: string;
  /** Only routes with it are this stage's: test files share the API server. */
  readonly bridgeName: string;
  readonly provider: ScriptedProvider;
  startOperator(wishes?: OperatorWishes): Promise<RunningOperator>;
  startBridge(wishes?: BridgeWishes): Promise<RunningBridge>;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** `kubectl apply`; @throws Error with its words when it was refused. */
  apply(...objects: readonly object[]): Promise<void>;
  /** A route of this stage to its provider, with `spec` merged over it. */
  route(name: string, spec?: Record<string, unknown>, namespace?: string): Record<string, unknown>;
  secret(
    name: string,
    entries: Readonly<Record<string, string>>,
    namespace?: string,
  ): Record<string, unknown>;
  /** Conditions by type, once they speak of the newest generation of the route. */
  conditions(name: string, namespace?: string): Promise<ReadonlyMap<string, Condition>>;
  /** Waits until a condition has this status. */
  condition(name: string, type: string, status: string, options?: WaitOptions): Promise<Condition>;
  /** A folder with what the snapshot Secret holds now, as kubelet would mount it. */
  mountSnapshot(): Promise<string>;
  /** A kubeconfig with a new token of the operator's account. */
  operatorKubeconfig(serverUrl?: string): Promise<string>;
  /** A folder as a pod of the bridge has it: a token and the authority. */
  bridgeCredentials(): Promise<string>;
  close(): Promise<void>;
}

export interface WaitOptions {
  readonly namespace?: string;
  readonly timeoutMs?: number;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

export async function openStage(cluster: Cluster, wishes: StageWishes = {}): Promise<Stage> {
  const namespace = await cluster.namespace();
  const provider = await openScriptedProvider({
    host: cluster.addresses[0] ?? '127.0.0.1',
    script: wishes.script ?? 'hello',
  });
  await applyRbac(cluster, 'operator', { turnbridge: namespace });
  await applyRbac(cluster, 'bridge', { turnbridge: namespace });
  return new RunningStage(cluster, namespace, provider, wishes);
}

class RunningStage implements Stage {
  readonly namespace: string;
  readonly bridgeName = `b-${randomBytes(3).toString('hex')}`;
  readonly provider: ScriptedProvider;
  readonly #cluster: Cluster;
  readonly #wishes: StageWishes;
  readonly #processes: ProductProcess[] = [];
  readonly #folders: string[] = [];
  #bridges = 0;

  constructor(cluster: Cluster, namespace: string, provider: ScriptedProvider, wishes: StageWishes) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.provider = provider;
    this.#wishes = wishes;
  }

  operatorKubeconfig(serverUrl = this.#wishes.serverUrl): Promise<string> {
    return this.#cluster.kubeconfig({
      as: { namespace: this.namespace, serviceAccount: 'turnbridge-operator' },
      ...(serverUrl === undefined ? {} : { serverUrl }),
    });
  }

  async startOperator({
    args = [],
    serverUrl,
    unready = false,
    kubeconfig,
    env,
  }: OperatorWishes = {}): Promise<RunningOperator> {
    const flags = toFlags({
      kubeconfig: kubeconfig ?? (await this.operatorKubeconfig(serverUrl)),
      'snapshot-secret': `${this.namespace}/${SNAPSHOT_SECRET}`,
      'bridge-name': this.bridgeName,
      'ops-listen': '127.0.0.1:0',
    });
    const operator = startProduct(['operator', ...flags, ...args], env);
    this.#processes.push(operator);
    const { ops_listen: opsListen } = await operator.line('process.start');
    const running = { ...operator, opsUrl: `http://${String(opsListen)}` };
    if (!unready) await untilReady(running);
    return running;
  }

  async startBridge(wishes: BridgeWishes = {}): Promise<RunningBridge> {
    this.#bridges += 1;
    const name = `bridge-${String(this.#bridges)}`;
    const address = this.#cluster.addresses[this.#bridges % this.#cluster.addresses.length] ?? '127.0.0.1';
    const url = wishes.serverUrl ?? this.#wishes.serverUrl ?? (await this.#cluster.serverUrl());
    const flags = toFlags({
      ...(wishes.unwatched !== true && {
        'snapshot-secret': `${this.namespace}/${SNAPSHOT_SECRET}`,
        'kube-api': url,
        'kube-credentials': wishes.credentials ?? (await this.bridgeCredentials()),
      }),
      ...(wishes.snapshotFolder !== undefined && { 'snapshot-dir': wishes.snapshotFolder }),
      listen: `${address}:0`,
      'ops-listen': `${address}:0`,
      'drain-delay': '0',
      'drain-spread': '0',
      'drain-linger': '0',
    });
    const bridge = startProduct(['bridge', ...flags, ...(wishes.args ?? [])], wishes.env);
    this.#processes.push(bridge);
    const { listen, ops_listen: opsListen } = await bridge.line('process.start');
    const running: RunningBridge = {
      ...bridge,
      url: `http://${String(listen)}/v1`,
      opsUrl: `http://${String(opsListen)}`,
      async snapshot() {
        const response = await fetch(`${running.opsUrl}/snapshot`);
        const body = (await response.json()) as { version: string; generation: number; source: string };
        return response.ok ? body : undefined;
      },
    };
    if (wishes.unannounced !== true) await this.#announce(name, String(opsListen));
    if (wishes.unready !== true) await untilReady(running);
    if (wishes.unannounced === true) return running;
    void bridge.ended.then(() => this.kubectl(['delete', 'endpointslice', name, '-n', this.namespace]));
    return running;
  }

  /** What the headless Service of a chart does for a pod. */
  async #announce(name: string, opsListen: string): Promise<void> {
    const [address = '', port = ''] = opsListen.split(':');
    await this.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: this.namespace, labels: { 'turnbridge.dev/bridge': this.bridgeName } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: [address],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', namespace: this.namespace, name },
        },
      ],
      ports: [{ name: 'ops', port: Number(port) }],
    });
  }

  async bridgeCredentials(): Promise<string> {
    const folder = await this.#folder();
    await writeFile(join(folder, 'token'), await this.#cluster.token(this.namespace, 'turnbridge-bridge'));
    await writeFile(join(folder, 'ca.crt'), await this.#cluster.ca());
    return folder;
  }

  async #folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-stage-'));
    this.#folders.push(folder);
    return folder;
  }

  async mountSnapshot(): Promise<string> {
    const { stdout } = await this.kubectl([
      'get',
      'secret',
      SNAPSHOT_SECRET,
      '-n',
      this.namespace,
      '-o',
      'json',
    ]);
    const { data } = JSON.parse(stdout) as { data: Record<string, string> };
    const folder = await this.#folder();
    await mkdir(folder, { recursive: true });
    for (const [name, value] of Object.entries(data))
      await writeFile(join(folder, name), Buffer.from(value, 'base64'));
    return folder;
  }

  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult> {
    return this.#cluster.kubectl(args, options);
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const { code, stderr } = await this.kubectl(['apply', '-f', '-'], { stdin: objects });
    if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
  }

  route(
    name: string,
    spec: Record<string, unknown> = {},
    namespace = this.namespace,
  ): Record<string, unknown> {
    return {
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name, namespace },
      spec: {
        bridgeName: this.bridgeName,
        clients: { auth: { type: 'None' } },
        providers: [{ name: 'scripted', url: this.provider.url, auth: { type: 'None' } }],
        ...spec,
      },
    };
  }

  secret(
    name: string,
    entries: Readonly<Record<string, string>>,
    namespace = this.namespace,
  ): Record<string, unknown> {
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: entries };
  }

  async conditions(name: string, namespace = this.namespace): Promise<ReadonlyMap<string, Condition>> {
    const { stdout } = await this.kubectl(['get', 'responsesroute', name, '-n', namespace, '-o', 'json']);
    if (stdout === '') return new Map();
    const { metadata, status } = JSON.parse(stdout) as {
      metadata: { generation: number };
      status?: { conditions?: Condition[] };
    };
    const current = (status?.conditions ?? []).filter(
      (each) => each.observedGeneration === metadata.generation,
    );
    return new Map(current.map((each) => [each.type, each]));
  }

  async condition(
    name: string,
    type: string,
    status: string,
    { namespace = this.namespace, timeoutMs = 10_000 }: WaitOptions = {},
  ): Promise<Condition> {
    let seen: readonly Condition[] = [];
    const find = async (): Promise<Condition | undefined> => {
      const conditions = await this.conditions(name, namespace);
      seen = [...conditions.values()];
      const found = conditions.get(type);
      return found?.status === status ? found : undefined;
    };
    return until(find, `${type}=${status} of route ${namespace}/${name}`, timeoutMs).catch(
      (cause: unknown) => {
        const told = seen
          .map((each) => `${each.type}=${each.status} ${each.reason}: ${each.message}`)
          .join('\n');
        throw new Error(`route ${namespace}/${name} did not become ${type}=${status}; it has\n${told}`, {
          cause,
        });
      },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.close()));
    await this.provider.close();
    for (const folder of this.#folders.splice(0)) await rm(folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function untilReady({ opsUrl }: { readonly opsUrl: string }): Promise<void> {
  let seen = '';
  const isReady = async (): Promise<boolean> => {
    const response = await fetch(`${opsUrl}/readyz`);
    seen = await response.text();
    return response.ok;
  };
  await until(isReady, `${opsUrl} to be ready`, 30_000).catch((cause: unknown) => {
    throw new Error(`it did not become ready: ${seen}`, { cause });
  });
}

function toFlags(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
}
