/**
 * What the tests of faults begin with: a control plane of their own, two operators that are started again when they
 * end, two bridges, and turns through both from the first moment to the last.
 */
import type { Certificates } from './certificates.ts';
import { applyType, type Api } from './api.ts';
import { strayWrites, type AuditedWrite } from './audit-log.ts';
import { openOwnCluster, type OwnCluster } from './own-cluster.ts';
import { OperatorReplica } from './operator-replica.ts';
import { runPlace } from './run-place.ts';
import { openStage, type Condition, type RunningBridge, type RunningOperator, type Stage } from './stage.ts';
import { EndlessTurns, turnSucceeds } from './endless-turns.ts';
import type { StartOptions } from './start-control-plane.ts';
import { until } from '../harness/wait-for.ts';

export interface FaultSceneWishes extends StartOptions {
  /** Puts something between the API server, and operators and bridges. @returns its URL */
  readonly before?: (serverUrl: string) => Promise<string>;
  /** Of operators and bridges. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface InEffect {
  /** From the answer to the change until the snapshot was written that all bridges served then. */
  readonly written: number;
  /** The same until all bridges served it. */
  readonly served: number;
  /** The same until its status said that it is ready. */
  readonly ready: number;
}

export interface Leader {
  readonly replica: OperatorReplica;
  readonly process: RunningOperator;
  readonly identity: string;
}

export interface LeaseSpec {
  readonly holderIdentity: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

/** Longer than any recovery that is promised: the longest pause of a watch is 30 s, of a Lease 20 s. */
const recoveryMs = 50_000;
const askMs = 25;

/** Ends everything. */
export class FaultScene implements AsyncDisposable {
  readonly own: OwnCluster;
  readonly stage: Stage;
  readonly replicas: readonly [OperatorReplica, OperatorReplica];
  readonly bridges: readonly RunningBridge[];
  readonly turns: EndlessTurns;
  readonly admin: Api;
  readonly #parts: AsyncDisposableStack;
  readonly #figures: Record<string, string>[] = [];
  #changes = 0;
  #completed = 0;

  private constructor(
    parts: Pick<FaultScene, 'own' | 'stage' | 'replicas' | 'bridges' | 'turns' | 'admin'> & {
      readonly parts: AsyncDisposableStack;
    },
  ) {
    this.#parts = parts.parts;
    this.own = parts.own;
    this.stage = parts.stage;
    this.replicas = parts.replicas;
    this.bridges = parts.bridges;
    this.turns = parts.turns;
    this.admin = parts.admin;
  }

  static async open({ before, env = {}, ...options }: FaultSceneWishes = {}): Promise<FaultScene> {
    // where one part does not start, those before it end
    await using opening = new AsyncDisposableStack();
    const own = opening.use(await openOwnCluster(options));
    const serverUrl = await before?.(own.plane.serverUrl);
    const stage = opening.use(await openStage(own.cluster, serverUrl === undefined ? {} : { serverUrl }));
    const replicas = [
      opening.use(await OperatorReplica.start(stage, { name: 'a', env })),
      opening.use(await OperatorReplica.start(stage, { name: 'b', env })),
    ] as const;
    await stage.apply(stage.route('steady', { hostnames: ['steady.test'] }));
    const bridges = await Promise.all([stage.startBridge({ env }), stage.startBridge({ env })]);
    await stage.condition('steady', 'Ready', 'True', { timeoutMs: recoveryMs });
    const turns = opening.use(
      new EndlessTurns({ urls: bridges.map(({ url }) => url), hostname: 'steady.test' }),
    );
    await turns.more(10);
    const admin = await own.cluster.adminClient();
    return new FaultScene({ own, stage, replicas, bridges, turns, admin, parts: opening.move() });
  }

  /** Applies a route that was not there before, and waits until it works and says so. */
  async change(bridges = this.bridges): Promise<InEffect> {
    this.#changes += 1;
    const name = `change-${String(this.#changes)}`;
    const hostname = `${name}.test`;
    await this.apply(this.stage.route(name, { hostnames: [hostname] }));
    const startedAt = performance.now();
    const appliedMs = Date.now();
    await Promise.all(
      bridges.map(({ url }) => asked(() => turnSucceeds(url, hostname), `${name} at ${url}`)),
    );
    const served = performance.now() - startedAt;
    const write = (await this.writes()).findLast(({ kind, revision }) => kind === 'snapshot' && revision);
    await this.ready(name);
    const written = Math.max(0, (write?.atMs ?? 0) - appliedMs);
    return { written, served, ready: performance.now() - startedAt };
  }

  /** As `kubectl apply --server-side` does it, without its start of a second. */
  apply(route: Record<string, unknown>): Promise<unknown> {
    const { name } = route['metadata'] as { name: string };
    return this.admin.request({
      method: 'PATCH',
      path: this.#path(name),
      query: { fieldManager: 'kubectl', force: 'true' },
      body: route,
      contentType: applyType,
    });
  }

