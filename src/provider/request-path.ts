import type { CompiledProvider } from '../route/snapshot.ts';

/**
 * The path and query of a request to a provider.
 *
 * @param path Below the provider's base, beginning with a slash.
 * @param clientQuery Encoded, without the question mark; may be empty.
 */
export function toPath(provider: CompiledProvider, path: string, clientQuery: string): string {
  const query = [provider.query, clientQuery].filter((part) => part !== '').join('&');
  return `${provider.basePath}${path}${query === '' ? '' : `?${query}`}`;
}
