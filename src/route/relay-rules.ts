import type { RouteSections } from './check-resource.ts';
import { duplicateValues } from './duplicates.ts';
import { errorAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';

const PATHS: Path = ['spec', 'relay', 'paths'];

/** What is relayed when nothing is written: nothing that one client stored can be read by another through it. */
const SAFE_PATHS: ReadonlySet<string> = new Set(['/models', '/responses/compact']);

/** `spec.relay`. */
export function relayRules({ relay, providers }: RouteSections): readonly Problem[] {
  const { paths, sharedKey } = relay;
  const problems: Problem[] = [...duplicateValues(paths, PATHS)];
  // With a shared key one tenant could read the stored responses of another.
  const shared = providers?.find(({ auth }) => auth !== undefined && auth.type !== 'Passthrough');
  paths?.forEach((path, index) => {
    if (path === '/responses') {
      problems.push(errorAt([...PATHS, index], '/responses is served by the bridge itself; remove it'));
    } else if (!SAFE_PATHS.has(path) && shared !== undefined && sharedKey === 'Refused') {
      problems.push(
        errorAt(
          [...PATHS, index],
          `all clients reach provider ${shared.name ?? 'without a name'} as one, so through ${path} one client could read what another stored: give it auth Passthrough, or set relay.sharedKey to Allowed if that is meant`,
        ),
      );
    }
  });
  return problems;
}
