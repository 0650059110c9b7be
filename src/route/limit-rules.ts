import type { RouteSections } from './check-resource.ts';
import { duplicateValues } from './duplicates.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';

const FAILOVER: Path = ['spec', 'failover'];
const DEFAULT_ATTEMPTS = 2;
const ALL_CAUSES = 4;
const DEFAULT_TRANSCRIPT_BYTES = 8_388_608;
/** Below this age a client spends much of its time connecting. */
const MIN_SENSIBLE_AGE_SECONDS = 60;

/** `spec.failover`: accepted at its defaults until there is failover. */
export function failoverRules({ failover }: RouteSections): readonly Problem[] {
  const problems: Problem[] = [...duplicateValues(failover.on, [...FAILOVER, 'on'])];
  if (failover.on !== undefined && new Set(failover.on).size < ALL_CAUSES && problems.length === 0) {
    problems.push(errorAt([...FAILOVER, 'on'], 'failover comes with a later release; remove failover.on'));
  }
  if ((failover.maxAttempts ?? DEFAULT_ATTEMPTS) !== DEFAULT_ATTEMPTS) {
    problems.push(
      errorAt(
        [...FAILOVER, 'maxAttempts'],
        'failover comes with a later release; remove failover.maxAttempts',
      ),
    );
  }
  return problems;
}

/** `spec.limits`, `spec.timeouts`, `spec.continuation`. */
export function limitRules({ limits, timeouts, continuation }: RouteSections): readonly Problem[] {
  const problems: Problem[] = [];
  const { turnDeadlineSeconds: deadline, firstEventSeconds: first } = timeouts;
  if (deadline !== undefined && first !== undefined && deadline < first) {
    problems.push(
      warningAt(
        ['spec', 'timeouts', 'turnDeadlineSeconds'],
        `turnDeadlineSeconds (${deadline}) is shorter than firstEventSeconds (${first}), which then never counts; write firstEventSeconds: ${deadline} or less`,
      ),
    );
  }
  const { maxConnections: all, maxConnectionsPerClient: each, maxConnectionAgeSeconds: age } = limits;
  if (all !== undefined && each !== undefined && all < each) {
    problems.push(
      warningAt(
        ['spec', 'limits', 'maxConnections'],
        `maxConnections (${all}) is less than maxConnectionsPerClient (${each}), so that one client can take them all; write a smaller maxConnectionsPerClient`,
      ),
    );
  }
  if (age !== undefined && age < MIN_SENSIBLE_AGE_SECONDS) {
    problems.push(
      warningAt(
        ['spec', 'limits', 'maxConnectionAgeSeconds'],
        `clients reconnect every ${age} s; write ${MIN_SENSIBLE_AGE_SECONDS} or more`,
      ),
    );
  }
  const { mode, maxBytesPerConnection: budget } = continuation;
  const isRemembering = mode === undefined || mode === 'Transcript';
  if (!isRemembering && budget !== undefined && budget !== DEFAULT_TRANSCRIPT_BYTES) {
    problems.push(
      warningAt(
        ['spec', 'continuation', 'maxBytesPerConnection'],
        `with mode ${mode} the bridge remembers nothing, so this does not count; remove it`,
      ),
    );
  }
  return problems;
}
