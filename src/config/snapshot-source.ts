/** Snapshots for as long as the process runs: from a watch on a Secret, from the same Secret as a mounted file, or both. */
import type { UnpackedSnapshot } from '../route/packed-snapshot.ts';
import type { KubeAccess } from './in-cluster.ts';
import { packedDigest, readSnapshot } from './read-snapshot.ts';
import type { SnapshotReading } from './read-snapshot.ts';
import type { SecretEvent, SecretName } from './secret-event.ts';
import { SecretWatch } from './secret-watch.ts';
import type { SecretWatchTimes, WatchStatus } from './secret-watch.ts';
import { decideSnapshot, nothingSeen } from './snapshot-decision.ts';
import type { Sighting, SnapshotInput, SnapshotStanding } from './snapshot-decision.ts';
import { SnapshotFolder } from './snapshot-folder.ts';
import type { FolderSight } from './snapshot-folder.ts';

export type SnapshotOrigin = 'watch' | 'file';

/** A snapshot that counts, and by which way it came. */
export interface SeenSnapshot extends Sighting {
  readonly origin: SnapshotOrigin;
  readonly unpacked: UnpackedSnapshot;
}

export interface WatchedSecret {
  readonly secret: SecretName;
  readonly access: KubeAccess;
  readonly userAgent: string;
  readonly times?: Partial<SecretWatchTimes>;
}

export interface SnapshotSourceOptions {
  /** Where the Secret is mounted. */
  readonly folder: string | undefined;
  readonly watched: WatchedSecret | undefined;
  readonly pollMs?: number;
  readonly settleMs?: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** To be served from now on. */
  onSnapshot(seen: SeenSnapshot): void;
  /** What came was sound; it may be what is served already. After `onSnapshot`. */
  onSound(): void;
  /** What came cannot be served, and the last good one stays. `reason`: a sentence without its content. */
  onRefused(origin: SnapshotOrigin, reason: string): void;
  /** The Secret was deleted, perhaps while the watch was down; the last good one stays. */
  onDeleted(): void;
  onWatchStatus(status: WatchStatus): void;
}

type Unread =
  | { readonly kind: 'packed'; readonly packed: Buffer }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Opens with `open`; `close` is the one way out. */
export class SnapshotSource {
  readonly #options: SnapshotSourceOptions;
  readonly #folder: SnapshotFolder | undefined;
  readonly #watch: SecretWatch | undefined;
  #standing: SnapshotStanding<SeenSnapshot> = nothingSeen();
  /** What came and was not read yet; what came later by the same way replaces it. */
  readonly #unread = new Map<SnapshotOrigin, Unread>();
  #reading: Promise<void> | undefined;
  /** What was read last by each way: both mostly show the same. */
  readonly #read = new Map<SnapshotOrigin, { readonly digest: string; readonly reading: SnapshotReading }>();
  /** Why what is there now by each way cannot be served. */
  readonly #refusals = new Map<SnapshotOrigin, string>();
  /** The Secret is not there any more, which has been told. */
  #isGone = false;
  #isClosed = false;

