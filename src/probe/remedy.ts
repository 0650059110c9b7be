/**
 * What a person can do about a failed probe: the experience with ingresses, proxies, keys and routes, in one place.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { textAt } from './json-path.ts';
import { toExcerpt } from './printable.ts';
import type { ProbeFault, Refusal } from './probe-fault.ts';

/** How the log calls what a client heard: docs/errors.md, "Error types in telemetry". */
const NO_USABLE_ANSWER =
  'the bridge has no usable answer from its provider: look at the provider’s url, and in the bridge’s log';

/** What was tried: the same status means different things. */
export type Tried = 'upgrade' | 'request';

/** @returns what happened, with what the far side said about it */
export function describeFault(fault: ProbeFault): string {
  const said = fault.refusal === undefined ? undefined : saidIn(fault.refusal);
  return said === undefined ? fault.message : `${fault.message}: ${said}`;
}

/** @returns what to change; undefined where nothing better than the description can be said */
export function remedyFor(fault: ProbeFault, tried: Tried): string | undefined {
  switch (fault.code) {
    case 'connect_failed':
      return connectRemedy(fault.reason);
    case 'refused':
      return fault.refusal && refusalRemedy(fault.refusal, tried);
    case 'closed':
      return closeRemedy(fault.reason);
    case 'bad_answer':
      return 'something else answers at this URL: give the base URL of the bridge, such as https://HOST/v1';
    case 'timeout':
      return 'look at the bridge’s log for this turn; a proxy that buffers answers must be told not to (nginx: proxy_buffering off)';
    default: // interrupted: the person knows
      return undefined;
  }
}

/** @returns what to change after an `error` event or a failed response, by its status and code */
export function remedyForError(
  status: number | undefined,
  code: string | undefined,
  model: string,
): string | undefined {
  if (code === 'model_not_found')
    return `no route serves the model "${model}": give another one with --model`;
  switch (status) {
    case 401:
    case 403:
      return 'the provider refuses the key it was given: look at the provider’s auth in the route, or give your own with --key if the route passes it on';
    case 404:
      return 'the provider does not know this path or model: look at the provider’s url (with its base path) and modelMapping';
    case 429:
      return 'the provider’s or the route’s limit is reached: try again later';
    case 502:
    case 503:
    case 504:
      return `${NO_USABLE_ANSWER}: turn.end says it in error_type`;
    default:
      return undefined;
  }
}

/** @returns the message in a refusal's body, its beginning, or undefined for an empty one */
function saidIn({ body, headers }: Refusal): string | undefined {
  const message = messageIn(body);
  if (message !== undefined) return toExcerpt(message);
  if (String(headers['content-type']).startsWith('text/html')) return 'an HTML page';
  return body.trim() === '' ? undefined : toExcerpt(body);
}

function codeIn(body: string): string | undefined {
  try {
    return textAt(JSON.parse(body), 'error', 'code');
  } catch {
    return undefined;
  }
}

function messageIn(body: string): string | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return textAt(json, 'error', 'message') ?? textAt(json, 'message') ?? textAt(json, 'error');
  } catch {
    return undefined;
  }
}

/** @returns what to change about a status that came instead of what was asked for */
export function refusalRemedy(refusal: Refusal, tried: Tried): string | undefined {
  if (SPEAKS_TLS.test(refusal.body)) return 'it is a port for TLS: begin the URL with https://';
  return codeRemedy(codeIn(refusal.body)) ?? statusRemedy(refusal, tried);
}

/** What a bridge, and nginx, say to plain HTTP on a port for TLS. */
const SPEAKS_TLS = /port speaks TLS|sent to HTTPS port/;

