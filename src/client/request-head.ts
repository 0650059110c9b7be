/** The head of a client's request, read once: for admission, for the turn, for the header policy. */
import type { IncomingMessage } from 'node:http';
import type { HeaderField } from '../route/snapshot.ts';
import type { ClientKind } from '../turn/facts.ts';

export interface RequestHead {
  readonly method: string;
  /** The `Host` header as it came; empty when there is none. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  /** With its question mark's right side only; may be empty. Never logged. */
  readonly query: string;
  /** In order; names in lower case. */
  readonly fields: readonly HeaderField[];
  readonly headers: IncomingMessage['headers'];
}

export function readRequestHead(request: IncomingMessage): RequestHead {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const fields: HeaderField[] = [];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    fields.push({ name: request.rawHeaders[at]!.toLowerCase(), value: request.rawHeaders[at + 1]! });
  }
  return {
    method: request.method ?? 'GET',
    host: request.headers.host ?? '',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    fields,
    headers: request.headers,
  };
}

/** The parameters whose names the route lets through, still encoded. */
export function allowedQuery(query: string, allow: ReadonlySet<string>): string {
  if (query === '' || allow.size === 0) return '';
  return query
    .split('&')
    .filter((entry) => {
      const name = entry.split('=', 1)[0] ?? '';
      try {
        return allow.has(decodeURIComponent(name.replaceAll('+', ' ')));
      } catch {
        return false; // a name that is not valid percent-encoding is on nobody's list
      }
    })
    .join('&');
}

/** Codex says on the handshake which dialect of frames it speaks. */
export function speaksCodexDialect(head: RequestHead): boolean {
  const beta = head.headers['openai-beta'];
  const text = Array.isArray(beta) ? beta.join(',') : (beta ?? '');
  return text.split(',').some((part) => part.trim().startsWith('responses_websockets='));
}

/** What kind of client this is, for telemetry: a closed set. */
export function clientKindOf(head: RequestHead): ClientKind {
  const agent = head.headers['user-agent'] ?? '';
  if (speaksCodexDialect(head) || /^codex/i.test(agent) || head.headers['originator'] !== undefined)
    return 'codex';
  if (/^turnbridge\//i.test(agent)) return 'turnbridge';
  return /\bopenai\//i.test(agent) || head.headers['x-stainless-lang'] !== undefined ? 'openai_sdk' : 'other';
}

/** Most hops a request may have behind it: a sidecar in front of a central bridge is fine, a circle is not. */
const MAX_HOPS = 3;

export type Via =
  | { readonly kind: 'ok'; readonly value: string }
  | { readonly kind: 'own' } // it has been here before
  | { readonly kind: 'too-many' };

/** `x-turnbridge-via`: the installations a request has passed, and ours added. */
export function extendVia(head: RequestHead, installationId: string): Via {
  const given = head.fields
    .filter(({ name }) => name === 'x-turnbridge-via')
    .flatMap(({ value }) => value.split(','))
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '');
  if (given.includes(installationId)) return { kind: 'own' };
  if (given.length >= MAX_HOPS) return { kind: 'too-many' };
  return { kind: 'ok', value: [...given, installationId].join(', ') };
}
