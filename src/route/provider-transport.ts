/** By which transport a provider is reached, as it is written: read from two fields, `url` and `transport`. */
import type { Sound } from './check-resource.ts';
import type { ProviderResource } from './provider-resource.ts';
import { parseProviderUrl } from './provider-url.ts';

type Transport = ProviderResource['transport'];

/** What `transport` means: a url that begins with ws:// or wss:// says WebSocket. Undefined when that is broken. */
export function writtenTransport({
  url,
  transport,
}: Pick<Sound<ProviderResource>, 'url' | 'transport'>): Transport | undefined {
  const parsed = url === undefined ? undefined : parseProviderUrl(url);
  return parsed?.ok === true && parsed.url.webSocket ? 'WebSocket' : transport;
}

/**
 * Why no turn goes to this provider by WebSocket, as a part of a sentence; undefined when turns may. Servers that only
 * resemble the API have no WebSocket: for them it has to be asked for.
 */
export function whyOverHttp(provider: Sound<ProviderResource>): string | undefined {
  const transport = writtenTransport(provider);
  if (transport === 'HTTP') return 'transport HTTP';
  return transport === 'Auto' && provider.dialect === 'Compatible'
    ? 'transport Auto means HTTP for dialect Compatible'
    : undefined;
}
