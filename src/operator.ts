/**
 * The control plane: watches routes and what they refer to, decides, writes the snapshot that bridges read, and says in
 * each route's status what became of it. cmd/operator.ts starts it with flags, tests start it the same way.
 *
 *   routes, Secrets, ConfigMaps ─▶ a quiet moment ─▶ decide ─▶ snapshot Secret ─▶ bridges
 *                                                      └─▶ status ◀── GET /snapshot ─┘
 */
import { EventRecorder } from './kube/event-recorder.ts';
import type { KubeClient } from './kube/kube-client.ts';
import { LeaderLease } from './kube/lease.ts';
import type { WorkQueue, WorkResult } from './kube/work-queue.ts';
import { BridgePods } from './operator/bridge-pods.ts';
import { DemoRoute } from './operator/demo-route.ts';
import { gaugesOf } from './operator/gauges.ts';
import { LeaseTrouble } from './operator/lease-trouble.ts';
import type { Operator, OperatorOptions } from './operator/operator-options.ts';
import { labelsOf } from './operator/own-labels.ts';
import { OwnerAccounts } from './operator/owner-accounts.ts';
import { Recovery } from './operator/recovery.ts';
import { References } from './operator/references.ts';
import type { RouteWatch } from './operator/route-watch.ts';
import { StatusWriter } from './operator/status-writer.ts';
import { Targets } from './operator/targets.ts';
import { QuietMoment } from './operator/quiet-moment.ts';
import { CONCURRENCY, openQueue } from './operator/queues.ts';
import { openOperatorTelemetry, type OperatorTelemetry } from './telemetry/operator/operator-telemetry.ts';
import { openOpsListener, type OpsListener } from './telemetry/ops/ops-listener.ts';

export type { Operator, OperatorOptions } from './operator/operator-options.ts';

/** The Secret may have been changed by somebody; and what an event did not tell is found. */
const LOOK_AGAIN_MS = 30_000;
/** Of the thirty seconds that a pod has to end in, so that the Lease can be given back. */
const FINISH_WITHIN_MS = 15_000;

/** Starts an operator. It runs also while the API server is away. @throws Error when an address cannot be had */
export async function openOperator(options: OperatorOptions): Promise<Operator> {
  const telemetry = openOperatorTelemetry(options);
  let client: KubeClient;
  try {
    client = await options.openClient(telemetry.kubeFacts);
  } catch (error) {
    telemetry.close();
    throw error;
  }
  const parts = new OperatorParts(options, client, telemetry);
  try {
    await parts.open();
  } catch (error) {
    await parts.close();
    throw error;
  }
  return parts;
}

type Phase = 'running' | 'lost' | 'closing';

class OperatorParts implements Operator {
  readonly #options: OperatorOptions;
  readonly #client: KubeClient;
  readonly #telemetry: OperatorTelemetry;
  readonly #references: References;
  readonly #owners: OwnerAccounts;
  readonly #demo: DemoRoute;
  readonly #targets: Targets;
  readonly #pods: BridgePods;
  readonly #lease: LeaderLease;
  readonly #recorder: EventRecorder;
  readonly #statuses: StatusWriter;
  readonly #snapshotQueue: WorkQueue;
  readonly #statusQueue: WorkQueue;
  readonly #quiet = new QuietMoment({ onQuiet: () => this.#reconcileAll() });
  readonly #recovery = new Recovery(() => this.#onBack());
  readonly #leaseTrouble: LeaseTrouble;
  readonly #lost = Promise.withResolvers<void>();
  #lookAgain: NodeJS.Timeout | undefined;
  #ops: OpsListener | undefined;
  #phase: Phase = 'running';
  /** From then on a namespace that is new does not make the process unready. */
  #wasReady = false;
  #closed: Promise<void> | undefined;

