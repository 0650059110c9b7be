/** How a provider is reached: over which transport, and why not over the other. For the page on the ops port. */
import type { AttemptRecord, FallbackReason, TransportReason } from '../../turn/facts.ts';
import type { ProviderSources } from '../provider-sources.ts';
import type { ReachView } from './page-state.ts';

/** What is remembered of a provider. */
export interface Reach {
  transport: 'http' | 'websocket' | undefined;
  reason: TransportReason | undefined;
  /** Of the last attempt: scheme, host, port and base. */
  url: string;
  lastFallback: { readonly reason: FallbackReason; readonly at: number } | undefined;
  /** Of the last upgrade that was refused. */
  refusedWith: number | undefined;
}

/** Of a provider that was not asked yet. */
export function newReach(): Reach {
  return {
    transport: undefined,
    reason: undefined,
    url: '',
    lastFallback: undefined,
    refusedWith: undefined,
  };
}

/** An attempt ended. */
export function noteTransport(reach: Reach, attempt: AttemptRecord): void {
  const { transport, transportReason, origin, path, status } = attempt;
  reach.transport = transport;
  reach.reason = transportReason;
  reach.url = origin + path;
  if (transport === 'websocket') reach.refusedWith = status === 101 ? undefined : status;
}

/** A turn goes over HTTP. */
export function noteFallback(reach: Reach, reason: FallbackReason, at: number): void {
  reach.lastFallback = { reason, at };
}

/**
 * Reads what is so now, once for all providers. @returns what makes the view of one of them
 * @param wallNow milliseconds since 1970
 */
export function reachReader(sources: ProviderSources, wallNow: number) {
  const sockets = new Map<string, { active: number; idle: number }>();
  for (const { route, provider, transport, active, idle } of sources.providerConnections?.() ?? []) {
    if (transport !== 'websocket') continue;
    const key = `${route}\n${provider}`;
    const sum = sockets.get(key) ?? { active: 0, idle: 0 };
    sockets.set(key, { active: sum.active + active, idle: sum.idle + idle });
  }
  const without = sources.withoutWebSocket?.() ?? [];
  return (
    { route, provider, reach }: { readonly route: string; readonly provider: string; readonly reach: Reach },
    offset: number,
  ): ReachView => {
    const { transport, reason, url, lastFallback, refusedWith } = reach;
    const memory = without.find((each) => each.provider === provider && url.startsWith(each.url));
    return {
      transport,
      reason,
      lastFallback: lastFallback && { reason: lastFallback.reason, at: Math.round(lastFallback.at + offset) },
      noWebSocket: memory && { status: refusedWith, until: Math.round(wallNow + memory.forMs) },
      sockets: sockets.get(`${route}\n${provider}`),
    };
  };
}
