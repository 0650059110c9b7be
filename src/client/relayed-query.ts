/** Which of a client's query parameters reach a provider with a relayed request. */
import type { CompiledProvider } from '../route/snapshot.ts';
import { allowedQuery } from './request-head.ts';

/** How Codex names its version to the model list of ChatGPT logins, which answers with the models of that version. */
const CLIENT_VERSION = 'client_version';
/** A version and nothing else: what a client writes there passes without having been allowed. */
const VERSION = /^client_version=[0-9A-Za-z.+_-]{1,64}$/;

/**
 * The parameters that the route allows by name; and for the model list of a provider of dialect ChatGPT the client's
 * version, without which that backend has no list.
 *
 * @param query As it came, without the question mark; may be empty.
 * @param path Below the base.
 */
export function relayedQuery(
  query: string,
  allow: ReadonlySet<string>,
  provider: Pick<CompiledProvider, 'dialect'>,
  path: string,
): string {
  const allowed = allowedQuery(query, allow);
  if (provider.dialect !== 'ChatGPT' || path !== '/models' || allow.has(CLIENT_VERSION)) return allowed;
  const version = query.split('&').find((entry) => VERSION.test(entry));
  return [allowed, version ?? ''].filter((part) => part !== '').join('&');
}