  constructor(options: SnapshotSourceOptions) {
    this.#options = options;
    const { folder, watched, pollMs, settleMs, random } = options;
    if (folder !== undefined) {
      this.#folder = new SnapshotFolder({
        path: folder,
        onSight: (sight) => this.#onSight(sight),
        ...(pollMs !== undefined && { pollMs }),
        ...(settleMs !== undefined && { settleMs }),
      });
    }
    if (watched !== undefined) {
      this.#watch = new SecretWatch({
        ...watched,
        random,
        onEvent: (event) => this.#onEvent(event),
        onStatus: (status) => this.#onStatus(status),
      });
    }
  }

  /** What is served; undefined: nothing sound has come yet. */
  get active(): SeenSnapshot | undefined {
    return this.#standing.active;
  }

  /** Of the watch; undefined: there is none. */
  get watchStatus(): WatchStatus | undefined {
    return this.#watch?.status;
  }

  /** While nothing is served: for what it waits, and what is in the way. One line for people. */
  get waitsFor(): string {
    const { watched } = this.#options;
    const waits: string[] = [];
    if (watched !== undefined && this.#watch !== undefined) {
      const secret = `Secret ${watched.secret.namespace}/${watched.secret.name}`;
      const refusal = this.#refusals.get('watch');
      waits.push(`${secret} (${refusal ?? watchWords(this.#watch.status)})`);
    }
    if (this.#folder !== undefined) {
      waits.push(`the file ${this.#folder.file} (${this.#refusals.get('file') ?? 'it is not there'})`);
    }
    return waits.join(' or ');
  }

  /** Resolves when what is mounted has been read; the API server is not waited for. */
  async open(): Promise<void> {
    this.#watch?.start();
    await this.#folder?.open();
    await this.#reading;
  }

  /** Nothing is told after it has been called. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unread.clear();
    await Promise.all([this.#folder?.close(), this.#watch?.close(), this.#reading]);
  }

  #onSight(sight: FolderSight): void {
    switch (sight.kind) {
      case 'packed':
        return this.#take('file', sight);
      case 'unreadable':
        return this.#take('file', { kind: 'unusable', reason: sight.reason });
      case 'missing': // the last good one stays
        this.#unread.delete('file');
        this.#refusals.delete('file');
    }
  }

  #onEvent(event: SecretEvent): void {
    switch (event.kind) {
      case 'delivered':
        this.#isGone = false;
        return this.#take('watch', { kind: 'packed', packed: event.packed });
      case 'unusable':
        this.#isGone = false;
        return this.#take('watch', event);
      case 'deleted':
        return this.#onGone();
      case 'bookmark': // the Secret is not there: new only to whom it was delivered once
        if (this.#standing.watch !== 'silent') this.#onGone();
        return;
      case 'foreign':
      case 'failed': // the watch deals with these by itself
    }
  }

  #onGone(): void {
    this.#unread.delete('watch');
    this.#refusals.delete('watch');
    if (!this.#isGone) this.#options.onDeleted();
    this.#isGone = true;
  }

  #onStatus(status: WatchStatus): void {
    this.#options.onWatchStatus(status);
    if (status.kind === 'down') this.#decide({ kind: 'watch.interrupted' });
  }

  #take(origin: SnapshotOrigin, unread: Unread): void {
    if (this.#isClosed) return;
    this.#unread.set(origin, unread);
    this.#reading ??= this.#readAll().finally(() => (this.#reading = undefined));
  }

  /** One at a time, the watch first: it is the one that counts. */
  async #readAll(): Promise<void> {
    for (;;) {
      const origin = this.#unread.has('watch') ? 'watch' : 'file';
      const unread = this.#unread.get(origin);
      if (unread === undefined) return;
      this.#unread.delete(origin);
      if (unread.kind === 'unusable') {
        this.#refuse(origin, unread.reason, this.#refusals.get(origin) === unread.reason);
        this.#read.delete(origin);
      } else await this.#readOne(origin, unread.packed);
    }
  }

  async #readOne(origin: SnapshotOrigin, packed: Buffer): Promise<void> {
    const digest = packedDigest(packed);
    const known = [...this.#read.values()].find((each) => each.digest === digest);
    const reading = known?.reading ?? (await readSnapshot(packed));
    if (this.#isClosed) return;
    this.#read.set(origin, { digest, reading });
    if (reading.kind === 'refused') return this.#refuse(origin, reading.reason, known !== undefined);
    this.#refusals.delete(origin);
    const { unpacked } = reading;
    const seen = { origin, generation: unpacked.generation, version: unpacked.snapshot.version, unpacked };
    this.#decide({ kind: origin === 'watch' ? 'watch.delivered' : 'file.shows', seen });
    // it may have been interrupted while this was being read
    if (origin === 'watch' && this.#watch?.status.kind === 'down')
      this.#decide({ kind: 'watch.interrupted' });
    this.#options.onSound();
  }

  #refuse(origin: SnapshotOrigin, reason: string, isTold: boolean): void {
    this.#refusals.set(origin, reason);
    if (!isTold) this.#options.onRefused(origin, reason);
  }

  #decide(input: SnapshotInput<SeenSnapshot>): void {
    const { standing, taken, isWatchBehind } = decideSnapshot(this.#standing, input);
    this.#standing = standing;
    if (taken !== undefined) this.#options.onSnapshot(taken);
    if (isWatchBehind) this.#watch?.renew();
  }
}

function watchWords(status: WatchStatus): string {
  switch (status.kind) {
    case 'opening':
      return 'the API server is being asked';
    case 'up':
      return 'the watch is open, and the Secret is not there: does the operator run?';
    case 'down':
      return `no watch: ${status.reason}`;
  }
}
