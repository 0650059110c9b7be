/** Heads of requests as Node's HTTP server would give them, without a socket. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readRequestHead, type RequestHead } from '../../../src/client/request-head.ts';

export function headOf(
  headers: Readonly<Record<string, string | readonly string[]>>,
  url = '/v1/responses',
): RequestHead {
  const joined: IncomingHttpHeaders = {};
  const rawHeaders: string[] = [];
  for (const [name, value] of Object.entries({ host: 'bridge.test', ...headers })) {
    const values = typeof value === 'string' ? [value] : value;
    for (const one of values) rawHeaders.push(name, one);
    joined[name] = values.join(', ');
  }
  return readRequestHead({ method: 'GET', url, headers: joined, rawHeaders } as unknown as IncomingMessage);
}
