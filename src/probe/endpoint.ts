/**
 * From what a person types to the addresses that a client uses. Clients take a base URL, switch the scheme and
 * append `/responses`; so do we, and we say how a URL was read.
 */

/** Where a deployment is. */
export interface Endpoint {
  /** `ws:` or `wss:`, ends in `/responses`. */
  readonly socketUrl: URL;
  /** The same over `http:` or `https:`. */
  readonly httpUrl: URL;
  readonly modelsUrl: URL;
  /** The base URL as Codex's `base_url` wants it. */
  readonly baseUrl: URL;
  /** How the URL was read, when it was not plain; for the person who typed it. */
  readonly note: string | undefined;
}

/** A URL that cannot be used; the message says what to write instead. */
export class EndpointError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EndpointError';
  }
}

const EXAMPLE = 'http://127.0.0.1:8787/v1';

/**
 * Reads a base URL or the full URL of `…/responses`, with `http(s)` or `ws(s)`. A query stays, as clients keep it.
 * @throws EndpointError
 */
export function parseEndpoint(text: string): Endpoint {
  const url = readUrl(text);
  if (url.username !== '' || url.password !== '') {
    throw new EndpointError('a key does not belong into the URL: leave it out there and give it with --key');
  }
  if (url.hash !== '')
    throw new EndpointError(`"${url.hash}" at the end of the URL has no meaning here: leave it out`);
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  const path = url.pathname.replace(/\/+$/, '');
  const { base, note } = readPath(path);
  const make = (scheme: string, suffix: string): URL =>
    new URL(`${scheme}://${url.host}${base}${suffix}${url.search}`);
  const http = secure ? 'https' : 'http';
  return {
    socketUrl: make(secure ? 'wss' : 'ws', '/responses'),
    httpUrl: make(http, '/responses'),
    modelsUrl: make(http, '/models'),
    baseUrl: make(http, ''),
    note,
  };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^(http|ws)s?:$/.test(url.protocol) || url.host === '') {
    const guess = /^[\w.[\]:-]+(\/|$)/.test(text) && !text.includes('://') ? `http://${text}` : EXAMPLE;
    throw new EndpointError(`"${text}" is no URL of http, https, ws or wss: write it like ${guess}`);
  }
  return url;
}

function readPath(path: string): { base: string; note: string | undefined } {
  if (path.endsWith('/responses')) {
    const base = path.slice(0, -'/responses'.length);
    return { base, note: `the URL ends in /responses; its base is ${base === '' ? 'the root' : base}` };
  }
  if (path === '') return { base: '/v1', note: 'the URL has no path; /v1 is assumed' };
  return { base: path, note: undefined };
}
