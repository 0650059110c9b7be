/** What is told as an event: what became of a route, once, when it becomes so. */
import type { Condition } from './conditions.ts';
import { toOneLine } from './problem-lines.ts';
import type { RouteStatus } from './route-status.ts';

/** An event about a route. */
export interface RouteEvent {
  readonly type: 'Normal' | 'Warning';
  /** That of the condition. */
  readonly reason: string;
  /** What was being done. */
  readonly action: 'Check' | 'Resolve' | 'Deliver';
  /** One line, the first of the condition: the tables of kubectl fall apart with more. The recorder cuts it to 1 kB. */
  readonly note: string;
}

const ACTIONS = { Accepted: 'Check', ResolvedRefs: 'Resolve', Programmed: 'Deliver' } as const;
type ToldType = keyof typeof ACTIONS;

/**
 * The events of a step from one status to the next; none when the status is the same, so nothing is told again after
 * a restart of the operator.
 *
 * @param previous As stored; undefined on the first visit.
 */
export function routeEvents(previous: RouteStatus | undefined, next: RouteStatus): readonly RouteEvent[] {
  const before = new Map(previous?.conditions.map((condition) => [condition.type, condition]));
  return next.conditions.flatMap((condition) => {
    if (!isTold(condition.type)) return [];
    const { type, status, reason, message } = condition;
    if (!isNews(type, before.get(type), condition)) return [];
    const kind = status === 'True' ? 'Normal' : 'Warning';
    return [{ type: kind, reason, action: ACTIONS[type], note: toOneLine(message) }];
  });
}

function isTold(type: string): type is ToldType {
  return Object.hasOwn(ACTIONS, type);
}

function isNews(type: ToldType, before: Condition | undefined, now: Condition): boolean {
  // a step on the way, and the consequence of another condition that is told
  if (now.status === 'Unknown' || now.reason === 'NotAccepted') return false;
  if (before?.status !== now.status || before.reason !== now.reason) {
    // that nothing is missing is news only to whoever missed something
    return type !== 'ResolvedRefs' || now.status === 'False' || before?.status === 'False';
  }
  if (before.observedGeneration === now.observedGeneration) return false;
  // somebody changed the route: has it arrived, and if it is still wrong, how now?
  return now.status === 'True' ? type === 'Programmed' : before.message !== now.message;
}
