/** What must be true of whatever headers come, from a client or from a provider. */
import { equal, match, ok } from 'node:assert/strict';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { credentialOf, identify } from '../../src/client/credentials.ts';
import { allowedQuery, clientKindOf, extendVia, type RequestHead } from '../../src/client/request-head.ts';
import { chooseSubprotocol, KEY_PROTOCOL_PREFIXES, parseProtocols } from '../../src/client/subprotocol.ts';
import { answerKindOf } from '../../src/provider/answer-kind.ts';
import { isHeaderName } from '../../src/provider/header-text.ts';
import { toHeaderRecord, toProviderRequestHeaders } from '../../src/provider/request-headers.ts';
import { toClientHeaders, toRelayHeaders } from '../../src/provider/response-headers.ts';
import { isNeverPassed } from '../../src/route/header-names.ts';
import type { HeaderField } from '../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../harness/compiled-route.ts';
import type { Random } from './random.ts';

const NAMES = [
  [
    'host',
    'connection',
    'upgrade',
    'te',
    'trailer',
    'transfer-encoding',
    'content-length',
    'keep-alive',
    'cookie',
  ],
  [
    'authorization',
    'x-api-key',
    'api-key',
    'openai-beta',
    'originator',
    'user-agent',
    'session-id',
    'traceparent',
  ],
  [
    'sec-websocket-protocol',
    'x-turnbridge-via',
    'proxy-authorization',
    'content-type',
    'content-encoding',
    'accept',
  ],
  [
    'x-codex-turn-state',
    'x-request-id',
    'retry-after',
    'x-ratelimit-remaining',
    'openai-model',
    'set-cookie',
  ],
  ['__proto__', 'constructor', 'x-allowed', 'x y', 'x:y', '', 'x\r\ny', 'é'],
].flat();

const VALUES = [
  [
    '',
    ' ',
    'a',
    'a, b',
    ',,',
    'close, x-allowed',
    'Bearer k',
    'bearer  k ',
    'Bearer',
    'websocket',
    'x-request-id',
  ],
  ['a\r\nb: c', '\u0000', '\u00e9', '€', '\t', '\u007f', 'x'.repeat(9000), 'responses_websockets=1, other=2'],
  [
    'openai-insecure-api-key.k',
    'realtime, openai-insecure-api-key.k',
    'openai-insecure-api-key.,a',
    'OPENAI-Insecure-API-Key.k, xai-client-secret.k, a',
    'constructor',
  ],
  [
    'a, b, c',
    'a, b, c, d',
    'test-bridge',
    'text/event-stream; x=y',
    'a=1&x%3dy=2&%ff=3&allowed=4&allowed+=5',
  ],
].flat();

export function anyFields(random: Random): HeaderField[] {
  return Array.from({ length: random.size(12) }, () => ({
    name: random.pick(NAMES),
    value: random.pick(VALUES),
  }));
}

const route = aRoute({
  headerPassthrough: {
    request: { allow: new Set(NAMES), deny: new Set(['x-request-id']) },
    response: { allow: new Set(NAMES), deny: new Set(['x-request-id']) },
  },
});

/** Nothing is thrown; what goes on can be written as a header, and is none of those that belong to one connection. */
export function judgeHeaders(fields: readonly HeaderField[]): void {
  judgeClient(headOf(fields));
  for (const auth of [{ type: 'None' }, { type: 'Passthrough' }] as const) {
    const provider = aProvider({ auth });
    const sent = toHeaderRecord(
      toProviderRequestHeaders({ clientHeaders: fields, route, provider, via: 'v' }),
    );
    judgePassed(sent);
    if (auth.type === 'None') equal(sent['authorization'] ?? sent['x-api-key'] ?? sent['api-key'], undefined);
    equal(sent['x-request-id'], undefined);
  }
  const answer = headOf(fields.filter(({ name }) => isHeaderName(name))).headers; // no parser lets others in
  judgePassed(toClientHeaders(answer, route).headers);
  judgePassed(toRelayHeaders(answer, route));
  for (const { value } of fields) ok(['stream', 'json', 'other'].includes(answerKindOf(value, true).kind));
}

function judgeClient(head: RequestHead): void {
  const offered = parseProtocols(head.headers['sec-websocket-protocol']);
  const choice = chooseSubprotocol(offered);
  const name = choice.kind === 'selected' ? choice.name.toLowerCase() : '';
  for (const prefix of KEY_PROTOCOL_PREFIXES) ok(!name.startsWith(prefix));
  const credential = credentialOf(head.headers, offered);
  const { clients } = route;
  const passing = identify({ ...clients, auth: { type: 'Passthrough' } }, credential);
  match(passing?.tenant ?? '', /^(?:anonymous|h:[0-9a-f]{16})$/);
  equal(identify({ ...clients, auth: { type: 'APIKey', keys: [] } }, credential), undefined);
  ok(['codex', 'turnbridge', 'openai_sdk', 'other'].includes(clientKindOf(head)));
  const via = extendVia(head, 'test-bridge');
  if (via.kind === 'ok') ok(via.value.endsWith('test-bridge'));
  for (const { value } of head.fields) {
    const passed = allowedQuery(value, new Set(['allowed']));
    if (passed !== '') match(passed, /^allowed=/);
  }
}

function judgePassed(headers: Readonly<Record<string, string | string[]>>): void {
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    for (const each of [value].flat()) validateHeaderValue(name, each);
    ok(!isNeverPassed(name) || OWN.has(name), `${name} was passed on`);
  }
}

/** What a request or a relayed body says of itself, in our words or its own. */
const OWN: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'content-encoding',
  'content-length',
  'content-type',
  'x-turnbridge-via',
]);

/** Repeated ones in a list, as undici gives them; Node joins those it knows. */
function headOf(fields: readonly HeaderField[]): RequestHead {
  const headers = toHeaderRecord(fields);
  const joined = headers['sec-websocket-protocol'];
  const known = joined === undefined ? {} : { 'sec-websocket-protocol': [joined].flat().join(', ') };
  return {
    method: 'GET',
    host: '',
    path: '/v1/responses',
    query: '',
    fields,
    headers: Object.assign(headers, known) as RequestHead['headers'],
  };
}
