/**
 * Which of two places counts when both hold a snapshot: the watch on a Secret, and the same Secret as a mounted
 * file, which is later by up to a minute. Pure: each thing that happens is an argument, what holds is a value.
 */

/** A sound snapshot, as far as it takes part in the decision. */
export interface Sighting {
  /** Larger with each snapshot that is written; smaller only after the Secret was made anew. */
  readonly generation: number;
  /** Equal versions serve the same. */
  readonly version: string;
}

/** How far the watch can be believed. */
export type WatchStanding =
  /** It has never delivered a sound snapshot, or there is none: the file counts. */
  | 'silent'
  /** It has, and nothing says that it stopped: what it says counts, the file does not. */
  | 'delivering'
  /** It has, and is interrupted: a file counts if it is newer. */
  | 'interrupted';

/** What holds at one moment. */
export interface SnapshotStanding<S extends Sighting> {
  readonly watch: WatchStanding;
  /** What is served. */
  readonly active: S | undefined;
  /** A newer file that must wait because the watch delivers. */
  readonly waiting: S | undefined;
  /**
   * What the file showed when the watch delivered last. The watch has looked later, so that this content never counts
   * again, whatever its generation says.
   */
  readonly settledFile: Sighting | undefined;
  /** What the file shows. */
  readonly file: Sighting | undefined;
}

export type SnapshotInput<S extends Sighting> =
  | { readonly kind: 'watch.delivered'; readonly seen: S }
  | { readonly kind: 'watch.interrupted' }
  | { readonly kind: 'file.shows'; readonly seen: S };

export interface SnapshotDecision<S extends Sighting> {
  readonly standing: SnapshotStanding<S>;
  /** To be served from now on; undefined: nothing changes for clients. */
  readonly taken: S | undefined;
  /** The file is newer than a watch that seems to deliver: a watch that is dead without a word looks like this. */
  readonly isWatchBehind: boolean;
}

/** Before anything was seen. */
export function nothingSeen<S extends Sighting>(): SnapshotStanding<S> {
  return { watch: 'silent', active: undefined, waiting: undefined, settledFile: undefined, file: undefined };
}

/**
 * Takes one thing that happened. The watch is the authority while it delivers, also for an older generation: then the
 * Secret was made anew. A file never leads back to an older generation.
 */
export function decideSnapshot<S extends Sighting>(
  standing: SnapshotStanding<S>,
  input: SnapshotInput<S>,
): SnapshotDecision<S> {
  switch (input.kind) {
    case 'watch.delivered': {
      const settled = {
        ...standing,
        watch: 'delivering',
        waiting: undefined,
        settledFile: standing.file,
      } as const;
      return take(settled, input.seen);
    }
    case 'watch.interrupted': {
      if (standing.watch !== 'delivering') return keep(standing);
      const interrupted = { ...standing, watch: 'interrupted', waiting: undefined } as const;
      return standing.waiting === undefined ? keep(interrupted) : take(interrupted, standing.waiting);
    }
    case 'file.shows': {
      const { seen } = input;
      const shown = { ...standing, file: { generation: seen.generation, version: seen.version } };
      if (!isNewer(seen, standing)) return keep({ ...shown, waiting: undefined });
      if (standing.watch !== 'delivering') return take(shown, seen);
      return { standing: { ...shown, waiting: seen }, taken: undefined, isWatchBehind: true };
    }
  }
}

function isNewer(seen: Sighting, { active, settledFile }: SnapshotStanding<Sighting>): boolean {
  if (active === undefined) return true;
  if (settledFile?.generation === seen.generation && settledFile.version === seen.version) return false;
  return seen.generation > active.generation;
}

function keep<S extends Sighting>(standing: SnapshotStanding<S>): SnapshotDecision<S> {
  return { standing, taken: undefined, isWatchBehind: false };
}

/** Equal content is not served anew; its generation counts all the same. */
function take<S extends Sighting>(standing: SnapshotStanding<S>, seen: S): SnapshotDecision<S> {
  const isSame = standing.active?.version === seen.version;
  return { standing: { ...standing, active: seen }, taken: isSame ? undefined : seen, isWatchBehind: false };
}
