/** What `--quick` does otherwise: it shows that everything can be measured, also where a machine is shared or small. */
import { RunFailed } from './child.ts';
import type { Scenario } from './scenarios.ts';

/** Of the process with a socket for each client, whatever else it has open. */
const OTHER_FILES = 64;

/** The scenario with as many idle connections as a process may hold; its title says so where these are fewer. */
export function withinLimit(scenario: Scenario, maxOpenFiles: number): Scenario {
  if (scenario.kind !== 'memory' || scenario.answer !== undefined) return scenario;
  const clients = Math.min(scenario.clients, maxOpenFiles - OTHER_FILES);
  if (clients === scenario.clients) return scenario;
  const title = `${scenario.title} (only ${inWords(clients)}: the hard limit of open files is ${inWords(maxOpenFiles)})`;
  return { ...scenario, clients, title };
}

/** The hard one. @param limits what Linux says in `/proc/self/limits`. */
export function maxOpenFilesIn(limits: string): number {
  const [, hard] = /^Max open files +\S+ +(\S+)/m.exec(limits) ?? [];
  return hard === 'unlimited' ? Infinity : Number(hard);
}

/**
 * Runs it, and once more, told so, if the machine may be to blame: others may have had the processor for a whole window.
 * @param onFailure hears why, before the second time.
 * @throws RunFailed the second time; what is no RunFailed at once.
 */
export async function twiceAtMost<T>(
  run: (isAgain: boolean) => Promise<T>,
  onFailure: (failure: RunFailed) => void,
): Promise<T> {
  try {
    return await run(false);
  } catch (failure) {
    if (!(failure instanceof RunFailed)) throw failure;
    onFailure(failure);
    return run(true);
  }
}

function inWords(count: number): string {
  return count.toLocaleString('en');
}
