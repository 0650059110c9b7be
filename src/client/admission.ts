/**
 * Whether a request may come in, decided before anything is dialled. A list of checks, each a refusal or nothing;
 * the order is the documentation.
 */
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import { chooseGroup, type ChosenGroup } from '../route/match.ts';
import type { RouteGroup, Snapshot } from '../route/snapshot.ts';
import { credentialOf, identify, type ClientIdentity } from './credentials.ts';
import type { HandshakeResult } from './facts.ts';
import { climbs, listedAs } from './relayed-path.ts';
import { extendVia, type RequestHead } from './request-head.ts';
import { chooseSubprotocol, keyAmong, parseProtocols } from './subprotocol.ts';

/** What the process is at this moment. */
export interface AdmissionContext {
  /** Undefined: no route was loaded yet. */
  readonly snapshot: Snapshot | undefined;
  readonly isDraining: boolean;
  readonly installationId: string;
}

/** Let in: everything that the request's head decides. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly group: RouteGroup;
  /** The path below the group's base: `/responses`, `/models` … */
  readonly rest: string;
  readonly identity: ClientIdentity;
  readonly via: string;
  /** Headers to hand on; a browser's key from the subprotocol is among them as `authorization`. */
  readonly fields: RequestHead['fields'];
}

export interface Refused {
  readonly kind: 'refused';
  readonly result: HandshakeResult;
  readonly answer: ErrorAnswer;
}

export type Admission = Admitted | Refused;

/** Judges an upgrade or an HTTP request. */
export function admit(head: RequestHead, asUpgrade: boolean, context: AdmissionContext): Admission {
  if (context.isDraining) {
    return refuse('draining', refusal('server_draining', 'This bridge is shutting down; connect again.'));
  }
  if (context.snapshot === undefined) {
    return refuse(
      'not_ready',
      refusal('not_ready', 'This bridge has no route yet: it waits for a ResponsesRoute; try again.'),
    );
  }
  const chosen = chooseGroup(context.snapshot, head.host, head.path);
  if (chosen === undefined || (asUpgrade && !takesUpgrades(chosen))) {
    return refuse('not_found', refusal('not_found', notFoundText(asUpgrade)));
  }
  const { group, rest } = chosen;
  if (asUpgrade && group.clients.webSocket === 'Disabled') {
    return refuse(
      'disabled',
      refusal(
        'websocket_upgrade_required',
        chosen.rest === '/responses'
          ? 'WebSockets are switched off for this route; use HTTP on the same path.'
          : 'WebSockets are switched off for this route (clients.webSocket: Disabled); nothing is passed on here.',
      ),
    );
  }
  const origin = head.headers['origin'];
  if (origin !== undefined && !group.clients.allowedOrigins.has(origin.toLowerCase())) {
    return refuse(
      'origin_refused',
      refusal(
        'origin_not_allowed',
        'Browsers may not call this route from their page; clients.allowedOrigins names those that may.',
      ),
    );
  }
  const via = extendVia(head, context.installationId);
  if (via.kind !== 'ok') return refuse('bad_request', refusal('loop_detected', LOOP_TEXTS[via.kind]));
  const offered = parseProtocols(asUpgrade ? head.headers['sec-websocket-protocol'] : undefined);
  if (chooseSubprotocol(offered).kind === 'only-values') {
    return refuse(
      'bad_request',
      refusal(
        'invalid_request',
        'A key in Sec-WebSocket-Protocol is never echoed: offer a second protocol beside it, such as "realtime" or "openai-beta.responses.v1".',
      ),
    );
  }
  const identity = identify(group.clients, credentialOf(head.headers, offered));
  if (identity === undefined) {
    return refuse(
      'unauthorized',
      refusal(
        'invalid_api_key',
        'The API key is missing or is not one of this route\'s clients; send it as "Authorization: Bearer KEY".',
      ),
    );
  }
  return { kind: 'admitted', group, rest, identity, via: via.value, fields: withBrowserKey(head, offered) };
}

/** Where turns are run, and what some route of the group wants to be passed on. Which route, the model says later. */
function takesUpgrades({ group, rest }: ChosenGroup): boolean {
  if (rest === '/responses') return true;
  return (
    !climbs(rest) && group.routes.some(({ relay }) => listedAs(relay.webSocketPaths, rest) !== undefined)
  );
}

const LOOP_TEXTS = {
  own: 'This request has passed through this bridge before: a provider URL of a route leads back to it. Correct the url.',
  'too-many':
    'This request has passed through three bridges already; a provider URL leads in a circle, or the chain is too long.',
} as const;

function refuse(result: HandshakeResult, answer: ErrorAnswer): Refused {
  return { kind: 'refused', result, answer };
}

function notFoundText(asUpgrade: boolean): string {
  return asUpgrade
    ? 'No route serves this host and path; WebSockets are accepted on BASE/responses, such as /v1/responses.'
    : 'No route serves this host and path; turns are accepted on BASE/responses, such as /v1/responses.';
}

function withBrowserKey(head: RequestHead, offered: readonly string[]): RequestHead['fields'] {
  const key = keyAmong(offered);
  if (key === undefined || head.headers.authorization !== undefined) return head.fields;
  return [...head.fields, { name: 'authorization', value: `Bearer ${key}` }];
}