  constructor(options: OperatorOptions, client: KubeClient, telemetry: OperatorTelemetry) {
    this.#options = options;
    this.#client = client;
    this.#telemetry = telemetry;
    const { bridgeName, identity, times } = options;
    const { namespace } = options.snapshotSecret;
    this.#leaseTrouble = new LeaseTrouble(namespace);
    const { kubeFacts, facts } = telemetry;
    this.#owners = new OwnerAccounts({ client, name: options.ownerServiceAccount, facts });
    this.#references = new References({
      client,
      kubeFacts,
      facts,
      onChange: () => this.#touchAll(),
      readableWithinMs: times?.readableWithinMs,
      staleAfterMs: times?.staleAfterMs,
    });
    this.#pods = new BridgePods({
      client,
      namespace,
      bridgeName,
      facts: kubeFacts,
      onChange: () => this.#targets.podsChanged(),
    });
    this.#lease = this.#openLease();
    this.#recorder = new EventRecorder({
      client,
      reportingController: 'turnbridge.dev/operator',
      reportingInstance: identity,
      facts: kubeFacts,
    });
    this.#targets = new Targets({
      ...options,
      client,
      references: this.#references,
      owners: this.#owners,
      pods: this.#pods,
      kubeFacts,
      facts,
      canWrite: () => this.#canWrite,
      onRoute: (key, routes, change) => this.#routeChanged(key, routes, change),
      onOpened: () => this.#tryAgain(),
      onSynced: () => this.#quiet.disturb(),
      onFindings: (keys) => this.#queueDueStatuses(keys),
    });
    this.#statuses = new StatusWriter({
      client,
      recorder: this.#recorder,
      facts,
      wishFor: (key) => this.#targets.wishFor(key),
      canWrite: () => this.#canWrite,
      now: Date.now,
    });
    this.#snapshotQueue = openQueue('snapshot', kubeFacts, (id, signal) => this.#reconcile(id, signal));
    this.#statusQueue = openQueue('status', kubeFacts, (key, signal) => this.#statuses.process(key, signal));
    this.#demo = new DemoRoute({ ...options, client, facts, canWrite: () => this.#canWrite });
  }

  #openLease(): LeaderLease {
    const { lease: name, identity, times, snapshotSecret } = this.#options;
    return new LeaderLease({
      client: this.#client,
      namespace: snapshotSecret.namespace,
      name,
      identity,
      labels: labelsOf('operator', this.#options),
      owner: () => this.#owners.known(snapshotSecret.namespace),
      facts: (fact) => {
        this.#telemetry.kubeFacts(fact);
        this.#recovery.hear(fact);
        this.#leaseTrouble.hear(fact);
      },
      ...(times?.lease !== undefined && { times: times.lease }),
    });
  }

  get opsAddress(): string {
    return this.#ops?.address ?? '';
  }

  get opsPort(): number {
    return this.#ops?.port ?? 0;
  }

  get isLeader(): boolean {
    return this.#lease.isLeader;
  }

  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Probes first: they answer while the API server is away. */
  async open(): Promise<void> {
    const { opsListen, log, identity, installation, bridgeName, snapshotSecret } = this.#options;
    this.#ops = await openOpsListener({
      ...opsListen,
      ready: () => this.#readiness(),
      metrics: this.#telemetry.metrics,
    });
    log.info('process.start', 'operator started', {
      ops_listen: this.opsAddress,
      bridge_name: bridgeName,
      snapshot_secret: `${snapshotSecret.namespace}/${snapshotSecret.name}`,
      identity,
      installation,
    });
    this.#telemetry.show(
      gaugesOf({
        queues: { snapshot: this.#snapshotQueue, status: this.#statusQueue },
        concurrency: CONCURRENCY,
        leader: this.#lease,
        lease: this.#options.lease,
        isReady: () => this.#readiness().ready,
        targets: this.#targets,
        pods: this.#pods,
        references: this.#references,
      }),
    );
    this.#targets.start();
    this.#pods.reflector.start();
    this.#lease.start(
      () => this.#onLeading(),
      () => this.#onLost(),
    );
    this.#lookAgain = setInterval(() => {
      this.#targets.distrust();
      this.#tryAgain();
      this.#lookAround();
    }, this.#options.times?.lookAgainMs ?? LOOK_AGAIN_MS);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get #canWrite(): boolean {
    return this.#phase === 'running' && this.#lease.isLeader;
  }

  #routeChanged(key: string, routes: RouteWatch, change: 'decided' | 'undecided'): void {
    this.#statuses.observed(key, routes.get(key));
    if (key === this.#demo.key && routes.get(key) === undefined) this.#demo.look();
    // somebody wrote its status: if it was not us, it says something else now
    if (change === 'decided') this.#queueDueStatuses([key]);
    else this.#quiet.disturb();
  }

  #touchAll(): void {
    this.#targets.touch();
    this.#quiet.disturb();
  }

  #reconcileAll(): void {
    for (const id of this.#targets.ids) this.#snapshotQueue.add(id);
  }

  async #reconcile(id: string, signal: AbortSignal): Promise<WorkResult> {
    const result = await this.#targets.get(id).reconcile(signal);
    this.#readiness(); // says so once, also where nobody asks
    return result;
  }

  #tryAgain(): void {
    this.#reconcileAll();
    this.#targets.repeat();
  }

  /** What has failed meanwhile need not wait for its turn. */
  #onBack(): void {
    for (const reflector of this.#targets.reflectors) reflector.retry();
    for (const { reflector } of this.#references.stores()) reflector.retry();
    this.#pods.reflector.retry();
    this.#tryAgain();
  }

  #queueDueStatuses(keys: Iterable<string>): void {
    if (!this.#canWrite) return;
    for (const key of keys) if (this.#statuses.isDue(key)) this.#statusQueue.add(key);
  }

  #onLeading(): void {
    // whoever led before may have written since
    this.#targets.distrust();
    this.#touchAll();
    this.#lookAround();
  }

  /** After what is not watched. The owner goes into the Lease with its next renewal. */
  #lookAround(): void {
    if (this.#canWrite) void this.#owners.find(this.#options.snapshotSecret.namespace);
    this.#demo.look();
  }

  #onLost(): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'lost';
    const reason = new Error('the Lease was lost: another operator writes now');
    void this.#snapshotQueue.destroy(reason);
    void this.#statusQueue.destroy(reason);
    void this.#recorder.destroy();
    this.#targets.stop();
    this.#lost.resolve();
  }

  #readiness(): { readonly ready: boolean; readonly reason?: string } {
    if (this.#phase === 'closing') return { ready: false, reason: 'leaving' };
    if (this.#phase === 'lost') return { ready: false, reason: 'the Lease was lost' };
    const hindrance = this.#leaseTrouble.sentence ?? this.#targets.hindrance;
    if (hindrance !== undefined) return { ready: false, reason: hindrance };
    const awaited = this.#wasReady ? undefined : this.#targets.awaited;
    if (awaited !== undefined) return { ready: false, reason: `waiting for ${awaited}` };
    if (!this.#wasReady) this.#options.log.info('process.ready', 'operator ready');
    this.#wasReady = true;
    return { ready: true };
  }

  async #close(): Promise<void> {
    const wasLost = this.#phase === 'lost';
    clearInterval(this.#lookAgain);
    this.#quiet.close();
    // what runs may finish its writes; nothing new begins
    const finished = Promise.all([this.#snapshotQueue.close(), this.#statusQueue.close()]);
    const late = setTimeout(() => {
      const reason = new Error('the process ends');
      void this.#snapshotQueue.destroy(reason);
      void this.#statusQueue.destroy(reason);
    }, FINISH_WITHIN_MS);
    await finished;
    clearTimeout(late);
    this.#phase = 'closing';
    this.#targets.stop();
    await this.#demo.close();
    await this.#recorder.close();
    if (!wasLost) await this.#lease.release();
    await Promise.all([this.#targets.close(), this.#pods.reflector.close(), this.#references.close()]);
    await this.#client.close();
    this.#telemetry.close();
    await this.#ops?.close(); // last: until then it can be seen what goes on
  }
}
