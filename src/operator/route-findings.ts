/** What is to be said of the routes of one snapshot: what was decided, and how far it has come. */
import type { Finding } from '../reconcile/conditions.ts';
import type { Verdict } from '../reconcile/decide.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import {
  type Delivery,
  markRoutes,
  NOT_ACCEPTED,
  type PodPlace,
  type PodReport,
  programmedOf,
  type RouteMark,
  type WrittenSnapshot,
} from '../reconcile/programmed.ts';
import type { ServedRoute } from '../route/snapshot.ts';
import type { Delivered } from './delivery-watch.ts';
import type { StatusWish } from './status-writer.ts';

/** For so long nothing is said of a new route that waits for its pods, so that one write usually does. */
const PATIENCE_MS = 500;

/** What was decided last of one route. */
interface Decided {
  readonly route: ObservedRoute;
  readonly verdict: Verdict;
  readonly isLeftOut: boolean;
}

/** One decision on all routes. */
export interface Decision {
  readonly routes: readonly ObservedRoute[];
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly packed: readonly ServedRoute[];
  readonly leftOut: readonly string[];
  /** Of the snapshot that holds them, written or about to be. */
  readonly generation: number;
}

export class RouteFindings {
  readonly #to: Delivery['to'];
  readonly #lookedFor: PodPlace | undefined;
  #decided: ReadonlyMap<string, Decided> = new Map();
  #marks: ReadonlyMap<string, RouteMark> = new Map();
  /** What was found last of a route that is in the snapshot. */
  readonly #found = new Map<string, { readonly mark: RouteMark; readonly finding: Finding<'Programmed'> }>();
  #written: WrittenSnapshot | undefined;
  #failure: string | undefined;
  #delivered: Delivered = { pods: [], isAsking: true, isRepeated: false, askingMs: 0 };
  /** What an earlier process wrote, until the first decision. */
  #recalled: number | undefined;

  /** @param lookedFor Where pods are looked for, to be told when there is none. */
  constructor(to: Delivery['to'], lookedFor?: PodPlace) {
    this.#to = to;
    this.#lookedFor = lookedFor;
  }

  /**
   * What an earlier process wrote: what its statuses say of routes that are the same now stands until pods say otherwise.
   * Does nothing after the first decision.
   */
  recall(served: readonly ServedRoute[], generation: number): void {
    if (this.#decided.size > 0 || this.#marks.size > 0) return;
    this.#marks = markRoutes(this.#marks, served, generation);
    this.#recalled = generation;
  }

  /** What is in the cluster, as far as this process wrote it or found it to be its own. */
  get written(): WrittenSnapshot | undefined {
    return this.#written;
  }

  /** Of the routes that were decided on. */
  get keys(): Iterable<string> {
    return this.#decided.keys();
  }

  decide({ routes, verdicts, packed, leftOut, generation }: Decision): void {
    const isOut = new Set(leftOut);
    const decided = new Map<string, Decided>();
    for (const route of routes) {
      const verdict = verdicts.get(route.key);
      if (verdict !== undefined) decided.set(route.key, { route, verdict, isLeftOut: isOut.has(route.key) });
    }
    this.#decided = decided;
    this.#marks = markRoutes(this.#marks, packed, generation);
    for (const key of this.#found.keys()) if (!this.#marks.has(key)) this.#found.delete(key);
    if (this.#recalled !== undefined) this.#recallFindings(this.#recalled);
    this.#recalled = undefined;
  }

  #recallFindings(generation: number): void {
    for (const { route } of this.#decided.values()) {
      const mark = this.#marks.get(route.key);
      const finding = storedFinding(route);
      if (mark?.since === generation && finding !== undefined) this.#found.set(route.key, { mark, finding });
    }
  }

  /** A snapshot is about to be written: pods will be asked for it. */
  writing(): void {
    this.#delivered = { ...this.#delivered, isAsking: true, askingMs: 0 };
  }

  /** This is in the cluster now. */
  wrote(snapshot: WrittenSnapshot): void {
    if (this.#written?.generation !== snapshot.generation) this.writing();
    this.#written = snapshot;
    this.#failure = undefined;
  }

  /** It could not be written. @param sentence undefined: that passes, and nobody needs to hear of it */
  failed(sentence: string | undefined): void {
    this.#failure = sentence;
  }

  /** What the pods said. @returns those that do not serve what was written */
  hear(delivered: Delivered): readonly string[] {
    this.#delivered = delivered;
    return delivered.pods.filter((report) => !this.#isServedBy(report)).map(({ pod }) => pod);
  }

  /** Whether all of these serve what was written; none at all is not enough. */
  isServedBy(reports: readonly PodReport[]): boolean {
    return reports.length > 0 && reports.every((report) => this.#isServedBy(report));
  }

  /** What is to be said of a route, as it was observed last; undefined: nothing yet. */
  wishFor(route: ObservedRoute): StatusWish | undefined {
    const decided = this.#decided.get(route.key);
    if (decided === undefined || !isSameSpec(route, decided.route)) return undefined;
    const { verdict } = decided;
    if (verdict.accepted.status === 'False') return { route, verdict, programmed: NOT_ACCEPTED };
    const programmed = this.#programmed(route.key, decided);
    return programmed && { route, verdict, programmed };
  }

  #isServedBy(report: PodReport): boolean {
    const written = this.#written;
    if (written === undefined || report.kind !== 'Serving') return false;
    return report.version === written.version || report.generation >= written.generation;
  }

  #programmed(key: string, { isLeftOut }: Decided): Finding<'Programmed'> | undefined {
    const mark = this.#marks.get(key);
    const written = this.#written;
    // content that is decided and not written yet is nowhere, whatever pods serve of it
    const writtenMark = mark !== undefined && mark.since <= (written?.generation ?? 0) ? mark : undefined;
    const { pods, isAsking, askingMs } = this.#delivered;
    const last = this.#found.get(key);
    const failure = this.#failure;
    const finding = programmedOf(
      { mark: writtenMark, isLeftOut, last },
      {
        to: this.#to,
        written,
        pods,
        isAsking,
        ...(failure !== undefined && { failure }),
        ...(this.#lookedFor !== undefined && { lookedFor: this.#lookedFor }),
      },
    );
    const isFinal = finding.status === 'True' || isLeftOut || failure !== undefined || !isAsking;
    const wasConfirmed = last?.mark.since === mark?.since && last?.finding.status === 'True';
    // a bridge that restarts, or a pod that is a little late, is not worth two writes; it is when the asking ends
    if (!isFinal && (wasConfirmed || askingMs < PATIENCE_MS)) return undefined;
    if (writtenMark !== undefined) this.#found.set(key, { mark: writtenMark, finding });
    return finding;
  }
}

/** What the stored status says of a route that is in a snapshot; undefined: nothing, or of an earlier form of it. */
function storedFinding({ status, generation }: ObservedRoute): Finding<'Programmed'> | undefined {
  const stored = status?.conditions.find(({ type }) => type === 'Programmed');
  if (stored?.observedGeneration !== generation) return undefined;
  const { reason, message } = stored;
  if (stored.status === 'True' && reason === 'Programmed') return { status: 'True', reason, message };
  if (stored.status === 'False' && (reason === 'NoReadyPods' || reason === 'PartiallyProgrammed'))
    return { status: 'False', reason, message };
  return undefined;
}

/** Whether two observations are of one route with one spec; its status may differ. */
export function isSameSpec(a: ObservedRoute, b: ObservedRoute): boolean {
  return a.uid === b.uid && a.generation === b.generation && a.isDeleting === b.isDeleting;
}
