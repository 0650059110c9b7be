/** Opens a WebSocket to a provider: connection and upgrade within one deadline. */
import type { IncomingHttpHeaders } from 'node:http';
import type { CompiledProvider } from '../route/snapshot.ts';
import type { WebSocket } from 'ws';
import type { Socket } from 'node:net';
import type { Dial, ProviderFault } from './provider.ts';
import { faultOf, toProviderFault } from './provider-fault.ts';
import { SocketDialTimes } from './socket-dial-times.ts';
import { HandshakeBroken, upgrade, type UpgradeRequest } from './socket-upgrade.ts';
import { ProxyRefused, type SocketWays } from './socket-ways.ts';

/** What is to be opened. */
export interface SocketDial extends Omit<UpgradeRequest, 'url'> {
  readonly provider: CompiledProvider;
  /** Path and query. */
  readonly path: string;
  /** For the connection and the answer to the upgrade together. */
  readonly timeoutMs: number;
}

/** How it went; `cancelled` only by its signal. */
export type SocketDialResult =
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly fault: ProviderFault; readonly dial: Dial }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
      readonly dial: Dial;
    }
  /** Paused; its new owner resumes it. */
  | {
      readonly kind: 'open';
      readonly ws: WebSocket;
      readonly socket: Socket;
      readonly headers: IncomingHttpHeaders;
      readonly dial: Dial;
    };

/** Never rejects. After `cancelled`, `failed` and `refused` nothing is open. */
export async function dialWebSocket(
  ways: SocketWays,
  request: SocketDial,
  cancel: AbortSignal,
): Promise<SocketDialResult> {
  const { provider } = request;
  const times = new SocketDialTimes(provider.name);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const timer = setTimeout(end, request.timeoutMs);
  cancel.addEventListener('abort', end, { once: true });
  try {
    cancel.throwIfAborted();
    const socket = await ways.connect(provider, times, ending.signal);
    times.open();
    const answer = await upgrade(socket, { ...request, url: provider.origin + request.path }, ending.signal);
    const dial = times.end(undefined);
    if (answer.kind === 'open') return { ...answer, socket, dial };
    ending.abort();
    return { ...answer, dial };
  } catch (error) {
    const isLate = ending.signal.aborted;
    ending.abort();
    if (cancel.aborted) return { kind: 'cancelled' };
    const fault = isLate ? lateFault(provider.name, times) : failureOf(provider.name, error, times);
    return { kind: 'failed', fault, dial: times.end(fault) };
  } finally {
    clearTimeout(timer);
    cancel.removeEventListener('abort', end);
  }
}

function lateFault(provider: string, { isOpen }: SocketDialTimes): ProviderFault {
  return faultOf(provider, isOpen ? 'handshake_timeout' : 'connect_timeout', undefined);
}

function failureOf(provider: string, error: unknown, { isOpen }: SocketDialTimes): ProviderFault {
  if (error instanceof ProxyRefused) {
    const detail = `could not be reached: ${error.message}`;
    return faultOf(provider, 'connect_failed', undefined, detail);
  }
  if (isOpen && (error instanceof HandshakeBroken || isParserError(error))) {
    return faultOf(
      provider,
      'protocol_error',
      undefined,
      'answered the upgrade with something that is no WebSocket handshake',
    );
  }
  return toProviderFault(provider, error, isOpen ? 'sent' : 'opening');
}

/** Node's HTTP parser names its complaints so. */
function isParserError(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('HPE_');
}
