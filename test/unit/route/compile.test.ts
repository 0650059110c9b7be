import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { compileText, snapshotOf } from './compile-text.ts';

const CA = readFileSync(join(import.meta.dirname, '../../fixtures/tls/ca.pem'), 'utf8');

const KEYED = `
spec:
  clients: { auth: { type: APIKey, secretRef: { name: clients } } }
  providers:
    - name: a
      url: https://a.example.com/base/
      auth: { type: APIKey, secretRef: { name: keys } }
`;
const OBJECTS = {
  'default/clients': { alice: 'k-alice', bob: 'k-bob\n' },
  'default/keys': { apiKey: 'sk-a\r\n' },
};

describe('a route with nothing but a provider', () => {
  const [route] = snapshotOf("spec: { providers: [{ name: a, url: 'https://a.example.com' }] }").routes;

  test('has every default', () => {
    expect(route).toEqual({
      id: 'default/r0',
      match: { models: [], headers: [] },
      clients: {
        auth: { type: 'Passthrough' },
        webSocket: 'Enabled',
        allowedOrigins: new Set(),
        queryAllow: new Set(),
        trace: 'Parent',
      },
      limits: {
        maxConnections: undefined,
        maxConnectionsPerClient: 64,
        maxConnectionAgeMs: 3_600_000,
        maxMessageBytes: 67_108_864,
        maxQueuedTurns: 64,
        maxTurnsInFlight: 16,
        maxLanes: 32,
      },
      providers: [
        {
          poolKey: expect.stringMatching(/^[0-9a-f]{32}$/),
          name: 'a',
          origin: 'https://a.example.com',
          basePath: '',
          transport: 'Auto',
          auth: { type: 'Passthrough' },
          priority: 0,
          weight: 1,
          models: [],
          modelMapping: [],
          headers: { set: [], add: [], remove: new Set() },
          query: '',
          tls: { ca: undefined, serverName: undefined },
          http: 'Auto',
          dialect: 'OpenAI',
          capabilities: new Set(),
          limits: {
            maxRequestBytes: undefined,
            maxWebSocketMessageBytes: 16_777_216,
            maxConnectionAgeMs: 3_300_000,
          },
          health: { consecutiveFailures: 3, ejectionMs: 10_000, maxEjectionMs: 300_000 },
          loopbackAllowed: false,
        },
      ],
      unusableProviders: [],
      headerPassthrough: {
        request: { allow: new Set(), deny: new Set() },
        response: { allow: new Set(), deny: new Set() },
      },
      continuation: { mode: undefined, maxBytesPerConnection: 8_388_608 },
      timeouts: { connectMs: 10_000, firstEventMs: 300_000, idleMs: 300_000, turnDeadlineMs: 3_600_000 },
      failover: {
        causes: new Set(['ConnectFailure', 'Timeout', 'RateLimited', 'ServerError']),
        maxAttempts: 2,
      },
      relay: { paths: ['/models', '/responses/compact'], webSocketPaths: ['/realtime'], sharedKey: false },
      telemetry: { sessionIds: 'Hashed' },
    });
  });
});

describe('keys', () => {
  const snapshot = snapshotOf(KEYED, OBJECTS);

  test('of clients are kept as digests, by the name of their entry, without a line break behind', () => {
    const digest = (key: string) => createHash('sha256').update(key).digest();
    expect(snapshot.groups[0]?.clients.auth).toEqual({
      type: 'APIKey',
      keys: [
        { name: 'alice', sha256: digest('k-alice') },
        { name: 'bob', sha256: digest('k-bob') },
      ],
    });
  });

  test('of providers are sent in authorization with Bearer, unless the route says otherwise', () => {
    const auth = snapshot.routes[0]?.providers[0]?.auth;
    expect(auth).toMatchObject({ type: 'APIKey', header: 'authorization', prefix: 'Bearer ' });
    expect(auth?.type === 'APIKey' && auth.key.reveal()).toBe('sk-a');
    const other = KEYED.replace('{ name: keys }', "{ name: keys }, header: { name: api-key, prefix: '' }");
    expect(snapshotOf(other, OBJECTS).routes[0]?.providers[0]?.auth).toMatchObject({
      header: 'api-key',
      prefix: '',
    });
  });

  test.each([
    ['a line break inside', 'sk-a\nsk-b'],
    ['a line break before', '\nsk-a'],
    ['a space', 'Bearer sk-a'],
    ['a tab', 'sk-a\t'],
    ['a control character', 'sk-\u0000a'],
    ['a character beyond ASCII', 'sk-ä'],
    ['a byte order mark', '\ufeffsk-a'],
  ])('with %s are refused, of providers and of clients, and not quoted', (_, key) => {
    const { problems } = compileText(KEYED, {
      'default/keys': { apiKey: key },
      'default/clients': { alice: 'k-alice', bob: key },
    });
    const told = 'holds spaces, line breaks or other characters that no key has; write the key alone';
    expect(problems.map(({ severity, message }) => [severity, message])).toEqual([
      ['error', `entry bob of Secret default/clients ${told}`],
      ['error', `entry apiKey of Secret default/keys ${told}`],
    ]);
  });

  test('appear in no print of a snapshot', () => {
    const printed = [JSON.stringify(snapshot), inspect(snapshot, { depth: null }), snapshot.version].join(
      '\n',
    );
    expect(printed).not.toMatch(/sk-a|k-alice|k-bob/);
  });
});

test('what a relayed answer says of its body may be denied without a warning', () => {
  const { problems } = compileText(`
spec:
  providers: [{ name: a, url: 'https://a.example.com/v1' }]
  headerPassthrough: { response: { deny: [etag, cache-control, x-none] } }
`);
  expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/^x-none is not among/)]);
});

