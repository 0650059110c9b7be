/**
 * `Sec-WebSocket-Protocol`. Browsers cannot set headers, so their SDKs put the key there, beside a second name that
 * can be selected. The key itself is never echoed, nor offered to a provider: it would stand in logs and developer tools.
 */

/** What browsers' SDKs put in front of a key: OpenAI's, xAI's. In lower case. */
export const KEY_PROTOCOL_PREFIXES = ['openai-insecure-api-key.', 'xai-client-secret.'] as const;

/** Offers that carry values, not names. */
const VALUE_PREFIXES = [...KEY_PROTOCOL_PREFIXES, 'openai-organization.', 'openai-project.'];

/**
 * Between two dots, so many characters are no word of a name: keys and tokens of services that are not known here have
 * 32 at the least, and the longest parts of names in use are half of that.
 */
const MIN_SECRET_CHARS = 32;

/** A protocol's name by the grammar of a header, as the WebSocket library reads it. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

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

/** Whether the header is one that the library accepts: names, separated by commas, each of them once. */
export function areOffers(header: string): boolean {
  const offers = header.split(',').map((offer) => offer.replaceAll(/^[ \t]+|[ \t]+$/g, ''));
  return offers.every((offer) => TOKEN.test(offer)) && new Set(offers).size === offers.length;
}

/** Selects the first offer that is a name. */
export function chooseSubprotocol(offered: readonly string[]): SubprotocolChoice {
  if (offered.length === 0) return { kind: 'none' };
  const [name] = withoutValues(offered);
  return name === undefined ? { kind: 'only-values' } : { kind: 'selected', name };
}

/** Those that may be offered to somebody else: the rest would tell a key. */
export function withoutValues(offered: readonly string[]): readonly string[] {
  return offered.filter((offer) => !isValue(offer));
}

/** The key among the offers, as a browser's SDK puts it there; undefined: none. */
export function keyAmong(offered: readonly string[]): string | undefined {
  for (const offer of offered) {
    const prefix = KEY_PROTOCOL_PREFIXES.find((one) => offer.toLowerCase().startsWith(one));
    if (prefix !== undefined) return offer.slice(prefix.length);
  }
  return undefined;
}

/** A name that nobody knows may be passed on; what looks like a key may not, whatever stands before it. */
function isValue(offer: string): boolean {
  const name = offer.toLowerCase();
  return (
    VALUE_PREFIXES.some((prefix) => name.startsWith(prefix)) ||
    name.split('.').some((part) => part.length >= MIN_SECRET_CHARS)
  );
}
