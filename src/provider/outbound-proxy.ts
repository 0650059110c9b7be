/** Which way out of the cluster a WebSocket takes: the same one that undici chooses for a request to that origin. */
import type { OutboundProxy } from './provider-pool.ts';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** The proxy to go through; undefined: the provider is reached directly. Without an HTTPS proxy the HTTP one serves both. */
export function proxyFor(origin: URL, proxy: OutboundProxy | undefined): URL | undefined {
  const { httpProxy, httpsProxy, noProxy } = proxy ?? {};
  const chosen = origin.protocol === 'https:' ? httpsProxy || httpProxy : httpProxy;
  return chosen && !isExempt(origin, noProxy ?? '') ? new URL(chosen) : undefined;
}

/** `proxy-authorization` for the user info in a proxy's address; undefined when it has none. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === '') return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** Is the host among those to be reached directly? A name stands for its subdomains too, `*.name` for those alone. */
function isExempt(origin: URL, noProxy: string): boolean {
  const host = bareHost(origin.hostname);
  const port = origin.port || (DEFAULT_PORTS[origin.protocol] ?? '');
  return noProxy.split(/[,\s]+/).some((text) => {
    if (text === '') return false;
    const entry = parseEntry(text);
    if (entry.port !== '' && entry.port !== port) return false;
    if (entry.name === '*') return true;
    return (host === entry.name && !entry.isWildcard) || host.endsWith(`.${entry.name}`);
  });
}

/** `name`, `.name`, `*.name`, each perhaps with a port; an IPv6 address needs brackets for one. */
function parseEntry(text: string): {
  readonly name: string;
  readonly port: string;
  readonly isWildcard: boolean;
} {
  const withPort = /^\[(.+)\]:(\d+)$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text);
  const name = bareHost(withPort?.[1] ?? text).replace(/^\*?\./, '');
  return { name, port: withPort?.[2] ?? '', isWildcard: text.startsWith('*') };
}

function bareHost(host: string): string {
  return host
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/(.)\.$/, '$1')
    .toLowerCase();
}
