/** The status of a route: from what was found to the conditions that people and tools read. */
import { API_VERSION, KIND } from '../route/resource.ts';
import { CONDITION_TYPES } from './conditions.ts';
import type { Condition, ConditionStatus, ConditionType, Finding } from './conditions.ts';
import type { Verdict } from './decide.ts';
import { NOT_ACCEPTED } from './programmed.ts';

/** `status` of a ResponsesRoute. Small and slow: what changes without the route (counts, pods) is in metrics. */
export interface RouteStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  /** `2/3`: of three providers two get turns. */
  readonly providers: string;
}

/** The route as it was decided on, and the newest status that is known to be stored. */
export interface StatusBase {
  readonly generation: number;
  readonly status: RouteStatus | undefined;
}

/**
 * For so long a Secret or ConfigMap may be missing before the route counts as stalled. Others make such objects too,
 * a moment after the route: to tools that wait for an installation (kstatus) a stalled route has failed at once.
 */
export const REFERENCE_GRACE_MS = 60_000;

/**
 * The status that follows. Where nothing flips, times stay; a newer generation than the route's own is left alone,
 * because its status was written by somebody who has seen more.
 *
 * @param programmed Counts for accepted routes only.
 * @param now RFC 3339 in UTC, as of `Date.toISOString`.
 */
export function nextStatus(
  { generation, status: stored }: StatusBase,
  verdict: Verdict,
  programmed: Finding<'Programmed'>,
  now: string,
): RouteStatus {
  if (stored !== undefined && stored.observedGeneration > generation) return stored;
  const before = new Map(stored?.conditions.map((condition) => [condition.type, condition]));
  const toCondition = (type: ConditionType, { status, reason, message }: FoundState): Condition => {
    const previous = before.get(type);
    // of generation 0 is what the API server shows before anybody has judged (UNJUDGED_STATUS), with its own time
    const isSame = previous !== undefined && previous.observedGeneration > 0 && previous.status === status;
    const lastTransitionTime = isSame ? previous.lastTransitionTime : wholeSeconds(now);
    return { type, status, observedGeneration: generation, lastTransitionTime, reason, message };
  };
  const accepted = toCondition('Accepted', verdict.accepted);
  const resolvedRefs = toCondition('ResolvedRefs', verdict.resolvedRefs);
  const delivered = toCondition(
    'Programmed',
    verdict.accepted.status === 'False' ? NOT_ACCEPTED : programmed,
  );
  const obstacle = [accepted, resolvedRefs, delivered].find(({ status }) => status !== 'True');
  const conditions = [
    accepted,
    resolvedRefs,
    delivered,
    // in the words of the last step: a sidecar's route is ready too, and nobody has asked a sidecar
    toCondition(
      'Ready',
      obstacle === undefined ? { ...summaryOf(delivered), reason: 'Ready' } : summaryOf(obstacle),
    ),
  ];
  if (verdict.partiallyInvalid !== undefined)
    conditions.push(toCondition('PartiallyInvalid', verdict.partiallyInvalid));
  if (obstacle !== undefined)
    conditions.push(toCondition(outlook(obstacle, now), { ...summaryOf(obstacle), status: 'True' }));
  const { usable, total } = verdict.providers;
  return { observedGeneration: generation, conditions, providers: `${usable}/${total}` };
}

/**
 * When a status becomes another by time alone, in milliseconds from `nowMs` on; undefined when it does not. Whoever
 * writes it then asks for the next one.
 */
export function statusChangesAfterMs({ conditions }: RouteStatus, nowMs: number): number | undefined {
  const { ResolvedRefs, Reconciling } = Object.fromEntries(
    conditions.map((condition) => [condition.type, condition]),
  );
  if (ResolvedRefs?.status !== 'False' || Reconciling?.reason !== ResolvedRefs.reason) return undefined;
  return Math.max(0, Date.parse(ResolvedRefs.lastTransitionTime) + REFERENCE_GRACE_MS - nowMs);
}

/** Whether a status says what is stored already: then nothing is written. Conditions of others do not count. */
export function isSameStatus(stored: RouteStatus | undefined, next: RouteStatus): boolean {
  if (stored === undefined) return false;
  if (stored.observedGeneration !== next.observedGeneration || stored.providers !== next.providers)
    return false;
  const own = stored.conditions.filter(({ type }) => isOwnType(type));
  const storedByType = new Map(own.map((condition) => [condition.type, condition]));
  return (
    own.length === next.conditions.filter(({ type }) => isOwnType(type)).length &&
    next.conditions.every((condition) => {
      const before = storedByType.get(condition.type);
      return before === undefined ? !isOwnType(condition.type) : isSameCondition(before, condition);
    })
  );
}

/**
 * What is applied to the status subresource: our conditions only, so that server-side apply leaves those of others
 * where they are and removes ours that are over. The uid keeps it from a route of the same name that is another one.
 */
export function toStatusPatch(
  { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
  { conditions, ...rest }: RouteStatus,
): unknown {
  const own = conditions.filter(({ type }) => isOwnType(type));
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { namespace, name, uid },
    status: { ...rest, conditions: own },
  };
}

/** Reads a stored status. What others wrote in another form is left out; undefined when nothing of it is ours. */
export function toStoredStatus(value: unknown): RouteStatus | undefined {
  const { observedGeneration, conditions, providers } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(conditions)) return undefined;
  return {
    observedGeneration: toGeneration(observedGeneration),
    conditions: conditions.flatMap(toStoredCondition),
    providers: typeof providers === 'string' ? providers : '',
  };
}

interface FoundState {
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** Short: the condition itself has the rest. */
function summaryOf({ status, reason, message }: Condition): FoundState {
  const [firstLine = ''] = message.split('\n');
  return { status, reason, message: firstLine };
}

/** Whether waiting helps: kstatus takes `Stalled` for failed and `Reconciling` for in progress. */
function outlook(
  { type, status, reason, lastTransitionTime }: Condition,
  now: string,
): 'Reconciling' | 'Stalled' {
  if (type === 'Accepted' || reason === 'SnapshotTooLarge') return 'Stalled';
  if (type !== 'ResolvedRefs' || status !== 'False') return 'Reconciling';
  const missingMs = Date.parse(now) - Date.parse(lastTransitionTime);
  return missingMs >= REFERENCE_GRACE_MS ? 'Stalled' : 'Reconciling';
}

function isOwnType(type: string): boolean {
  return (CONDITION_TYPES as readonly string[]).includes(type);
}

function isSameCondition(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration &&
    a.lastTransitionTime === b.lastTransitionTime
  );
}

function toStoredCondition(value: unknown): readonly Condition[] {
  const condition = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { type, status, reason, message, lastTransitionTime, observedGeneration } = condition;
  if (typeof type !== 'string' || typeof lastTransitionTime !== 'string') return [];
  if (status !== 'True' && status !== 'False' && status !== 'Unknown') return [];
  return [
    {
      type,
      status,
      observedGeneration: toGeneration(observedGeneration),
      lastTransitionTime,
      reason: typeof reason === 'string' ? reason : '',
      message: typeof message === 'string' ? message : '',
    },
  ];
}

/** 0 is older than any generation. */
function toGeneration(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** As Kubernetes writes times: fractions of seconds are cut. */
function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}
