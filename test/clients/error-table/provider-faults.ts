/** What the rows make providers say. */
import type { Answer, JsonObject, Step } from '../../../src/scripted/script.ts';

/** Refused before the stream, in the public API's form. */
export function refuse(
  code: number,
  error: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status: { code, headers, body: { error: { param: null, ...error } } } };
}

/** 429 `rate_limit_exceeded`. */
export function rateLimited(
  headers: Readonly<Record<string, string>>,
  message = 'Rate limit reached.',
): Answer {
  return refuse(429, { type: 'requests', code: 'rate_limit_exceeded', message }, headers);
}

/** The provider is called with the client's key. */
export const passthrough = {
  clients: { auth: { type: 'Passthrough' } },
  provider: { auth: { type: 'Passthrough' } },
};

/** One delta of so many MiB, and nothing else. */
export function hugeDelta(mib: number): Step {
  return { text: 'x'.repeat(mib << 20), unfinished: true };
}

/** Clients have keys, in the Secret `keys`. */
export const keyed = { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } };
