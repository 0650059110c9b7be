import type { RouteSections } from './check-resource.ts';
import { warningAt } from './problem.ts';
import type { Problem } from './problem.ts';
import { writtenTransport } from './provider-transport.ts';

const DEFAULT_TRANSCRIPT_BYTES = 8_388_608;
/** Below this age a client spends much of its time connecting. */
const MIN_SENSIBLE_AGE_SECONDS = 60;

/** `spec.limits`, `spec.timeouts`, `spec.continuation`. */
export function limitRules(sections: RouteSections): readonly Problem[] {
  const { limits, timeouts } = sections;
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
  problems.push(...memoryRules(sections));
  return problems;
}

/** Warns of a size for a memory that there is not. */
function memoryRules({ continuation, providers }: RouteSections): readonly Problem[] {
  const { mode, maxBytesPerConnection: budget } = continuation;
  if (budget === undefined || budget === DEFAULT_TRANSCRIPT_BYTES || mode === 'Transcript') return [];
  const path = ['spec', 'continuation', 'maxBytesPerConnection'];
  if (mode !== undefined) {
    return [
      warningAt(path, `with mode ${mode} the bridge remembers nothing, so this does not count; remove it`),
    ];
  }
  const isSockets = providers?.every((provider) => writtenTransport(provider) === 'WebSocket');
  if (isSockets !== true) return [];
  return [
    warningAt(
      path,
      'all providers are reached by WebSocket alone and hold the chains themselves, so this does not count; write mode: Transcript to have the bridge remember them too, or remove it',
    ),
  ];
}
