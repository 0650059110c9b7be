/**
 * Requests that two readers would read differently. Node's parser lets some of them through; a proxy in front of the
 * bridge, or a provider behind it, might see another length, another host or another key than we do. They are refused
 * before anything else is asked, and their connection with them (RFC 9112 2.3, 3.2, 6.1, 6.3).
 */
import type { IncomingMessage } from 'node:http';
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import { isCredentialHeader } from '../route/header-names.ts';

/** What the check reads of a request. */
export type ShapedRequest = Pick<IncomingMessage, 'httpVersion' | 'headers' | 'rawHeaders' | 'method'>;

/** Headers of which the first and the last would be read by different code; credentials are the others. */
const ONCE: ReadonlySet<string> = new Set(['content-encoding', 'content-type', 'host']);

/** What a host may be written with (RFC 3986 3.2.2), and a port. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/** Is this request an upgrade to a WebSocket? One of HTTP/1.0 is none (RFC 9110 7.8), nor is any other method's. */
export function asksForWebSocket({ method, headers, httpVersion }: ShapedRequest): boolean {
  return method === 'GET' && httpVersion === '1.1' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Why this request may mean two things; undefined when it means one. Whoever refuses it closes its connection. */
export function ambiguityOf(request: ShapedRequest): ErrorAnswer | undefined {
  const { httpVersion, headers } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return malformed('The request line must end with HTTP/1.1 or HTTP/1.0');
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')) {
    return malformed('Transfer-Encoding must be "chunked" and nothing else, and belongs to HTTP/1.1');
  }
  if (asksForWebSocket(request) && (coding !== undefined || Number(headers['content-length'] ?? 0) > 0)) {
    return malformed('The upgrade to a WebSocket has no body');
  }
  const twice = givenTwice(request.rawHeaders);
  if (twice !== undefined) return malformed(`The header ${twice} is given twice; give it once`);
  if (!HOST.test(headers.host ?? '')) return malformed('The header host must be a host, and perhaps a port');
  return undefined;
}

/** The name, in lower case, of a header that may stand there once; it is one of a closed list. */
function givenTwice(rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!ONCE.has(name) && !isCredentialHeader(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

function malformed(sentence: string): ErrorAnswer {
  return refusal('invalid_request', `${sentence}.`);
}
