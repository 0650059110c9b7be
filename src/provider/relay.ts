/**
 * Requests that are no turns (`GET /models`, `POST /responses/compact`), passed on under the same header policy.
 */
import type { Dispatcher } from 'undici';
import type { RelayAnswer, RelayRequest } from './provider.ts';
import { faultOf, toProviderFault } from './provider-fault.ts';
import type { ProviderPool, Waiter } from './provider-pool.ts';
import { toPath } from './request-path.ts';
import { keyObstacle, toHeaderRecord, toRelayRequestHeaders } from './request-headers.ts';
import { toRelayHeaders } from './response-headers.ts';

/**
 * Sends the request and waits for the headers of its answer, whatever its status; redirects are not followed.
 *
 * @param pool Or why there is none, in the words of a fault.
 * @throws {ProviderFault} when there was no answer. When the signal ended it: the signal's reason.
 */
export async function relayRequest(pool: ProviderPool | string, request: RelayRequest): Promise<RelayAnswer> {
  const { provider, route, signal } = request;
  signal.throwIfAborted();
  if (typeof pool === 'string') {
    throw faultOf(provider.name, 'connect_failed', undefined, pool);
  }
  if (pool.forbidden) {
    throw faultOf(provider.name, 'address_refused', undefined);
  }
  const obstacle = keyObstacle(provider);
  if (obstacle !== undefined) {
    throw faultOf(provider.name, 'connect_failed', undefined, obstacle);
  }
  // undici hears of the signal only once a connection has taken the request; until then this ends the wait.
  const abandoned = Promise.withResolvers<never>();
  const waiter: Waiter = { connectFailed: (error) => abandoned.reject(error) };
  const onAbort = () => {
    pool.ended(waiter);
    abandoned.reject(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = pool.request(waiter, toOptions(request));
    answer.catch(() => undefined); // Settles after an abort too; then nobody listens.
    const { statusCode, headers, body } = await Promise.race([answer, abandoned.promise]);
    body.once('close', () => pool.ended(waiter));
    return { status: statusCode, headers: toRelayHeaders(headers, route), body };
  } catch (error) {
    pool.ended(waiter);
    if (signal.aborted) {
      throw error;
    }
    throw toProviderFault(provider.name, error, 'opening');
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function toOptions(request: RelayRequest): Dispatcher.RequestOptions {
  const { provider, route, body } = request;
  const headers = toHeaderRecord(toRelayRequestHeaders(request));
  const length = request.clientHeaders.find((field) => field.name === 'content-length')?.value;
  if (body !== null && length !== undefined && /^\d+$/.test(length)) {
    headers['content-length'] = length; // Known: some servers do not take chunked requests.
  }
  return {
    origin: provider.origin,
    path: toPath(provider, request.path, request.clientQuery),
    method: request.method,
    headers,
    body,
    signal: request.signal,
    // A relayed request is a whole answer at once, so a turn's clocks fit: first sign, then silence.
    headersTimeout: route.timeouts.firstEventMs,
    bodyTimeout: route.timeouts.idleMs,
  };
}
