/**
 * One snapshot Secret and the routes that belong in it: decides on all of them, writes, and finds out whether the pods
 * have it. One for the bridge; one for each namespace with sidecars.
 */
import type { WorkResult } from '../kube/work-queue.ts';
import { pause } from '../pace.ts';
import { decideRoutes, hasMistakes, prepareRoutes } from '../reconcile/decide.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import { fitSnapshot } from '../reconcile/pack.ts';
import { CompileMemo } from '../route/compile.ts';
import type { BridgePods } from './bridge-pods.ts';
import { chooseRoutes, type ChosenRoutes } from './choose-routes.ts';
import { DeliveryWatch, type Delivered } from './delivery-watch.ts';
import type { OperatorFactListener } from './facts.ts';
import { LastServed } from './last-served.ts';
import type { References } from './references.ts';
import { isSameSpec, RouteFindings } from './route-findings.ts';
import type { RouteWatch } from './route-watch.ts';
import type { NewSnapshot, SnapshotSecret, StoredSnapshot } from './snapshot-secret.ts';
import type { StatusWish } from './status-writer.ts';
import { failureOf } from './write-failure.ts';

export interface SnapshotTargetOptions {
  readonly routes: RouteWatch;
  readonly references: References;
  readonly secret: SnapshotSecret;
  readonly installation: string;
  /** Undefined: sidecars. They listen on loopback and are not asked. */
  readonly pods: BridgePods | undefined;
  /** All routes of all targets are followed from now on (references.ts). */
  readonly follow: () => void;
  /** What is to be said of these routes may have changed. */
  readonly onFindings: (keys: Iterable<string>) => void;
  readonly facts: OperatorFactListener;
  /** Whether this process may write. */
  readonly canWrite: () => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A Secret of another installation is looked at again: whoever mends it should not have to restart anything. */
const LATER: WorkResult = { kind: 'again', afterMs: 30_000 };

const DONE: WorkResult = { kind: 'done' };

export class SnapshotTarget {
  readonly #options: SnapshotTargetOptions;
  readonly #delivery: DeliveryWatch | undefined;
  readonly #findings: RouteFindings;
  /** Of routes that did not change, nor what they name. */
  readonly #memo = new CompileMemo();
  /** The routes as the last decision took them. */
  #used: ReadonlyMap<string, ObservedRoute> | undefined;
  /** Undefined: it has to be read. */
  #stored: StoredSnapshot | undefined;
  /** When it was written; undefined: all pods were seen to serve it since. */
  #writtenAt: number | undefined;
  /** Counts what routes are decided by; and what of it the last decision took in, once that is written. */
  #changes = 1;
  #changesDone = 0;
  #hasFollowed = false;
  readonly #lastServed = new LastServed();
  /** The largest that was tried: a write whose answer was lost may have been stored. */
  #generation = 0;
  /** Of the last attempt, if another one will not mend it. */
  #failure: string | undefined;

  constructor(options: SnapshotTargetOptions) {
    this.#options = options;
    const { pods, facts } = options;
    this.#findings = new RouteFindings(pods === undefined ? 'Sidecars' : 'Bridges', pods?.place);
    this.#delivery =
      pods &&
      new DeliveryWatch({
        pods: () => (pods.reflector.isSynced ? pods.ready : undefined),
        isDone: (reports) => this.#findings.isServedBy(reports),
        onReports: (delivered) => this.#onDelivered(delivered),
        onMistake: (error) => facts({ kind: 'mistake', error }),
      });
  }

  /** Name of the Secret, `namespace/name`: its key in the work queue. */
  get id(): string {
    return this.#options.secret.id;
  }

  /** Why nothing is written until somebody does something about it, in words; undefined: nothing hinders it. */
  get hindrance(): string | undefined {
    return this.#stored?.kind === 'foreign' ? this.#stored.sentence : this.#failure;
  }

  /** Whether it is known what the first routes refer to. */
  get hasFollowed(): boolean {
    return this.#hasFollowed;
  }