test('a provider has its base path without a slash, its query encoded, and its authorities', () => {
  const [route] = snapshotOf(
    `
spec:
  providers:
    - name: a
      url: https://A.example.com:8443/base/v1/
      query: [{ name: api-version, value: '2026 01&x' }]
      tls: { caCertificateRefs: [{ name: ca }], serverName: b.example.com }
`,
    { 'default/ca': { 'ca.crt': `# a comment\n${CA}` } },
  ).routes;
  expect(route?.providers[0]).toMatchObject({
    origin: 'https://a.example.com:8443',
    basePath: '/base/v1',
    query: 'api-version=2026+01%26x',
    tls: { ca: CA.trim(), serverName: 'b.example.com' },
  });
});

describe('the version of a snapshot', () => {
  const version = (text: string, objects = OBJECTS) => snapshotOf(text, objects).version;

  test('is short, and equal for equal content', () => {
    expect(version(KEYED)).toMatch(/^[0-9a-f]{12}$/);
    expect(version(KEYED)).toBe(version(KEYED.replace('name: a\n', 'name: a # the same\n')));
  });

  test.each([
    ['a field', KEYED.replace('/base/', '/other/'), OBJECTS],
    ['a key of a provider', KEYED, { ...OBJECTS, 'default/keys': { apiKey: 'sk-b' } }],
    ['a key of a client', KEYED, { ...OBJECTS, 'default/clients': { alice: 'k-alice', bob: 'k-new' } }],
    ['a host', KEYED.replace('spec:', 'spec:\n  hostnames: [x.example.com]'), OBJECTS],
  ])('changes with %s', (_, text, objects) => {
    expect(version(text, objects)).not.toBe(version(KEYED));
  });
});

describe('providers share connections', () => {
  const poolKey = (provider: string) =>
    snapshotOf(`spec: { providers: [{ name: a, ${provider} }] }`).routes[0]?.providers[0]?.poolKey;
  const base = poolKey("url: 'https://a.example.com/v1'");

  test.each([
    "url: 'https://a.example.com/other'",
    "url: 'https://a.example.com:443', models: [a]",
    "url: 'wss://a.example.com/v1'",
    "url: 'https://a.example.com', capabilities: [Lanes], limits: { maxConnectionAgeSeconds: 600 }",
    "url: 'https://a.example.com', headers: { set: [{ name: x-a, value: b }] }",
  ])('when only what is said in requests differs: %s', (provider) => {
    expect(poolKey(provider)).toBe(base);
  });

  test.each([
    "url: 'http://a.example.com'",
    "url: 'https://a.example.com:8443'",
    "url: 'https://b.example.com'",
    "url: 'https://a.example.com', tls: { serverName: b }",
    "url: 'https://a.example.com', http: HTTP1",
  ])('but not when the connection differs: %s', (provider) => {
    expect(poolKey(provider)).not.toBe(base);
  });
});

describe('routes beside each other', () => {
  const provider = "providers: [{ name: a, url: 'https://a.example.com/v1' }]";

  test('share a group for each host and path they have in common, oldest first', () => {
    const { groups, routes } = snapshotOf(`
metadata: { name: z }
spec: { hostnames: [A.example.com], match: { paths: [/v1, /] }, ${provider} }
---
metadata: { name: a }
spec: { hostnames: [a.example.com, b.example.com], ${provider} }
---
metadata: { name: m }
spec: { ${provider} }
`);
    expect(routes.map(({ id }) => id)).toEqual(['default/z', 'default/a', 'default/m']);
    expect(
      groups.map(({ hostname, path, routes: own }) => [hostname, path, own.map(({ id }) => id)]),
    ).toEqual([
      ['a.example.com', '/v1', ['default/z', 'default/a']],
      ['a.example.com', '', ['default/z']],
      ['b.example.com', '/v1', ['default/a']],
      ['*', '/v1', ['default/m']],
    ]);
  });

  test('of which one is broken leave the others to be served', () => {
    const { snapshot, problems } = compileText(`
metadata: { name: broken }
spec: { hostnames: [a.example.com], clients: { webSocket: Disabled }, providers: [] }
---
metadata: { name: sound }
spec: { hostnames: [a.example.com], ${provider} }
`);
    expect(snapshot?.routes.map(({ id }) => id)).toEqual(['default/sound']);
    expect(problems.map(({ document, severity }) => [document, severity])).toEqual([[0, 'error']]);
  });

  test('of which one is broken close the hosts that nobody else of its namespace has', () => {
    const { snapshot } = compileText(`
metadata: { name: broken }
spec: { hostnames: [a.example.com, b.example.com], providers: [] }
---
metadata: { name: sound }
spec: { hostnames: [a.example.com, '*.example.com'], ${provider} }
`);
    expect(snapshot?.closedHosts).toEqual(new Set(['b.example.com']));
  });

  test('of which one is broken keep its hosts for its namespace', () => {
    const { snapshot, problems } = compileText(`
metadata: { name: broken }
spec: { hostnames: [a.example.com], providers: [] }
---
metadata: { name: sound, namespace: other }
spec: { hostnames: [a.example.com], ${provider} }
`);
    expect(snapshot).toBeUndefined();
    expect(problems.map(({ document, reason }) => [document, reason])).toEqual([
      [0, undefined],
      [1, 'HostnameNotAllowed'],
    ]);
  });

  test('without any that is sound give no snapshot', () => {
    expect(compileText('spec: { providers: [] }').snapshot).toBeUndefined();
    expect(compileText('')).toEqual({ snapshot: undefined, problems: [] });
  });
});
