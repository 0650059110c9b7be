/**
 * `Sec-WebSocket-Protocol`. Browsers cannot set headers, so their SDKs put the key there, beside a second name that
 * can be selected. The key itself is never echoed: it would stand in logs and developer tools.
 */

/** What a browser's SDK puts in front of its key. */
export const KEY_PROTOCOL_PREFIX = 'openai-insecure-api-key.';

/** Offers that carry values, not names. */
const VALUE_PREFIXES = [KEY_PROTOCOL_PREFIX, 'openai-organization.', 'openai-project.'];

export type SubprotocolChoice =
  | { readonly kind: 'none' } // nothing was offered: nothing may be selected
  | { readonly kind: 'selected'; readonly name: string }
  | { readonly kind: 'only-values' }; // every client library fails the handshake when none of its offers comes back

/** The header's offers, in order. */
export function parseProtocols(header: string | undefined): readonly string[] {
  if (header === undefined) return [];
  return header
    .split(',')
    .map((offer) => offer.trim())
    .filter((offer) => offer !== '');
}

/** Selects the first offer that is a name. */
export function chooseSubprotocol(offered: readonly string[]): SubprotocolChoice {
  if (offered.length === 0) return { kind: 'none' };
  const name = offered.find((offer) => !VALUE_PREFIXES.some((prefix) => offer.startsWith(prefix)));
  return name === undefined ? { kind: 'only-values' } : { kind: 'selected', name };
}
