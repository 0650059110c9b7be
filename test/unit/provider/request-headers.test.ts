import { describe, expect, test } from '@jest/globals';
import {
  keyObstacle,
  toHeaderRecord,
  toProviderRequestHeaders,
  toRelayRequestHeaders,
} from '../../../src/provider/request-headers.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { fields, providerAt, routeTo } from './provider-setup.ts';

const OWN = {
  'content-type': 'application/json',
  accept: 'text/event-stream',
  'accept-encoding': 'identity',
  'x-turnbridge-via': 'bridge-1',
};

function send(
  client: Record<string, string>,
  provider: Partial<CompiledProvider> = {},
  rules: { allow?: string[]; deny?: string[] } = {},
): Record<string, string | string[]> {
  const compiled = providerAt('https://api.example.com', provider);
  const route = routeTo(compiled, { request: rules });
  return toHeaderRecord(
    toProviderRequestHeaders({ clientHeaders: fields(client), route, provider: compiled, via: 'bridge-1' }),
  );
}

const CODEX = {
  'user-agent': 'codex_exec/0.169.0',
  originator: 'codex_exec',
  version: '0.169.0',
  'session-id': 's',
  session_id: 's',
  'thread-id': 't',
  'x-client-request-id': 't',
  'x-codex-turn-metadata': '{"a":1}',
  'x-codex-turn-state': 'sticky',
  'x-codex-window-id': 't:0',
  'x-openai-subagent': 'review',
  'x-openai-internal-codex-responses-lite': 'true',
  'x-responsesapi-include-timing-metrics': 'true',
  'x-oai-attestation': 'a',
  'x-stainless-lang': 'js',
  traceparent: '00-1-2-01',
  tracestate: 'a=b',
  'idempotency-key': 'k',
};

const CREDENTIALS = {
  authorization: 'Bearer client',
  'x-api-key': 'client',
  'api-key': 'client',
  'chatgpt-account-id': 'acct',
  'openai-organization': 'org',
  'openai-project': 'proj',
};

test('what a client says of itself and its turn passes', () => {
  expect(send(CODEX)).toEqual({ ...CODEX, ...OWN });
});

describe('a client’s credentials', () => {
  test('reach a provider with auth Passthrough', () => {
    expect(send(CREDENTIALS, { auth: { type: 'Passthrough' } })).toEqual({ ...CREDENTIALS, ...OWN });
  });

  test.each([
    ['None', { type: 'None' } as const],
    ['APIKey', { type: 'APIKey', header: 'api-key', prefix: '', key: new Secret('ours') } as const],
  ])('do not reach one with auth %s, even if the route allows them by name', (type, auth) => {
    expect(send(CREDENTIALS, { auth }, { allow: Object.keys(CREDENTIALS) })).toEqual({
      ...OWN,
      ...(type === 'APIKey' ? { 'api-key': 'ours' } : {}),
    });
  });

  test('are kept back where the route denies them', () => {
    const sent = send(CREDENTIALS, { auth: { type: 'Passthrough' } }, { deny: ['chatgpt-account-id'] });
    expect(sent).not.toHaveProperty('chatgpt-account-id');
    expect(sent).toHaveProperty('authorization');
  });
});

describe('the route’s lists', () => {
  test('add names to the defaults', () => {
    const client = { 'x-team': 'a', 'x-other': 'b', cookie: 'c=d', 'x-forwarded-for': '10.0.0.1' };
    expect(send(client)).toEqual(OWN);
    expect(send(client, {}, { allow: ['x-team', 'cookie', 'x-forwarded-for'] })).toEqual({
      'x-team': 'a',
      cookie: 'c=d',
      'x-forwarded-for': '10.0.0.1',
      ...OWN,
    });
  });

  test('deny defaults, and deny what they allow', () => {
    expect(
      send({ 'user-agent': 'a', 'x-team': 'b' }, {}, { allow: ['x-team'], deny: ['x-team', 'user-agent'] }),
    ).toEqual(OWN);
  });
});

test('what belongs to the connection or to us never passes, whatever the route allows', () => {
  const client = {
    connection: 'keep-alive, X-Team',
    'x-team': 'named by connection',
    'keep-alive': 'timeout=5',
    'proxy-authorization': 'Basic x',
    te: 'trailers',
    trailer: 'x',
    'transfer-encoding': 'chunked',
    upgrade: 'websocket',
    host: 'evil.example.com',
    'content-length': '7',
    'content-encoding': 'zstd',
    'content-type': 'text/plain',
    expect: '100-continue',
    'accept-encoding': 'gzip',
    'sec-websocket-key': 'k',
    'x-turnbridge-via': 'forged',
    'x-turnbridge-x': 'forged',
    ':path': '/',
  };
  expect(send(client, {}, { allow: Object.keys(client) })).toEqual(OWN);
});

test.each([
  ['responses_websockets=2026-02-06', undefined],
  ['responses_websockets=2026-02-06, assistants=v2', 'assistants=v2'],
  ['a=1,responses_websockets=x,b=2', 'a=1, b=2'],
  ['a=1', 'a=1'],
])('openai-beta %j passes as %j', (value, passed) => {
  expect(send({ 'openai-beta': value })['openai-beta']).toBe(passed);
});

