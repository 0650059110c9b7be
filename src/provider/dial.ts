/** How long a connection takes to be opened, and where the time goes. */
import type { Socket } from 'node:net';
import { toProviderFault } from './provider-fault.ts';
import type { Dial } from './provider.ts';

/** Watches a socket that has just begun to connect. */
export interface DialWatch {
  /** It is connected (null), or failed. Once. */
  end(error: Error | null): Dial;
}

/** @param provider The provider's name within its route, for the fault. */
export function watchDial(socket: Socket, provider: string): DialWatch {
  const startedAt = performance.now();
  let resolvedAt: number | undefined;
  let connectedAt: number | undefined;
  // of several addresses that are tried, the last one that began counts
  socket.on('lookup', () => (resolvedAt ??= performance.now()));
  socket.once('connect', () => (connectedAt = performance.now()));
  return {
    end(error) {
      const endedAt = performance.now();
      // without TLS the end is the connect itself, which is told to us after this
      const isOpen = error === null;
      const connected = connectedAt ?? (isOpen ? endedAt : undefined);
      return {
        startedAt,
        endedAt,
        dnsMs: resolvedAt && resolvedAt - startedAt,
        tcpMs: connected && connected - (resolvedAt ?? startedAt),
        tlsMs: 'encrypted' in socket && connected && isOpen ? endedAt - connected : undefined,
        fault: error === null ? undefined : toProviderFault(provider, error, 'opening'),
      };
    },
  };
}
