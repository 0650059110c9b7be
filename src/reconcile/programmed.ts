/** Whether what was decided has reached the bridges: the condition Programmed. */
import { versionOf } from '../route/route-groups.ts';
import type { ServedRoute } from '../route/snapshot.ts';
import type { Finding } from './conditions.ts';

/** The text that was written last. */
export interface WrittenSnapshot {
  readonly version: string;
  readonly generation: number;
}

/** What a ready pod said when it was asked which snapshot it serves. */
export type PodReport =
  | {
      readonly kind: 'Serving';
      readonly pod: string;
      readonly version: string;
      readonly generation: number;
    }
  /** It has no snapshot yet. */
  | { readonly kind: 'Empty'; readonly pod: string }
  /** It could not be asked, or said something else. */
  | { readonly kind: 'Silent'; readonly pod: string };

/** Of one route in the snapshot: its content, and the first generation of the snapshot that had it so. */
export interface RouteMark {
  /** The version of a snapshot that holds this route alone. */
  readonly content: string;
  readonly since: number;
}

/**
 * Notes since when each route is as it is now: a bridge that serves an older snapshot, but one of that generation or a
 * later one, serves this route as it should. Route by route, so that the change of one leaves the others confirmed.
 *
 * @param marks Of the snapshot before, by `namespace/name`.
 * @param packed What is in the snapshot that is written with `generation`.
 */
export function markRoutes(
  marks: ReadonlyMap<string, RouteMark>,
  packed: readonly ServedRoute[],
  generation: number,
): ReadonlyMap<string, RouteMark> {
  return new Map(
    packed.map((route) => {
      const { id } = route.compiled;
      const content = versionOf([route]);
      const before = marks.get(id);
      return [id, before?.content === content ? before : { content, since: generation }];
    }),
  );
}

/** Where the pods of a bridge are found: in EndpointSlices of this namespace that are labelled with its name. */
export interface PodPlace {
  readonly namespace: string;
  readonly bridgeName: string;
}

/** What is known of the way from the operator to the bridges. */
export interface Delivery {
  /** `Sidecars` are not asked: they listen on loopback, and their pods are the application's. */
  readonly to: 'Bridges' | 'Sidecars';
  /** Undefined before the first write. */
  readonly written: WrittenSnapshot | undefined;
  /** Why the newest snapshot could not be written, as a sentence. */
  readonly failure?: string;
  /** One of each ready pod that is not draining. */
  readonly pods: readonly PodReport[];
  /** Where they are looked for, to be told when there is none. */
  readonly lookedFor?: PodPlace;
  /** Pods are asked again in a moment: what is not confirmed yet is no failure. */
  readonly isAsking: boolean;
}

/** What Programmed needs to know of one route. */
export interface RoutePlace {
  /** Undefined: it is in no snapshot that was written. */
  readonly mark: RouteMark | undefined;
  /** It was accepted and did not fit into the snapshot. */
  readonly isLeftOut: boolean;
  /** What was found last, and of which content: the caller keeps it. Undefined before that. */
  readonly last: { readonly mark: RouteMark; readonly finding: Finding<'Programmed'> } | undefined;
}

/** How many pods a message names. */
const MAX_PODS_NAMED = 5;

/**
 * The condition of one accepted route. A pod counts when it serves the version that was written, or any generation
 * that has the route as it is now.
 */
export function programmedOf(place: RoutePlace, delivery: Delivery): Finding<'Programmed'> {
  const { mark, isLeftOut } = place;
  const { to, written, failure, pods, isAsking } = delivery;
  if (isLeftOut) return tooLarge;
  if (mark === undefined || written === undefined) return pending(failure ?? 'the snapshot is being written');
  if (to === 'Sidecars')
    return programmed('written into the snapshot Secret of this namespace; its sidecars are not asked');
  const last = place.last?.mark.since === mark.since ? place.last.finding : undefined;
  const missing = pods.filter((pod) => !isServing(pod, mark, written, last?.status === 'True'));
  if (pods.length > 0 && missing.length === 0)
    return programmed('every ready bridge pod serves the route as it is');
  // what was found of this content stands while it is asked again: else every question would write two statuses
  if (isAsking && last !== undefined && last.status !== 'Unknown') return last;
  // the same while there is none yet: a pod that comes meanwhile must not change the sentence
  if (isAsking) return pending('ready bridge pods are looked for, and asked whether they serve the route');
  return pods.length === 0 ? noReadyPods(delivery.lookedFor) : partiallyProgrammed(pods.length, missing);
}

/** Of a route that is not served: it is in no snapshot, and Accepted says why. */
export const NOT_ACCEPTED: Finding<'Programmed'> = {
  status: 'False',
  reason: 'NotAccepted',
  message: 'the route is in no snapshot; Accepted says why',
};

function isServing(
  report: PodReport,
  mark: RouteMark,
  written: WrittenSnapshot,
  wasConfirmed: boolean,
): boolean {
  switch (report.kind) {
    case 'Serving':
      return report.generation >= mark.since || report.version === written.version;
    case 'Empty':
      return false;
    case 'Silent':
      // a slow ops port says nothing about routes that were there: else one deaf pod would change every status
      return wasConfirmed;
  }
}

function programmed(message: string): Finding<'Programmed'> {
  return { status: 'True', reason: 'Programmed', message };
}

function pending(message: string): Finding<'Programmed'> {
  return { status: 'Unknown', reason: 'Pending', message };
}

/** Says where it looked: a Service without the label, or whose port has another name, looks like no pods at all. */
function noReadyPods(place: PodPlace | undefined): Finding<'Programmed'> {
  const where =
    place === undefined
      ? ''
      : `: no EndpointSlice labelled turnbridge.dev/bridge=${place.bridgeName} in namespace ${place.namespace} has a ready endpoint and a port named ops`;
  return {
    status: 'False',
    reason: 'NoReadyPods',
    message: `the route is in the snapshot, and no ready bridge pod is found${where}; see the pods of the bridge, their logs, and the Service in front of their ops ports`,
  };
}

const tooLarge: Finding<'Programmed'> = {
  status: 'False',
  reason: 'SnapshotTooLarge',
  message:
    'all routes of a bridge share one Secret of 1 MiB, older routes fill it, and this one does not fit: remove routes, or serve some by a bridge of their own (bridgeName)',
};

function partiallyProgrammed(total: number, missing: readonly PodReport[]): Finding<'Programmed'> {
  // sorted: the order in which pods answer must not change a status
  const named = missing
    .map((report) => `${report.pod} (${trouble(report)})`)
    .sort()
    .slice(0, MAX_PODS_NAMED);
  const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : '';
  return {
    status: 'False',
    reason: 'PartiallyProgrammed',
    message: `${missing.length} of ${total} ready bridge pods do not serve the route as it is: ${named.join(', ')}${more}; see their logs`,
  };
}

function trouble({ kind }: PodReport): string {
  switch (kind) {
    case 'Serving':
      return 'serves an older snapshot';
    case 'Empty':
      return 'has no snapshot';
    case 'Silent':
      return 'does not answer';
  }
}
