import { metadataKeyOf } from '../frames/frame-metadata.ts';
import type { SocketOwner } from '../provider/provider.ts';
import type { TurnClient } from '../turn/turn-client.ts';

/**
 * For whom WebSockets to providers are dialled: the client of a connection, or of one HTTP request. What such a request says
 * of itself travels in its frame (frame-metadata.ts): the handshake is for the next one too.
 */
export function toSocketOwner({ entry, tenant, headers, query, via }: TurnClient): SocketOwner {
  const clientHeaders =
    entry === 'http' ? headers.filter(({ name }) => metadataKeyOf(name) === undefined) : headers;
  return { entry, tenant, clientHeaders, clientQuery: query, via };
}