/** A code says more than the status: the bridge itself has answered, or the provider through it. */
function codeRemedy(code: string | undefined): string | undefined {
  switch (code) {
    case 'model_not_found':
      return 'no route serves this model: give another one with --model';
    case 'loop_detected':
      return 'a provider’s url leads back to the bridge: correct the url in the route';
    case 'provider_unreachable':
      return `${NO_USABLE_ANSWER}: turn.end with error_type ECONNREFUSED, ENOTFOUND, tls_error or the like`;
    case 'provider_connection_lost':
      return `${NO_USABLE_ANSWER}: turn.end with error_type ECONNRESET, connection_lost or the like`;
    case 'provider_protocol_error':
      return `${NO_USABLE_ANSWER}: turn.end with error_type upstream_protocol_error`;
    case 'provider_stream_ended':
      return `${NO_USABLE_ANSWER}: turn.end with error_type upstream_stream_ended`;
    case 'connect_timeout':
    case 'first_event_timeout':
    case 'idle_timeout':
      return `${NO_USABLE_ANSWER}: turn.end with error_type ${code}`;
    default:
      return undefined;
  }
}

function statusRemedy({ status, headers }: Refusal, tried: Tried): string | undefined {
  if (status >= 300 && status < 400) return redirectRemedy(headers);
  switch (status) {
    case 200:
    case 400:
    case 405:
      return tried === 'upgrade'
        ? 'this server takes no WebSocket here, or a proxy on the way drops the upgrade: let it pass (nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, proxy_set_header Connection "upgrade")'
        : 'check that the URL is the base URL of the bridge, such as https://HOST/v1';
    case 401:
    case 403:
      return 'give a key that this route accepts with --key (or in TURNBRIDGE_KEY); the route’s clients.auth says which';
    case 404:
      return 'no route has this host and path: compare the URL with hostnames and match.paths of the route (default /v1), and with the ingress’s path';
    case 426:
      return tried === 'upgrade'
        ? 'WebSocket is switched off: set clients.webSocket of the route to Enabled; until then clients use HTTP (turn --http)'
        : undefined;
    case 429:
      return 'a limit on the way is reached: raise limits.maxConnectionsPerClient of the route, or the ingress’s own limit';
    case 502:
    case 504:
      return 'the ingress does not reach the bridge: look at the Service’s endpoints and at the pods';
    case 503:
      return `${retryText(headers)}the bridge is starting, draining, without a route, or full: look at /readyz on its ops port`;
    default:
      return undefined;
  }
}

function redirectRemedy(headers: IncomingHttpHeaders): string {
  const target = URL.parse(headers.location ?? '');
  const where = target === null ? 'the address it leads to' : `${target.origin}${target.pathname}`;
  return `clients follow no redirect: use ${where} instead, or switch the redirect off for this host`;
}

function retryText(headers: IncomingHttpHeaders): string {
  const after = headers['retry-after'];
  return after === undefined ? '' : `it asks to come again after ${toExcerpt(after, 40)} s; `;
}

function connectRemedy(reason: string | undefined): string {
  if (reason === 'ECONNREFUSED')
    return 'nothing listens there: start the bridge (turnbridge bridge), or correct host and port';
  if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN')
    return 'the name is not known here: correct it, or add it to DNS';
  if (reason === 'EPROTO' || reason === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return 'the port does not speak TLS: write http:// instead of https://, or use the TLS port';
  }
  if (reason !== undefined && /CERT|SELF_SIGNED|ISSUER|ALTNAME|VERIFY_LEAF/.test(reason)) {
    return 'the certificate is not trusted here: name the CA’s file with --ca-file for this command, in CODEX_CA_CERTIFICATE for Codex';
  }
  if (reason === 'ECONNRESET')
    return 'the connection was dropped at once: a firewall, or TLS expected on a plain port (try https://)';
  return 'check that this machine reaches the host at all (firewall, VPN, proxy)';
}

function closeRemedy(code: string | undefined): string | undefined {
  switch (code) {
    case '1006':
    case 'ECONNRESET':
      return 'something cut the connection: an ingress’s or load balancer’s time-out (raise its read and send time-outs to an hour), or the bridge’s end';
    case '1008':
      return 'the bridge closed it on purpose: the key was withdrawn, or this client read too slowly';
    case '1009':
      return 'a message was too large: raise limits.maxMessageBytes of the route, or the ingress’s frame limit';
    case '1001':
    case '1012':
      return 'the bridge is restarting: try again';
    default:
      return undefined;
  }
}
