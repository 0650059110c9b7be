/**
 * Which of a provider's headers may reach a client: what helps a client (rate limits, retry hints, ids for
 * support), and what the route allows by name. Never what belongs to one connection. The names are in
 * route/header-names.ts.
 */
import type { IncomingHttpHeaders } from 'node:http';
import {
  isHiddenFromClients,
  isNeverPassed,
  isPassedToClients,
  RELAYED_BODY_HEADERS,
} from '../route/header-names.ts';
import type { CompiledRoute } from '../route/snapshot.ts';
import { isHeaderValue, namedByConnection } from './header-text.ts';

/** What an answer's headers come to. */
export interface AnswerHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** `x-codex-turn-state`: becomes an event, since a socket has no headers per turn. */
  readonly turnState: string | undefined;
}

const TURN_STATE = 'x-codex-turn-state';

/**
 * The headers of an answer that the route lets through. Names in lower case, repeated ones joined with a comma.
 *
 * @param headers As undici gives them.
 */
export function toClientHeaders(headers: IncomingHttpHeaders, route: CompiledRoute): AnswerHeaders {
  const { allow, deny } = route.headerPassthrough.response;
  const passed: Record<string, string> = {};
  const ofThisHop = namedByConnection(toText(headers.connection));
  for (const [name, raw] of Object.entries(headers)) {
    const isKept = isNeverPassed(name) || isHiddenFromClients(name) || ofThisHop.has(name) || deny.has(name);
    if (raw === undefined || isKept || name === TURN_STATE) {
      continue;
    }
    const value = toText(raw);
    if ((isPassedToClients(name) || allow.has(name)) && isHeaderValue(value)) {
      passed[name] = value;
    }
  }
  return { headers: passed, turnState: valueUnlessDenied(headers, TURN_STATE, deny) };
}

/** As {@link toClientHeaders}, with what describes the body, for answers whose body goes to the client as it is. */
export function toRelayHeaders(headers: IncomingHttpHeaders, route: CompiledRoute): Record<string, string> {
  const passed: Record<string, string> = { ...toClientHeaders(headers, route).headers };
  for (const name of [...RELAYED_BODY_HEADERS, TURN_STATE]) {
    const value = valueUnlessDenied(headers, name, route.headerPassthrough.response.deny);
    if (value !== undefined) {
      passed[name] = value;
    }
  }
  return passed;
}

function valueUnlessDenied(
  headers: IncomingHttpHeaders,
  name: string,
  deny: ReadonlySet<string>,
): string | undefined {
  const value = toText(headers[name]);
  return value !== '' && isHeaderValue(value) && !deny.has(name) ? value : undefined;
}

/** One header as text, empty if it is not there. Any may come twice: undici then has a list, whatever its types say. */
export function toText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
