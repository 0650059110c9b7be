/** Routes from files: the first ones, what the files say later, and what becomes of mistakes in them. */
import { openFileSource, type FileSource } from './config/file-source.ts';
import { formatProblem, type LocatedProblem } from './config/problem.ts';
import type { Snapshot } from './route/snapshot.ts';
import type { RouteFeed, RouteFeedOptions, RouteOrigin, ServedRoutes } from './served-routes.ts';

/** Routes that cannot be served, at the start. */
export class BrokenRoutes extends Error {
  readonly problems: readonly LocatedProblem[];

  constructor(problems: readonly LocatedProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'BrokenRoutes';
    this.problems = problems;
  }
}

export class FileFeed implements RouteFeed {
  readonly waitsFor = 'no route yet';
  readonly isWatchUp = undefined;
  readonly #origin: Extract<RouteOrigin, { kind: 'files' }>;
  readonly #options: RouteFeedOptions;
  #source: FileSource | undefined;
  #served: ServedRoutes | undefined;
  /** Of the start; none of them is an error. */
  #warnings: readonly LocatedProblem[] = [];
  /** The files have errors now; what is served are the last good ones. */
  #hasBrokenRoutes = false;

  constructor(origin: Extract<RouteOrigin, { kind: 'files' }>, options: RouteFeedOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  get served(): ServedRoutes | undefined {
    return this.#served;
  }

  get fields() {
    return { routes: this.#origin.path };
  }

  /** @throws BrokenRoutes */
  async open(): Promise<void> {
    const { path, env } = this.#origin;
    this.#source = await openFileSource(path, {
      env,
      onProblems: (problems) => this.#onProblems(problems),
      onSnapshot: (snapshot) => this.#use(snapshot),
    });
    const { first } = this.#source;
    if (first.kind === 'broken') throw new BrokenRoutes(first.problems);
    this.#warnings = first.problems;
    if (first.snapshot !== undefined) this.#serve(first.snapshot);
  }

  announce(): void {
    const { log } = this.#options;
    for (const problem of this.#warnings)
      log.warn('config.reload', 'route warning', { problem: formatProblem(problem) });
    if (this.#served === undefined)
      log.warn('config.reload', 'no route yet: running, not ready', this.fields);
    else log.info('process.ready', 'bridge ready', snapshotFields(this.#served.snapshot));
  }

  async close(): Promise<void> {
    await this.#source?.close();
  }

  #use(snapshot: Snapshot | undefined): void {
    const { log, onReload } = this.#options;
    onReload('success');
    if (snapshot === undefined) {
      // the last good routes stay: an emptied folder is more often an accident than a wish
      log.warn('config.reload', 'the files hold no route any more: the last ones stay in effect');
      return;
    }
    const isFirst = this.#served === undefined;
    this.#serve(snapshot);
    log.info(
      isFirst ? 'process.ready' : 'config.reload',
      isFirst ? 'bridge ready' : 'routes changed',
      snapshotFields(snapshot),
    );
  }

  #serve(snapshot: Snapshot): void {
    this.#served = { snapshot, source: 'routes', takenAt: Date.now(), packed: undefined };
    this.#options.onSnapshot(snapshot);
  }

  #onProblems(problems: readonly LocatedProblem[]): void {
    const { log, onReload } = this.#options;
    const isBroken = problems.some(({ severity }) => severity === 'error');
    if (isBroken) onReload('failure');
    else if (this.#hasBrokenRoutes) log.info('config.reload', 'the routes have no errors any more');
    this.#hasBrokenRoutes = isBroken;
    for (const problem of problems) {
      const fields = { problem: formatProblem(problem) };
      if (problem.severity === 'error')
        log.error('config.reload', 'route refused: the last good routes stay', fields);
      else log.warn('config.reload', 'route warning', fields);
    }
  }
}

function snapshotFields(snapshot: Snapshot) {
  return { snapshot: snapshot.version, routes: snapshot.routes.length };
}