  /** Routes that are there, and those that the last decision took, where it took an earlier form of them. */
  *routesInUse(): IterableIterator<ObservedRoute> {
    yield* this.#options.routes.routes();
    if (this.#used !== undefined) yield* this.#used.values();
  }

  /** Whether this route, as it is now, was decided on: a write of its status alone changes nothing. */
  hasDecided(key: string): boolean {
    const now = this.#options.routes.get(key);
    const decided = this.#used?.get(key);
    if (now === undefined || decided === undefined) return now === decided;
    return isSameSpec(now, decided);
  }

  /** Something that routes are decided by was changed. */
  touch(): void {
    this.#changes += 1;
  }

  /** The Secret is read again before the next write, and written again if somebody changed it. */
  distrust(): void {
    if (this.#stored?.kind !== 'foreign') this.#stored = undefined;
  }

  /** Whether this process has written the Secret, or found what it would have written. */
  get #isOwner(): boolean {
    return this.#findings.written !== undefined;
  }

  /** Pods came or went. */
  podsChanged(): void {
    if (this.#findings.written !== undefined && this.#options.canWrite()) this.#delivery?.ask();
  }

  /** Decides and writes, if there is something to. @throws KubeError: it is tried again */
  async reconcile(signal: AbortSignal): Promise<WorkResult> {
    const { routes, references, canWrite, follow } = this.#options;
    if (!routes.isReady) return DONE;
    follow();
    this.#hasFollowed = true;
    await references.tried();
    if (!canWrite()) return DONE;
    const stored = await this.#read(signal);
    const isForeign = stored.kind === 'foreign';
    if (isForeign && !this.#isOwner) return LATER;
    // what changes from here on is for the next time
    const changes = this.#changes;
    const current = [...routes.routes()];
    if (this.#changesDone === changes && !this.#isLost(stored)) return this.#succeeded();
    follow();
    const chosen = chooseRoutes(
      current,
      { routes: this.#used, served: this.#lastServed.routes },
      (route) => references.readabilityOf(route),
      (route) => hasMistakes(route, this.#options.pods === undefined),
    );
    if (chosen === undefined) return this.#succeeded();
    this.#used = new Map(chosen.routes.map((route) => [route.key, route]));
    follow(); // earlier forms of routes are not needed any more
    try {
      await this.#publish(chosen, stored, signal);
    } catch (error) {
      this.#stored = undefined;
      this.#failure = failureOf(error, 'written');
      this.#findings.failed(this.#failure);
      if (this.#failure !== undefined) this.#options.onFindings(this.#findings.keys);
      throw error;
    }
    this.#changesDone = changes;
    return isForeign ? LATER : this.#succeeded();
  }

  /** Has what is not said yet said again: a status that could not be written waits longer and longer. */
  repeat(): void {
    this.#options.onFindings(this.#findings.keys);
  }

  /** What is to be said of a route now; undefined: nothing yet. */
  wishFor(key: string): StatusWish | undefined {
    const route = this.#options.routes.get(key);
    if (route === undefined) return undefined;
    const wish = this.#findings.wishFor(route);
    if (this.#stored?.kind !== 'foreign' || wish === undefined) return wish;
    // who never had the Secret leaves the statuses to whoever has it
    if (!this.#isOwner) return undefined;
    return { ...wish, programmed: { status: 'Unknown', reason: 'Pending', message: this.#stored.sentence } };
  }

  close(): void {
    this.#delivery?.close();
  }

  /** Not before: what cannot be written is not mended by the next attempt to. */
  #succeeded(): WorkResult {
    this.#failure = undefined;
    return DONE;
  }

  async #read(signal: AbortSignal): Promise<StoredSnapshot> {
    const before = this.#stored;
    if (before !== undefined && before.kind !== 'foreign') return before;
    const { secret, facts } = this.#options;
    const read = await secret.read(signal).catch((error: unknown) => {
      this.#failure = failureOf(error, 'read');
      throw error;
    });
    const stored = this.#isLeftBy(before, read) ? left(before) : read;
    // what is in it is remembered by those who need it, for as long as they do
    this.#stored = stored.kind === 'ours' ? { ...stored, content: undefined } : stored;
    if (stored.kind === 'ours' && stored.content !== undefined && stored.written !== undefined) {
      this.#lastServed.recall(stored.content);
      this.#findings.recall(stored.content.served, stored.written.generation);
    }
    if (stored.kind === 'foreign' && before === undefined)
      facts({ kind: 'snapshot.foreign', secret: secret.id, sentence: stored.sentence });
    if (stored.kind !== 'foreign' && before !== undefined)
      facts({ kind: 'snapshot.ours', secret: secret.id });
    return stored;
  }

  /**
   * It was another installation's, and was deleted: bridges still serve what it held, and its owner is about to write
   * it anew. Whoever only stood by does not take it.
   */
  #isLeftBy(before: StoredSnapshot | undefined, now: StoredSnapshot): before is ForeignSnapshot {
    return before?.kind === 'foreign' && now.kind === 'absent' && !this.#isOwner;
  }

  /** Somebody changed or deleted what was written. */
  #isLost(stored: StoredSnapshot): boolean {
    const there = stored.kind === 'ours' ? stored.written : undefined;
    const { written } = this.#findings;
    return written !== undefined && there?.version !== written.version;
  }

  async #publish(chosen: ChosenRoutes, stored: StoredSnapshot, signal: AbortSignal): Promise<void> {
    const { secret, facts, onFindings } = this.#options;
    const startedAt = performance.now();
    const { fitted, verdicts, next } = await this.#compile(chosen, stored);
    const { version, leftOut, gzip, packed, level } = fitted;
    const there = stored.kind === 'ours' ? stored.written : undefined;
    const isNew = version !== there?.version;
    const generation = isNew ? next : there.generation;
    this.#findings.decide({ routes: chosen.routes, verdicts, packed, leftOut, generation });
    const seconds = (performance.now() - startedAt) / 1000;
    const sizes = { routes: packed.length, leftOut: leftOut.length, bytes: gzip.length, level };
    facts({ kind: 'snapshot.compiled', secret: secret.id, ...sizes, seconds });
    if (stored.kind === 'foreign') return onFindings(this.#findings.keys);
    if (isNew) {
      this.#findings.writing();
      // what was refused is told at once; a write that fails is no reason to be silent about it
      onFindings(this.#findings.keys);
      const resourceVersion = stored.kind === 'ours' ? stored.resourceVersion : undefined;
      await this.#write({ version, generation, gzip, resourceVersion }, packed.length, signal);
    }
    const isNews = this.#findings.written?.generation !== generation;
    this.#findings.wrote({ version, generation });
    if (isNews) {
      this.#writtenAt = performance.now();
      this.#delivery?.ask();
    }
    onFindings(this.#findings.keys);
  }

  /** Decides on all routes, and packs them with the next generation. */
  async #compile({ routes, doubts, held, untold }: ChosenRoutes, stored: StoredSnapshot) {
    const { references, installation, now, pods, routes: watch } = this.#options;
    const { unlistedNamespaces } = watch;
    const unlisted = this.#lastServed.unlisted(unlistedNamespaces, routes);
    const memo = this.#memo;
    const options = { loopbackAllowed: pods === undefined, doubts, held, unlisted, memo };
    // with pauses: at a cold start a thousand routes would hold the event loop, and with it the Lease
    await prepareRoutes(routes, references.lookup, options, pause);
    const { served, claims, verdicts } = decideRoutes(routes, references.lookup, options);
    const before = [this.#generation, this.#findings.written?.generation ?? 0];
    if (stored.kind === 'ours') before.push(stored.written?.generation ?? 0);
    const next = nextGeneration(Math.max(...before), now());
    const origin = {
      generation: next,
      installation,
      claims: [...claims, ...this.#lastServed.claims(unlistedNamespaces)],
    };
    const fitted = await fitSnapshot(served, origin, { pause });
    this.#lastServed.decided(served);
    return { fitted, next, verdicts: new Map([...verdicts].filter(([key]) => !untold.has(key))) };
  }

  async #write(snapshot: NewSnapshot, routes: number, signal: AbortSignal): Promise<void> {
    const { secret, facts, canWrite } = this.#options;
    if (!canWrite()) throw new Error('the Lease was lost before the snapshot was written');
    const startedAt = performance.now();
    this.#generation = snapshot.generation;
    const resourceVersion = await secret.write(snapshot, signal);
    const { version, generation, gzip } = snapshot;
    this.#stored = { kind: 'ours', resourceVersion, written: { version, generation }, content: undefined };
    const seconds = (performance.now() - startedAt) / 1000;
    const about = { version, generation, routes, bytes: gzip.length };
    facts({ kind: 'snapshot.written', secret: secret.id, ...about, seconds });
  }

  #onDelivered(delivered: Delivered): void {
    const { facts, onFindings, secret } = this.#options;
    const behind = this.#findings.hear(delivered);
    if (!delivered.isAsking) {
      const about = { secret: secret.id, pods: delivered.pods.length };
      if (behind.length > 0)
        facts({ kind: 'pods.behind', ...about, behind, isRepeated: delivered.isRepeated });
      else {
        const since = delivered.pods.length > 0 ? this.#writtenAt : undefined;
        const seconds = since && (performance.now() - since) / 1000;
        this.#writtenAt = undefined;
        facts({ kind: 'pods.confirmed', ...about, seconds });
      }
    }
    onFindings(this.#findings.keys);
  }
}

/** Larger than what was written; and larger than what pods remember of a Secret that was deleted since. */
function nextGeneration(before: number, nowMs: number): number {
  return Math.max(before + 1, Math.floor(nowMs / 1000));
}

type ForeignSnapshot = StoredSnapshot & { readonly kind: 'foreign' };

function left({ sentence }: ForeignSnapshot): StoredSnapshot {
  const end = '; it was deleted, and is left to its owner: restart this one to have it';
  return { kind: 'foreign', sentence: sentence.endsWith(end) ? sentence : `${sentence}${end}` };
}
