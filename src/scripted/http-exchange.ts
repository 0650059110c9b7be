/** One HTTP request as Node gives it: its headers, and how its answer ends. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpExchange } from './http-answer.ts';
import type { RequestEnd } from './recorded-request.ts';

/** Names in lower case; repeated ones joined. */
export function joinedHeaders(incoming: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

/** As sent: order, case and repetitions. */
export function headerList(incoming: IncomingMessage): readonly (readonly [string, string])[] {
  const { rawHeaders } = incoming;
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ''] as const] : []));
}

/** Follows one answer to its end, whoever brings it about. */
export function watchEnd(
  incoming: IncomingMessage,
  response: ServerResponse,
): { readonly exchange: HttpExchange; readonly closed: Promise<RequestEnd> } {
  const gone = new AbortController();
  const { promise: closed, resolve } = Promise.withResolvers<RequestEnd>();
  let broken: { readonly reason?: string } | undefined;
  response.once('close', () => {
    const at = performance.now();
    if (broken !== undefined) resolve({ how: 'broken', at, ...broken });
    else resolve({ how: response.writableFinished ? 'finished' : 'client-closed', at });
    gone.abort();
  });
  // A write that meets a closed connection: `close` follows and says so.
  response.on('error', () => undefined);
  const noteBroken = (): void => {
    broken = {};
  };
  const reset = (reason?: string): void => {
    broken = reason === undefined ? {} : { reason };
    incoming.socket.resetAndDestroy();
  };
  return { exchange: { response, gone: gone.signal, noteBroken, reset }, closed };
}
