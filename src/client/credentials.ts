/** Who is calling: the credential of a request, and whether the route's clients include it. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ClientPolicy } from '../route/snapshot.ts';
import { keyAmong } from './subprotocol.ts';

/** Who a client is, as far as counting and logs are concerned. */
export interface ClientIdentity {
  /** The key's name; `anonymous`; or `h:` and a keyed hash of a credential that is passed through. */
  readonly tenant: string;
  /** For limits per client; undefined when nothing tells clients apart. */
  readonly countKey: string | undefined;
}

/** Random per process: hashes of credentials mean nothing outside it. */
const HASH_KEY = randomBytes(32);

/** The credential a request carries: bearer token, `x-api-key`, `api-key`, or a browser's subprotocol. */
export function credentialOf(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  offeredProtocols: readonly string[],
): string | undefined {
  const authorization = headers['authorization'];
  if (typeof authorization === 'string') {
    const bearer = /^bearer +(\S+) *$/i.exec(authorization);
    return bearer?.[1] ?? authorization;
  }
  for (const name of ['x-api-key', 'api-key']) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') return value;
  }
  return keyAmong(offeredProtocols);
}

/**
 * Checks a credential against the policy. Undefined: not one of its clients. Every key is compared, in constant
 * time, so that neither a match nor its place shows in the time taken.
 */
export function identify(policy: ClientPolicy, credential: string | undefined): ClientIdentity | undefined {
  switch (policy.auth.type) {
    case 'None':
      return { tenant: 'anonymous', countKey: undefined };
    case 'Passthrough': {
      if (credential === undefined) return { tenant: 'anonymous', countKey: undefined };
      const hash = createHmac('sha256', HASH_KEY).update(credential).digest('hex').slice(0, 16);
      return { tenant: `h:${hash}`, countKey: `h:${hash}` };
    }
    case 'APIKey': {
      if (credential === undefined) return undefined;
      const digest = createHash('sha256').update(credential).digest();
      let found: string | undefined;
      for (const { name, sha256 } of policy.auth.keys) if (timingSafeEqual(sha256, digest)) found = name;
      return found === undefined ? undefined : { tenant: found, countKey: found };
    }
  }
}
