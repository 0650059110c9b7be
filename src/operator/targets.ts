/** All snapshots that one operator writes, each with the routes that belong in it. */
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeFacts } from '../kube/kube-facts.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import type { BridgePods } from './bridge-pods.ts';
import type { OperatorFactListener } from './facts.ts';
import type { OperatorTimes } from './operator-options.ts';
import type { OwnerAccounts } from './owner-accounts.ts';
import type { References } from './references.ts';
import { RouteWatch } from './route-watch.ts';
import { SnapshotSecret } from './snapshot-secret.ts';
import { SnapshotTarget } from './snapshot-target.ts';
import type { StatusWish } from './status-writer.ts';
import { because, troubleOf } from './trouble.ts';

export interface TargetsOptions {
  readonly client: KubeClient;
  readonly bridgeName: string;
  readonly snapshotSecret: { readonly namespace: string; readonly name: string };
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly sidecars: { readonly bridgeName: string; readonly namespaces: readonly string[] };
  readonly installation: string;
  /** Of this program. */
  readonly version: string;
  readonly times?: Pick<OperatorTimes, 'readableWithinMs'> | undefined;
  readonly references: References;
  readonly owners: OwnerAccounts;
  readonly pods: BridgePods;
  readonly kubeFacts: KubeFacts;
  readonly facts: OperatorFactListener;
  readonly canWrite: () => boolean;
  /** This route came, changed or went. `decided`: not in what is decided by, its status alone. */
  readonly onRoute: (key: string, routes: RouteWatch, change: 'decided' | 'undecided') => void;
  /** A watch of routes was opened: every few minutes, and after each trouble. */
  readonly onOpened: () => void;
  /** The first list of routes was read. */
  readonly onSynced: () => void;
  readonly onFindings: (keys: Iterable<string>) => void;
}

interface Target {
  readonly target: SnapshotTarget;
  readonly routes: RouteWatch;
}

export class Targets {
  readonly #options: TargetsOptions;
  readonly #all: readonly Target[];

  constructor(options: TargetsOptions) {
    this.#options = options;
    const { bridgeName, snapshotSecret, namespaces, sidecars, pods } = options;
    const { name } = snapshotSecret;
    this.#all = [
      this.#open(bridgeName, snapshotSecret, namespaces, pods),
      ...sidecars.namespaces.map((namespace) =>
        this.#open(sidecars.bridgeName, { namespace, name }, [namespace], undefined),
      ),
    ];
  }

  /** Names of the Secrets: their keys in the work queue. */
  get ids(): readonly string[] {
    return this.#all.map(({ target }) => target.id);
  }

  /** @throws Error for another name than one of {@link ids} */
  get(id: string): SnapshotTarget {
    const found = this.#all.find(({ target }) => target.id === id);
    if (found === undefined)
      throw new Error(`there is no snapshot Secret ${id} among those that are written`);
    return found.target;
  }

  /**
   * Why the snapshot of the bridges is not written, in words; undefined: nothing hinders it. One namespace of sidecars
   * is no reason for the operator to be unready: the log, metrics and the status of its routes say so.
   */
  get hindrance(): string | undefined {
    return this.#all[0]?.target.hindrance;
  }

  /** Which first list has not finished, in words; undefined: none that is waited for. */
  get awaited(): string | undefined {
    const { pods, references } = this.#options;
    // one namespace of several, such as one that is gone, is not waited for without end; the log and metrics say so
    const unlisted = this.#all.find(({ routes }, index) =>
      index === 0 ? !routes.isReady : routes.isAwaited,
    )?.routes;
    if (unlisted !== undefined) return `the first list of routes${because(unlisted.trouble)}`;
    if (!pods.reflector.isSynced)
      return `the first list of EndpointSlices${because(troubleOf(pods.reflector))}`;
    if (this.#all.some(({ routes, target }) => routes.isReady && !target.hasFollowed))
      return 'what the routes refer to';
    return references.awaited;
  }

  get reflectors() {
    return this.#all.flatMap(({ routes }) => routes.reflectors);
  }

  *routes(): IterableIterator<ObservedRoute> {
    for (const { routes } of this.#all) yield* routes.routes();
  }

  wishFor(key: string): StatusWish | undefined {
    for (const { target } of this.#all) {
      const wish = target.wishFor(key);
      if (wish !== undefined) return wish;
    }
    return undefined;
  }

  /** Something that routes are decided by was changed. */
  touch(): void {
    for (const { target } of this.#all) target.touch();
  }

  /** Each Secret is read again before it is written. */
  distrust(): void {
    for (const { target } of this.#all) target.distrust();
  }

  /** What is not said yet of any route is said again. */
  repeat(): void {
    for (const { target } of this.#all) target.repeat();
  }

  podsChanged(): void {
    for (const { target } of this.#all) target.podsChanged();
  }

  start(): void {
    for (const { routes } of this.#all) routes.start();
  }

  /** Asks pods nothing more. May be called twice. */
  stop(): void {
    for (const { target } of this.#all) target.close();
  }

  /** Resolves when nothing is called any more. May be called twice. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.#all.map(({ routes }) => routes.close()));
  }

  #open(
    bridgeName: string,
    secret: { readonly namespace: string; readonly name: string },
    namespaces: readonly string[] | undefined,
    pods: BridgePods | undefined,
  ): Target {
    const {
      client,
      installation,
      version,
      references,
      owners,
      kubeFacts,
      facts,
      canWrite,
      onFindings,
      times,
    } = this.#options;
    const routes = new RouteWatch({
      client,
      namespaces,
      bridgeName,
      facts: (fact) => {
        kubeFacts(fact);
        // the API server answers (again): what failed meanwhile need not wait for its turn
        if (fact.kind === 'watch.opened') this.#options.onOpened();
      },
      onChange: (key) => {
        const isDecided = target.hasDecided(key);
        if (!isDecided) target.touch();
        this.#options.onRoute(key, routes, isDecided ? 'decided' : 'undecided');
      },
      onSynced: () => {
        target.touch();
        this.#options.onSynced();
      },
      patienceMs: times?.readableWithinMs,
    });
    const target = new SnapshotTarget({
      routes,
      references,
      secret: new SnapshotSecret({ client, ...secret, bridgeName, installation, version, owners }),
      installation,
      pods,
      follow: () => references.follow(this.#all.flatMap((each) => [...each.target.routesInUse()])),
      onFindings,
      facts,
      canWrite,
      now: Date.now,
    });
    return { target, routes };
  }
}
