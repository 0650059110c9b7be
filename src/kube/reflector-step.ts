/** What a reflector does next: a list, a watch, and how long it waits before. Pure but for the backoff it is handed. */
import type { Backoff } from './backoff.ts';
import type { KubeError } from './kube-error.ts';

/**
 * Objects per page. A page is parsed in one piece: 500 (client-go) routes of 5 kB hold the event loop for 25 to 50 ms, these
 * for 5 to 10.
 */
export const PAGE_SIZE = 100;

/** A watch that ends sooner has not worked, however cleanly it ended (client-go): opening the next at once would spin. */
export const MIN_WATCH_MS = 1000;

/** After so many failures of a watch without anything between, the version it asks for may be what is wrong. */
export const MAX_WATCH_FAILURES = 3;

/** A list whose path is not there, because its CRD is not, is tried this often: one small answer each time. */
export const MISSING_TYPE_RETRY_MS = 2000;

/** What is to be done. */
export type Step =
  /** A list of everything; without a page size in one answer. */
  | { readonly kind: 'list'; readonly pageSize: number | undefined }
  /** A watch from this version; `failures` of such watches have gone before. */
  | { readonly kind: 'watch'; readonly resourceVersion: string; readonly failures: number };

/** How it ended. */
export type Ending =
  | { readonly kind: 'listed'; readonly resourceVersion: string }
  /** By the server, cleanly. */
  | { readonly kind: 'ended'; readonly resourceVersion: string; readonly livedMs: number }
  /** Of a watch: how far it came, and whether anything came at all, if only a bookmark. */
  | {
      readonly kind: 'failed';
      readonly error: KubeError;
      readonly resourceVersion?: string;
      readonly isProgress?: boolean;
    };

/** A step and the wait before it. */
export interface Plan {
  readonly step: Step;
  readonly waitMs: number;
}

/** What a reflector was told once, and what time it is. */
export interface StepRules {
  /** Of its lists. */
  readonly pageSize: number;
  readonly nowMs: number;
  /** Everything is read anew although nothing is known to be missing: a net under our own mistakes. */
  readonly isResyncDue: boolean;
}

/** With nothing known. */
export function firstStep(pageSize: number): Step {
  return { kind: 'list', pageSize };
}

/** Counts a failure with the backoff, and has it say how long to wait. */
export function nextStep(step: Step, ending: Ending, backoff: Backoff, rules: StepRules): Plan {
  const plan = planAfter(step, ending, backoff, rules);
  const isDue = rules.isResyncDue && plan.step.kind === 'watch';
  return isDue ? { step: firstStep(rules.pageSize), waitMs: plan.waitMs } : plan;
}

function planAfter(step: Step, ending: Ending, backoff: Backoff, rules: StepRules): Plan {
  switch (ending.kind) {
    case 'listed':
      return { step: watchFrom(ending.resourceVersion), waitMs: 0 };
    case 'ended': {
      const waitMs = ending.livedMs < MIN_WATCH_MS ? backoff.next(rules.nowMs) : 0;
      return { step: watchFrom(ending.resourceVersion), waitMs };
    }
    case 'failed':
      return step.kind === 'list'
        ? afterFailedList(step, ending.error, backoff, rules)
        : afterFailedWatch(step, ending, backoff, rules);
  }
}

function watchFrom(resourceVersion: string, failures = 0): Step {
  return { kind: 'watch', resourceVersion, failures };
}

function afterFailedList(
  step: Step & { kind: 'list' },
  error: KubeError,
  backoff: Backoff,
  { pageSize, nowMs }: StepRules,
): Plan {
  // The pages took longer than the server remembers: all of it in one answer cannot be cut in two.
  if (error.isExpired && step.pageSize !== undefined)
    return { step: { kind: 'list', pageSize: undefined }, waitMs: backoff.nextPrompt(nowMs) };
  // its type is not known to the server yet: whoever installs it waits for it
  const maxMs = error.status === 404 ? MISSING_TYPE_RETRY_MS : undefined;
  const waitMs = backoff.next(nowMs, error.retryAfterMs, maxMs);
  if (error.reason !== 'TooLarge') return { step: firstStep(pageSize), waitMs };
  return { step: firstStep(Math.max(1, Math.floor((step.pageSize ?? pageSize) / 4))), waitMs };
}

function afterFailedWatch(
  step: Step & { kind: 'watch' },
  { error, resourceVersion = step.resourceVersion, isProgress = false }: Ending & { kind: 'failed' },
  backoff: Backoff,
  { pageSize, nowMs }: StepRules,
): Plan {
  if (error.isExpired) return { step: firstStep(pageSize), waitMs: backoff.nextPrompt(nowMs) };
  const waitMs = backoff.next(nowMs, error.retryAfterMs);
  const failures = isProgress ? 1 : step.failures + 1;
  // What could not be read may be gone for good: a list has it, and goes on after it.
  const isLost = error.reason === 'TooLarge' || error.reason === 'Malformed';
  const next =
    isLost || failures >= MAX_WATCH_FAILURES ? firstStep(pageSize) : watchFrom(resourceVersion, failures);
  return { step: next, waitMs };
}
