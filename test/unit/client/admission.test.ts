import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { admit, type Admission, type AdmissionContext } from '../../../src/client/admission.ts';
import type { ClientPolicy, RouteGroup, Snapshot } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { aGroup } from '../turn/turn-setup.ts';
import { headOf } from './heads.ts';

const PAGE = 'https://app.example.com';

function groupWith(clients: Partial<ClientPolicy> = {}, changes: Partial<RouteGroup> = {}): RouteGroup {
  const route = aRoute();
  return { ...aGroup({ ...route, clients: { ...route.clients, ...clients } }), ...changes };
}

function snapshotOf(...groups: readonly RouteGroup[]): Snapshot {
  return {
    version: 'v',
    routes: groups.flatMap(({ routes }) => routes),
    groups,
    closedHosts: new Set(),
  };
}

/** A route with everything that can refuse: one key, one origin. */
const STRICT = groupWith({
  auth: {
    type: 'APIKey',
    keys: [{ name: 'alice', sha256: createHash('sha256').update('sk-a').digest() }],
  },
  allowedOrigins: new Set([PAGE]),
});

function context(changes: Partial<AdmissionContext> = {}): AdmissionContext {
  return { snapshot: snapshotOf(STRICT), isDraining: false, installationId: 'me', ...changes };
}

const GOOD = { authorization: 'Bearer sk-a' };

function refused(admission: Admission): string {
  if (admission.kind !== 'refused') return 'admitted';
  return `${admission.result} ${admission.answer.status} ${admission.answer.error.code}`;
}

describe('the checks, each with all the later ones failing too', () => {
  const EVERYTHING_WRONG = {
    origin: 'https://evil.test',
    'x-turnbridge-via': 'me',
    'sec-websocket-protocol': 'openai-insecure-api-key.sk-wrong',
  };
  const disabled = { ...STRICT, clients: { ...STRICT.clients, webSocket: 'Disabled' as const } };

  test.each<[string, string, Record<string, string>, string, Partial<AdmissionContext>]>([
    [
      'draining',
      'draining 503 server_draining',
      EVERYTHING_WRONG,
      '/nowhere',
      { isDraining: true, snapshot: undefined },
    ],
    ['no snapshot yet', 'not_ready 503 not_ready', EVERYTHING_WRONG, '/nowhere', { snapshot: undefined }],
    [
      'no route in it, as an operator may say',
      'not_found 404 not_found',
      EVERYTHING_WRONG,
      '/nowhere',
      { snapshot: snapshotOf() },
    ],
    ['no group', 'not_found 404 not_found', EVERYTHING_WRONG, '/nowhere', { snapshot: snapshotOf(disabled) }],
    [
      'another path of the group',
      'not_found 404 not_found',
      EVERYTHING_WRONG,
      '/v1/models',
      { snapshot: snapshotOf(disabled) },
    ],
    [
      'WebSockets switched off',
      'disabled 426 websocket_upgrade_required',
      EVERYTHING_WRONG,
      '/v1/responses',
      { snapshot: snapshotOf(disabled) },
    ],
    [
      'a page that is not listed',
      'origin_refused 403 origin_not_allowed',
      EVERYTHING_WRONG,
      '/v1/responses',
      {},
    ],
    [
      'a request that was here before',
      'bad_request 400 loop_detected',
      { ...EVERYTHING_WRONG, origin: PAGE },
      '/v1/responses',
      {},
    ],
    [
      'a request with too many hops',
      'bad_request 400 loop_detected',
      { ...EVERYTHING_WRONG, origin: PAGE, 'x-turnbridge-via': 'a,b,c' },
      '/v1/responses',
      {},
    ],
    [
      'a key without a second subprotocol',
      'bad_request 400 invalid_request',
      { 'sec-websocket-protocol': 'openai-insecure-api-key.sk-wrong' },
      '/v1/responses',
      {},
    ],
    [
      'a key that is nobody’s',
      'unauthorized 401 invalid_api_key',
      { 'sec-websocket-protocol': 'openai-insecure-api-key.sk-wrong, realtime' },
      '/v1/responses',
      {},
    ],
    ['no key', 'unauthorized 401 invalid_api_key', {}, '/v1/responses', {}],
  ])('%s: %s', (_, expected, headers, path, changes) => {
    expect(refused(admit(headOf(headers, path), true, context(changes)))).toBe(expected);
  });

  test('503 always says when to come again, so that no client gives up', () => {
    for (const changes of [{ isDraining: true }, { snapshot: undefined }]) {
      expect(admit(headOf(GOOD), true, context(changes))).toMatchObject({
        answer: { headers: { 'retry-after': '1' } },
      });
    }
  });

  test('nothing that the client sent is repeated in a refusal', () => {
    const admission = admit(
      headOf({ authorization: 'Bearer sk-secret', origin: PAGE }, '/v1/responses?token=secret'),
      true,
      context(),
    );
    expect(JSON.stringify(admission)).not.toContain('secret');
  });
});

