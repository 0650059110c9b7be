/** What a WebSocket to a provider is asked for with: two handshakes that are equal may share one socket. */
import { createHash } from 'node:crypto';
import type { CompiledProvider, CompiledRoute, HeaderField } from '../route/snapshot.ts';
import type { SocketOwner } from './provider.ts';
import { toHeaderRecord, toUpgradeHeaders } from './request-headers.ts';
import { toPath } from './request-path.ts';
import type { SocketDial } from './socket-dial.ts';
import type { SocketTools } from './socket-tools.ts';

/** The request for the upgrade. */
export interface Handshake {
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly HeaderField[];
  /**
   * A hash of all that makes sockets different: route and provider, where it is and how it is reached, headers with
   * credentials, and what a socket is fixed to when it is dialled: whether it carries lanes, and how old it may become.
   */
  readonly fingerprint: string;
}

/** One socket serves all lanes, told apart by `stream_id`; else it serves one, and frames and events name none. */
export function carriesLanes({ capabilities }: CompiledProvider): boolean {
  return capabilities.has('Lanes');
}

/** The handshake of one owner's sockets with this provider. */
export function toHandshake(owner: SocketOwner, route: CompiledRoute, provider: CompiledProvider): Handshake {
  const path = toPath(provider, '/responses', owner.clientQuery);
  const headers = toUpgradeHeaders({ ...owner, route, provider }, owner.entry === 'http');
  const where = [route.id, provider.name, provider.poolKey, provider.loopbackAllowed, path, headers];
  const all = [...where, carriesLanes(provider), provider.limits.maxConnectionAgeMs];
  return { path, headers, fingerprint: createHash('sha256').update(JSON.stringify(all)).digest('base64') };
}

/** How a socket for turns is dialled. */
export function toTurnDial(
  route: CompiledRoute,
  provider: CompiledProvider,
  { path, headers }: Handshake,
  { limits, attemptLimits }: Pick<SocketTools, 'limits' | 'attemptLimits'>,
): SocketDial {
  return {
    provider,
    path,
    timeoutMs: route.timeouts.connectMs,
    headers: toHeaderRecord(headers),
    protocols: [],
    maxMessageBytes: attemptLimits.maxEventBytes,
    answersPings: true,
    closeAnswerMs: limits.closeAnswerMs,
    maxRefusalBytes: attemptLimits.maxRefusalBytes,
    refusalMs: attemptLimits.refusalMs,
  };
}
