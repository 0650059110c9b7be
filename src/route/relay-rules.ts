import type { RouteSections } from './check-resource.ts';
import { duplicateValues } from './duplicates.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import { writtenTransport } from './provider-transport.ts';
import { SAFE_PATHS, SAFE_SOCKET_PATHS } from './relayed-paths.ts';

const RELAY: Path = ['spec', 'relay'];

/** `spec.relay`. */
export function relayRules(sections: RouteSections): readonly Problem[] {
  return [
    ...pathRules(sections, 'paths', SAFE_PATHS),
    ...pathRules(sections, 'webSocketPaths', SAFE_SOCKET_PATHS),
    ...socketRules(sections),
  ];
}

/** @param safe Nothing that one client stored can be read by another through these. */
function pathRules(
  { relay, providers }: RouteSections,
  field: 'paths' | 'webSocketPaths',
  safe: readonly string[],
): readonly Problem[] {
  const paths = relay[field];
  const at = [...RELAY, field];
  const problems: Problem[] = [...duplicateValues(paths, at)];
  // With a shared key one tenant could read the stored responses of another.
  const shared = providers?.find(({ auth }) => auth !== undefined && auth.type !== 'Passthrough');
  paths?.forEach((path, index) => {
    if (path === '/responses') {
      problems.push(errorAt([...at, index], '/responses is served by the bridge itself; remove it'));
    } else if (!safe.includes(path) && shared !== undefined && relay.sharedKey === 'Refused') {
      problems.push(
        errorAt(
          [...at, index],
          `all clients reach provider ${shared.name ?? 'without a name'} as one, so through ${path} one client could read what another stored: give it auth Passthrough, or set relay.sharedKey to Allowed if that is meant`,
        ),
      );
    }
  });
  return problems;
}

/** Warns where somebody lists WebSockets that no provider can take. The default is there for everybody. */
function socketRules({ relay: { webSocketPaths }, providers }: RouteSections): readonly Problem[] {
  if (webSocketPaths === undefined || providers === undefined) return [];
  const isOverHttp = providers.every((provider) => writtenTransport(provider) === 'HTTP');
  const added = webSocketPaths.find((path) => !SAFE_SOCKET_PATHS.includes(path));
  if (!isOverHttp || added === undefined) return [];
  return [
    warningAt(
      [...RELAY, 'webSocketPaths'],
      `all providers have transport HTTP, so that every WebSocket on ${added} gets 404; write transport: Auto for one of them, or remove webSocketPaths`,
    ),
  ];
}