  delete(name: string): Promise<unknown> {
    return this.admin.request({ method: 'DELETE', path: this.#path(name) });
  }

  /** Waits until the status of a route says that it works, as it is now. */
  async ready(name: string): Promise<void> {
    await asked(async () => {
      const { metadata, status } = await this.admin.request<{
        metadata: { generation: number };
        status?: { conditions?: Condition[] };
      }>({ path: this.#path(name) });
      return status?.conditions?.some(
        (each) =>
          each.type === 'Ready' && each.status === 'True' && each.observedGeneration === metadata.generation,
      );
    }, `route ${name} to be ready`);
  }

  /** Who writes, by its own metrics. */
  async leader(): Promise<Leader> {
    return asked(() => this.#leading(), 'one leader');
  }

  /** Waits until another process than this one writes: the other replica's, or that which came in its place. */
  async untilAnotherLeads({ identity }: Leader): Promise<Leader & { readonly tookMs: number }> {
    const startedAt = performance.now();
    const next = await asked(async () => {
      const leader = await this.#leading();
      return leader?.identity === identity ? undefined : leader;
    }, `another leader than ${identity}`);
    return { ...next, tookMs: performance.now() - startedAt };
  }

  async #leading(): Promise<Leader | undefined> {
    const leads = await Promise.all(this.replicas.map(isLeader));
    const leading = this.replicas.filter((_, index) => leads[index]);
    const [replica] = leading;
    if (replica === undefined || leading.length > 1) return undefined;
    return { replica, process: replica.process, identity: replica.identities.at(-1) ?? '' };
  }

  /** As it is stored. */
  async lease(): Promise<LeaseSpec> {
    const { spec } = await this.admin.request<{ spec: LeaseSpec }>({
      path: `/apis/coordination.k8s.io/v1/namespaces/${this.stage.namespace}/leases/turnbridge-operator`,
    });
    return spec;
  }

  /** Waits until the holder of the Lease has renewed it so many times. */
  async renewals(count: number): Promise<void> {
    for (let seen = 0; seen < count; seen += 1) {
      const { renewTime } = await this.lease();
      await asked(async () => (await this.lease()).renewTime !== renewTime, 'a renewal of the Lease');
    }
  }

  /**
   * What no fault may do: a turn that failed, a write of an operator that did not hold the Lease. Turns that were not
   * completed since the last time it was asked count too: there were none to fail.
   */
  async harm(): Promise<readonly string[]> {
    const { completed, failures } = this.turns;
    const idle = completed > this.#completed ? [] : ['no turn was completed'];
    this.#completed = completed;
    return [...idle, ...failures, ...strayWrites(await this.writes(), this.replicas)];
  }

  /** Of operators, so far. */
  writes(): Promise<readonly AuditedWrite[]> {
    return this.own.audit.writes(this.stage.namespace);
  }

  figure(fault: string, times: InEffect | Readonly<Record<string, number | string>>): void {
    const shown = Object.entries(times).map(([name, value]) => [
      name,
      typeof value === 'number' ? seconds(value) : value,
    ]);
    this.#figures.push({ fault, ...(Object.fromEntries(shown) as Record<string, string>) });
  }

  async close(): Promise<void> {
    await this.#parts.disposeAsync();
    const { completed, slowestMs } = this.turns;
    this.figure('turns', { completed: String(completed), slowest: slowestMs });
    process.stdout.write(`${this.#figures.map((each) => JSON.stringify(each)).join('\n')}\n`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #path(name: string): string {
    return `/apis/turnbridge.dev/v1alpha1/namespaces/${this.stage.namespace}/responsesroutes/${name}`;
  }
}

/** Of the run, for servers that stand before the API server with its name. */
export function ownCertificates(): Certificates {
  const { own } = runPlace();
  if (own === undefined) throw new Error('a run with KUBECONFIG has no certificates of its own');
  return own.certificates;
}

async function isLeader({ process: { opsUrl } }: OperatorReplica): Promise<boolean> {
  try {
    const response = await fetch(`${opsUrl}/metrics`, { signal: AbortSignal.timeout(1_000) });
    return /^leader_election_master_status\{[^}]*\} 1$/m.test(await response.text());
  } catch {
    return false; // it is starting, or frozen
  }
}

/** Asks again and again, with pauses: what is asked of is busy. Failures of an API server that is away count as no. */
function asked<T>(question: () => Promise<T>, what: string): ReturnType<typeof until<T>> {
  let askedAt = 0;
  return until(
    async () => {
      if (performance.now() - askedAt < askMs) return undefined as T;
      askedAt = performance.now();
      return await question().catch(() => undefined as T);
    },
    what,
    recoveryMs,
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
