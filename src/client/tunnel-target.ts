/** To which provider a WebSocket is passed on, and with which query: decided from the request's head alone. */
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import {
  chooseRoute,
  chooseUnusableProvider,
  isChatGptLogin,
  mapModel,
  providersFor,
} from '../route/match.ts';
import type { CompiledProvider, CompiledRoute, HeaderField, RouteGroup } from '../route/snapshot.ts';
import { chooseAmong } from '../turn/choose-attempt.ts';
import { withoutCredentials } from '../turn/failure.ts';
import type { HealthBook } from '../turn/health.ts';
import type { ProviderChoice } from '../turn/provider-choice.ts';
import type { Admitted } from './admission.ts';
import { listedAs } from './relayed-path.ts';
import { allowedQuery, type RequestHead } from './request-head.ts';

/** Where to dial. */
export interface TunnelTarget {
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  /** The entry of `relay.webSocketPaths` that covers the path. */
  readonly pattern: string;
  /** Encoded, without the question mark: the model under the provider's name for it, and what the route lets through. */
  readonly query: string;
}

/** What a client hears whose model's route passes nothing on at this path, or no longer. */
export const NOT_LISTED = refusal(
  'not_found',
  'The route of this model passes no WebSocket on here; relay.webSocketPaths of a route names the paths.',
);
const NO_ROUTE = refusal('model_not_found', 'No route here serves this model.', 'model');
const MODEL_TWICE = refusal('invalid_request', '`model` stands twice in the query; give it once.', 'model');
const NOT_ENCODED = refusal(
  'invalid_request',
  '`model` in the query is not valid percent-encoding; encode it as a URL needs it.',
  'model',
);

/**
 * The route and the provider that `?model=` chooses, as a turn's model does; without one the first route that fits the
 * headers. A provider that is reached over HTTP only is passed over; of the others one is chosen as for a turn, by tier,
 * rest and weight.
 *
 * @param choice Which providers are left alone for now, and which of several equal ones it is.
 */
export function chooseTunnel(
  head: RequestHead,
  { group, rest, fields }: Admitted,
  { health, random }: Pick<ProviderChoice, 'random'> & { readonly health: Pick<HealthBook, 'isResting'> },
): TunnelTarget | ErrorAnswer {
  const model = readModel(head.query);
  if (typeof model === 'object') return model;
  const route = chooseRoute(group, model, fields);
  if (route === undefined) return NO_ROUTE;
  const pattern = listedAs(route.relay.webSocketPaths, rest);
  if (pattern === undefined) return NOT_LISTED;
  const providers = providersFor(route, model, isChatGptLogin(fields));
  const withWebSocket = providers.filter(({ transport }) => transport !== 'HTTP');
  const provider = chooseAmong(withWebSocket, route, { health, random, pinned: undefined });
  if (provider === undefined) return noWebSocket(route, providers[0], model, fields);
  return { route, provider, pattern, query: toQuery(head.query, group.clients.queryAllow, provider, model) };
}

/** Whether the group still has the route, and it still passes the path on: what a tunnel needs to stay. */
export function isPassedOn({ routes }: RouteGroup, routeId: string, rest: string): boolean {
  const route = routes.find(({ id }) => id === routeId);
  return route !== undefined && listedAs(route.relay.webSocketPaths, rest) !== undefined;
}

function noWebSocket(
  route: CompiledRoute,
  overHttp: CompiledProvider | undefined,
  model: string | undefined,
  fields: readonly HeaderField[],
): ErrorAnswer {
  if (overHttp !== undefined) {
    return refusal(
      'not_found',
      `Provider ${overHttp.name} is reached over HTTP only (transport: HTTP), so no WebSocket can be passed on to it; set its transport to Auto or WebSocket.`,
    );
  }
  const unusable = chooseUnusableProvider(route, model, fields);
  return unusable === undefined ? NO_ROUTE : withoutCredentials(route, unusable).answer;
}

/** The value of `model`; undefined when there is none. */
function readModel(query: string): string | undefined | ErrorAnswer {
  const entries = query.split('&').filter((entry) => nameOf(entry) === 'model');
  if (entries.length > 1) return MODEL_TWICE; // the provider would perhaps read the other one
  const [entry] = entries;
  if (entry === undefined) return undefined;
  const model = decoded(entry.slice(entry.indexOf('=') + 1));
  if (model === undefined) return NOT_ENCODED;
  return entry.includes('=') && model !== '' ? model : undefined;
}

function toQuery(
  query: string,
  allow: ReadonlySet<string>,
  provider: CompiledProvider,
  model: string | undefined,
): string {
  const others = allowedQuery(query, allow)
    .split('&')
    .filter((entry) => entry !== '' && nameOf(entry) !== 'model');
  if (model === undefined) return others.join('&');
  return [`model=${encodeURIComponent(mapModel(provider, model))}`, ...others].join('&');
}

function nameOf(entry: string): string | undefined {
  return decoded(entry.split('=', 1)[0] ?? '');
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
