/** What the parts that bring routes have in common: files (file-feed.ts), and snapshots of an operator (snapshot-feed.ts). */
import type { Environment } from './config/variables.ts';
import type { WatchedSecret } from './config/snapshot-source.ts';
import type { Snapshot } from './route/snapshot.ts';
import type { Log } from './telemetry/log/log.ts';
import type { LogFields } from './telemetry/log/log-line.ts';
import type { SnapshotNumbers } from './telemetry/metrics/process-metrics.ts';

/** Where routes come from. */
export type RouteOrigin =
  /** A file or folder of routes. `env`: for `${NAME}` in Secrets. */
  | { readonly kind: 'files'; readonly path: string; readonly env: Environment }
  /** What an operator wrote: a watch on its Secret, the folder where that is mounted, or both. */
  | {
      readonly kind: 'snapshots';
      readonly folder: string | undefined;
      readonly watched: Omit<WatchedSecret, 'userAgent'> | undefined;
    };

/** Routes in effect. */
export interface ServedRoutes {
  readonly snapshot: Snapshot;
  /** By which way they came. */
  readonly source: 'routes' | 'watch' | 'file';
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  /** What the operator says of them; undefined: it were files. */
  readonly packed:
    { readonly generation: number; readonly format: string; readonly installation: string } | undefined;
}

export interface RouteFeedOptions {
  readonly log: Log;
  /** These routes are in effect from now on. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  /** Changed routes were taken, or refused while the last good ones stay. */
  readonly onReload: (result: 'success' | 'failure') => void;
}

export interface RouteFeed {
  /** Undefined: there were none yet. */
  readonly served: ServedRoutes | undefined;
  /** Why nothing is served yet. One line. */
  readonly waitsFor: string;
  /** Whether the API server's watch is open; undefined: there is none. */
  readonly isWatchUp: boolean | undefined;
  /** Where they come from, for the log. */
  readonly fields: LogFields;
  /** Takes what is there, and follows it. @throws BrokenRoutes where files have errors */
  open(): Promise<void>;
  /** Logs what the start brought. */
  announce(): void;
  /** May be called twice. */
  close(): Promise<void>;
}

/** What `GET /snapshot` on the ops port says; what files have none of is null. */
export interface SnapshotView {
  readonly version: string;
  readonly generation: number | null;
  readonly source: ServedRoutes['source'];
  readonly routes: number;
  readonly format: string | null;
  readonly installation: string | null;
}

export function toSnapshotView(served: ServedRoutes | undefined): SnapshotView | undefined {
  if (served === undefined) return undefined;
  const { snapshot, source, packed } = served;
  return {
    version: snapshot.version,
    generation: packed?.generation ?? null,
    source,
    routes: snapshot.routes.length,
    format: packed?.format ?? null,
    installation: packed?.installation ?? null,
  };
}

/** The same for metrics. */
export function toSnapshotNumbers({ served, isWatchUp }: RouteFeed): SnapshotNumbers {
  return {
    generation: served?.packed?.generation,
    routes: served?.snapshot.routes.length,
    takenAtMs: served?.takenAt,
    isWatchUp,
  };
}