describe('the provider’s configuration', () => {
  test('replaces the client’s values: key, remove, set, then add', () => {
    const sent = send(
      { 'user-agent': 'codex', originator: 'codex', version: '1', authorization: 'Bearer client' },
      {
        auth: { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key: new Secret('ours') },
        headers: {
          remove: new Set(['originator']),
          set: [{ name: 'user-agent', value: 'set' }],
          add: [
            { name: 'x-tag', value: 'a' },
            { name: 'x-tag', value: 'b' },
            { name: 'version', value: '2' },
          ],
        },
      },
    );
    expect(sent).toEqual({
      'user-agent': 'set',
      version: ['1', '2'],
      authorization: 'Bearer ours',
      'x-tag': ['a', 'b'],
      ...OWN,
    });
  });

  test('may set the header that would carry the key', () => {
    const sent = send(
      {},
      {
        auth: { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key: new Secret('ours') },
        headers: { remove: new Set(), set: [{ name: 'authorization', value: 'Basic x' }], add: [] },
      },
    );
    expect(sent['authorization']).toBe('Basic x');
  });

  test('cannot set what the transport writes', () => {
    const set = fields({
      host: 'a',
      'content-length': '1',
      'x-turnbridge-via': 'b',
      'sec-websocket-key': 'c',
    });
    expect(send({}, { headers: { remove: new Set(), set, add: set } })).toEqual(OWN);
  });
});

test('values that are not legal header text are dropped', () => {
  expect(
    send({ 'user-agent': 'a\r\nx: y', originator: 'a\u0000', version: 'grün', 'session-id': '🙂' }),
  ).toEqual({
    version: 'grün',
    ...OWN,
  });
});

describe('a key of the provider’s own that is no header', () => {
  const keyed = (key: string, header = 'authorization', prefix = 'Bearer ') =>
    providerAt('https://api.example.com', {
      auth: { type: 'APIKey', header, prefix, key: new Secret(key) },
    });

  test.each([
    ['a line break', keyed('sk-a\r\nx-other: b')],
    ['a line break at the end', keyed('sk-a\n')],
    ['a character beyond latin1', keyed('sk-🙂')],
    ['a control character in its prefix', keyed('sk-a', 'authorization', 'Bearer\u0000')],
  ])('because of %s is told, without the key', (_, provider) => {
    expect(keyObstacle(provider)).toMatch(/^was not called: its key holds .* write the key alone/);
    expect(keyObstacle(provider)).not.toContain('sk-');
  });

  test.each(['host', 'content-length', 'connection', 'x-turnbridge-via', 'x key', ''])(
    'because of the header %j is told',
    (header) => {
      expect(keyObstacle(keyed('sk-a', header))).toMatch(
        /^was not called: auth\.header .* write authorization/,
      );
    },
  );

  test('is not left out of the request in silence', () => {
    const provider = keyed('sk-a\n');
    const sent = toProviderRequestHeaders({
      clientHeaders: fields({ authorization: 'Bearer client' }),
      route: routeTo(provider),
      provider,
      via: 'v',
    });
    expect(sent[0]).toEqual({ name: 'authorization', value: 'Bearer sk-a\n' });
  });

  test('is not seen where the key is sound, or the provider has none', () => {
    expect(keyObstacle(keyed('sk-a'))).toBeUndefined();
    expect(keyObstacle(keyed('sk-a', 'api-key', ''))).toBeUndefined();
    expect(keyObstacle(providerAt('https://api.example.com'))).toBeUndefined();
  });
});

test('of a name that comes twice, the last value counts', () => {
  const provider = providerAt('https://api.example.com');
  const clientHeaders = [...fields({ 'x-codex-a': 'handshake' }), ...fields({ 'x-codex-a': 'frame' })];
  const sent = toProviderRequestHeaders({ clientHeaders, route: routeTo(provider), provider, via: 'v' });
  expect(sent.filter((field) => field.name === 'x-codex-a')).toEqual([{ name: 'x-codex-a', value: 'frame' }]);
});

test('one route and two providers have a policy each', () => {
  const one = providerAt('https://a.example.com', { auth: { type: 'Passthrough' } });
  const two = providerAt('https://b.example.com');
  const route = routeTo(one);
  const sent = (provider: CompiledProvider) =>
    toHeaderRecord(
      toProviderRequestHeaders({ clientHeaders: fields(CREDENTIALS), route, provider, via: 'v' }),
    );
  expect(sent(one)).toHaveProperty('authorization');
  expect(sent(two)).not.toHaveProperty('authorization');
  expect(sent(one)).toHaveProperty('authorization');
});

test('a relayed request keeps its own type of body and what it accepts', () => {
  const provider = providerAt('https://api.example.com');
  const client = fields({
    accept: 'application/json',
    'content-type': 'text/x',
    cookie: 'a',
    'user-agent': 'u',
  });
  expect(
    toHeaderRecord(
      toRelayRequestHeaders({ clientHeaders: client, route: routeTo(provider), provider, via: 'v' }),
    ),
  ).toEqual({
    'user-agent': 'u',
    'content-type': 'text/x',
    accept: 'application/json',
    'accept-encoding': 'identity',
    'x-turnbridge-via': 'v',
  });
});

test('a header may have the name of something that every object has', () => {
  const record = toHeaderRecord(fields({ constructor: 'a', 'to-string': 'b' }));
  expect(Object.entries(record)).toEqual([
    ['constructor', 'a'],
    ['to-string', 'b'],
  ]);
});
