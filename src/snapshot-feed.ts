/** Routes that an operator compiled: its snapshots, and what becomes of those that cannot be served. */
import { SnapshotSource, type SeenSnapshot } from './config/snapshot-source.ts';
import type { WatchStatus } from './config/secret-watch.ts';
import type { RouteFeed, RouteFeedOptions, RouteOrigin, ServedRoutes } from './served-routes.ts';
import { errorFields } from './telemetry/log/error-fields.ts';

type SnapshotOrigin = Extract<RouteOrigin, { kind: 'snapshots' }>;

export class SnapshotFeed implements RouteFeed {
  readonly #origin: SnapshotOrigin;
  readonly #options: RouteFeedOptions;
  readonly #source: SnapshotSource;
  #takenAt = 0;
  /** What is there now was refused; what is served is the last good one. */
  #isRefused = false;
  /** From the first lines on; what came before is told with them. */
  #isAnnounced = false;

  constructor(origin: SnapshotOrigin, options: RouteFeedOptions & { readonly userAgent: string }) {
    this.#origin = origin;
    this.#options = options;
    const { log } = options;
    this.#source = new SnapshotSource({
      folder: origin.folder,
      watched: origin.watched && { ...origin.watched, userAgent: options.userAgent },
      random: Math.random,
      onSnapshot: (seen) => this.#use(seen),
      onSound: () => this.#onSound(),
      onRefused: (source, reason) => {
        this.#isRefused = true;
        options.onReload('failure');
        log.error('config.reload', 'snapshot refused: the last good one stays', { source, problem: reason });
      },
      onDeleted: () =>
        log.warn('config.reload', 'the Secret of the snapshot was deleted: the last one stays', this.fields),
      onWatchStatus: (status) => this.#tellWatch(status),
    });
  }

  get served(): ServedRoutes | undefined {
    const { active } = this.#source;
    if (active === undefined) return undefined;
    const { snapshot, ...packed } = active.unpacked;
    return { snapshot, source: active.origin, takenAt: this.#takenAt, packed };
  }

  get waitsFor(): string {
    return `no snapshot yet: waiting for ${this.#source.waitsFor}`;
  }

  get isWatchUp(): boolean | undefined {
    const status = this.#source.watchStatus;
    return status && status.kind === 'up';
  }

  get fields() {
    const { folder, watched } = this.#origin;
    return {
      ...(folder !== undefined && { snapshot_dir: folder }),
      ...(watched && { snapshot_secret: `${watched.secret.namespace}/${watched.secret.name}` }),
    };
  }

  /** Takes what is mounted; the API server is not waited for. */
  open(): Promise<void> {
    return this.#source.open();
  }

  announce(): void {
    this.#isAnnounced = true;
    const { active } = this.#source;
    if (active !== undefined) return this.#tellReady(active);
    const { log } = this.#options;
    // the API server has had no time to answer yet: whether all is well is told by the line about the watch
    const level = this.#source.watchStatus?.kind === 'opening' ? 'info' : 'warn';
    log[level]('config.reload', 'no snapshot yet: running, not ready', this.fields);
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  #use(seen: SeenSnapshot): void {
    const { log, onSnapshot, onReload } = this.#options;
    const isFirst = this.#takenAt === 0;
    this.#takenAt = Date.now();
    try {
      onSnapshot(seen.unpacked.snapshot);
    } catch (error) {
      // whoever hears of it runs below the source, which must go on
      log.error('bridge.mistake', 'the bridge made a mistake', errorFields(error));
    }
    onReload('success');
    this.#isRefused = false;
    if (!this.#isAnnounced) return;
    if (isFirst) this.#tellReady(seen);
    else log.info('config.reload', 'routes changed', fieldsOf(seen));
  }

  #onSound(): void {
    if (!this.#isRefused) return;
    this.#isRefused = false;
    this.#options.onReload('success');
    this.#options.log.info('config.reload', 'the snapshot has no errors any more');
  }

  #tellReady(seen: SeenSnapshot): void {
    this.#options.log.info('process.ready', 'bridge ready', fieldsOf(seen));
  }

  /** Not told again for the same reason, and attempts become rare by themselves. */
  #tellWatch(status: WatchStatus): void {
    const { log } = this.#options;
    if (status.kind === 'down') {
      log.warn('config.watch', 'the watch on the snapshot is down', {
        ...this.fields,
        reason: status.reason,
      });
    } else log.info('config.watch', 'the watch on the snapshot is open', this.fields);
  }
}

function fieldsOf({ origin, generation, unpacked: { snapshot } }: SeenSnapshot) {
  return { snapshot: snapshot.version, routes: snapshot.routes.length, generation, source: origin };
}
