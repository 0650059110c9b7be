/** Which routes are in effect: the first ones, what the files say later, and what becomes of mistakes in them. */
import { openFileSource, type FileSource } from './config/file-source.ts';
import { formatProblem, type LocatedProblem } from './config/problem.ts';
import type { Environment } from './config/variables.ts';
import type { Snapshot } from './route/snapshot.ts';
import type { Log } from './telemetry/log/log.ts';

export interface RouteFeedOptions {
  /** A file or folder of routes. */
  readonly path: string;
  /** For `${NAME}` in Secrets. */
  readonly env: Environment;
  readonly log: Log;
  /** These routes are in effect from now on. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  /** Changed files were taken, or refused while the last good routes stay. */
  readonly onReload: (result: 'success' | 'failure') => void;
}

/** Routes that cannot be served, at the start. */
export class BrokenRoutes extends Error {
  readonly problems: readonly LocatedProblem[];

  constructor(problems: readonly LocatedProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'BrokenRoutes';
    this.problems = problems;
  }
}

export class RouteFeed {
  readonly #options: RouteFeedOptions;
  #source: FileSource | undefined;
  #snapshot: Snapshot | undefined;
  /** The files have errors now; what is served are the last good ones. */
  #hasBrokenRoutes = false;

  constructor(options: RouteFeedOptions) {
    this.#options = options;
  }

  /** Undefined: there was no route yet. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /**
   * Reads the files and follows them.
   * @returns their problems, none of which is an error
   * @throws BrokenRoutes
   */
  async open(): Promise<readonly LocatedProblem[]> {
    const { path, env, onSnapshot } = this.#options;
    this.#source = await openFileSource(path, {
      env,
      onProblems: (problems) => this.#onProblems(problems),
      onSnapshot: (snapshot) => this.#use(snapshot),
    });
    const { first } = this.#source;
    if (first.kind === 'broken') throw new BrokenRoutes(first.problems);
    this.#snapshot = first.snapshot;
    if (first.snapshot !== undefined) onSnapshot(first.snapshot);
    return first.problems;
  }

  /** Logs what the start brought. */
  announce(problems: readonly LocatedProblem[]): void {
    const { log, path } = this.#options;
    for (const problem of problems)
      log.warn('config.reload', 'route warning', { problem: formatProblem(problem) });
    if (this.#snapshot === undefined)
      log.warn('config.reload', 'no route yet: running, not ready', { routes: path });
    else log.info('process.ready', 'bridge ready', snapshotFields(this.#snapshot));
  }

  async close(): Promise<void> {
    await this.#source?.close();
  }

  #use(snapshot: Snapshot | undefined): void {
    const { log, onReload, onSnapshot } = this.#options;
    onReload('success');
    if (snapshot === undefined) {
      // the last good routes stay: an emptied folder is more often an accident than a wish
      log.warn('config.reload', 'the files hold no route any more: the last ones stay in effect');
      return;
    }
    const isFirst = this.#snapshot === undefined;
    this.#snapshot = snapshot;
    onSnapshot(snapshot);
    log.info(
      isFirst ? 'process.ready' : 'config.reload',
      isFirst ? 'bridge ready' : 'routes changed',
      snapshotFields(snapshot),
    );
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