describe('who is let in', () => {
  test('a client with its key, and what the head decides', () => {
    expect(admit(headOf(GOOD, '/v1/responses?x=1'), true, context())).toMatchObject({
      kind: 'admitted',
      group: STRICT,
      rest: '/responses',
      identity: { tenant: 'alice', countKey: 'alice' },
      via: 'me',
      fields: [
        { name: 'host', value: 'bridge.test' },
        { name: 'authorization', value: 'Bearer sk-a' },
      ],
    });
  });

  test('a listed page, in whatever case its origin is written', () => {
    expect(refused(admit(headOf({ ...GOOD, origin: PAGE.toUpperCase() }), true, context()))).toBe('admitted');
  });

  test('a browser’s key from its subprotocol, which then stands where others put theirs', () => {
    const headers = {
      origin: PAGE,
      'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-a',
    };
    const admission = admit(headOf(headers), true, context());
    expect(admission).toMatchObject({ kind: 'admitted', identity: { tenant: 'alice' } });
    expect(admission.kind === 'admitted' && admission.fields.at(-1)).toEqual({
      name: 'authorization',
      value: 'Bearer sk-a',
    });
  });

  test('a header’s key before a subprotocol’s, which is then not added', () => {
    const headers = { ...GOOD, 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-x' };
    const admission = admit(headOf(headers), true, context());
    const credentials =
      admission.kind === 'admitted' && admission.fields.filter(({ name }) => name === 'authorization');
    expect(credentials).toEqual([{ name: 'authorization', value: 'Bearer sk-a' }]);
  });

  test('requests over HTTP, also where WebSockets are switched off, on any path below the base', () => {
    const group = groupWith({ webSocket: 'Disabled' });
    for (const [path, rest] of [
      ['/v1/responses', '/responses'],
      ['/v1/models', '/models'],
      ['/models', '/models'],
    ] as const) {
      const admission = admit(headOf({}, path), false, context({ snapshot: snapshotOf(group) }));
      expect(admission).toMatchObject({ kind: 'admitted', rest });
    }
  });

  test('over HTTP subprotocols mean nothing', () => {
    const headers = { ...GOOD, 'sec-websocket-protocol': 'openai-insecure-api-key.sk-x' };
    const admission = admit(headOf(headers), false, context());
    expect(admission).toMatchObject({ kind: 'admitted', identity: { tenant: 'alice' } });
  });

  test('each host by its own group', () => {
    const other = groupWith({ auth: { type: 'None' } }, { hostname: 'open.test' });
    const both = context({ snapshot: snapshotOf(STRICT, other) });
    expect(refused(admit(headOf({ host: 'OPEN.test:8080' }), true, both))).toBe('admitted');
    expect(refused(admit(headOf({ host: 'bridge.test' }), true, both))).toContain('unauthorized');
  });
});
