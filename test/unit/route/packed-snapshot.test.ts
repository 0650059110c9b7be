import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import {
  packSnapshot,
  SNAPSHOT_FORMAT,
  unpackSnapshot,
  unpackSnapshotSlowly,
} from '../../../src/route/packed-snapshot.ts';
import { toSnapshot } from '../../../src/route/route-groups.ts';
import type { ServedRoute } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { servedOf } from './compile-text.ts';

const CA = readFileSync(join(import.meta.dirname, '../../fixtures/tls/ca.pem'), 'utf8');
const ORIGIN = { generation: 7, installation: 'ai/turnbridge' };

type Json = Record<string, unknown>;

/** A packed snapshot, as far as tests change it. */
interface Document extends Json {
  format: unknown;
  routes: {
    compiled: Json & { relay: Json; providers: (Json & { limits: Json })[]; unusableProviders: Json[] };
  }[];
}

/** Something in every field that JSON cannot hold by itself, and something that is not the default in most others. */
const FULL = servedOf(
  `
metadata: { namespace: ai, name: full }
spec:
  hostnames: [codex.example.com, '*.example.org']
  match:
    paths: [/v1, /]
    models: [gpt-*, o3]
    headers: [{ name: x-team, value: core }, { name: x-user, type: RegularExpression, value: 'a/b-[0-9]+' }]
  clients:
    auth: { type: APIKey, secretRef: { name: clients } }
    allowedOrigins: [https://app.example.com]
    queryPassthrough: { allow: [q] }
    trace: Link
  providers:
    - name: a
      url: https://a.example.com/base
      auth: { type: APIKey, secretRef: { name: keys }, header: { name: api-key, prefix: '' } }
      models: [gpt-*]
      modelMapping: [{ from: gpt-*, to: qwen-* }]
      headers: { set: [{ name: x-a, value: '1' }], add: [{ name: x-b, value: '2' }], remove: [x-c] }
      query: [{ name: api-version, value: 2026-01-01 }]
      tls: { caCertificateRefs: [{ name: ca }], serverName: inner.example.com }
      http: HTTP2
      dialect: Compatible
      transport: WebSocket
      capabilities: [Steer, Inject]
      weight: 7
      limits: { maxRequestBytes: 5000, maxWebSocketMessageBytes: 6000, maxConnectionAgeSeconds: 700 }
      health: { consecutiveFailures: 8, ejectionSeconds: 9, maxEjectionSeconds: 11 }
    - { name: b, url: https://b.example.com, auth: { type: None }, models: [o3], tls: { caCertificateRefs: [{ name: ca }] } }
    - { name: gone, url: https://c.example.com, dialect: ChatGPT, auth: { type: APIKey, secretRef: { name: gone } }, models: [x] }
  headerPassthrough: { request: { allow: [x-team], deny: [version] }, response: { allow: [x-r] } }
  continuation: { mode: Stateless, maxBytesPerConnection: 2048 }
  limits: { maxConnections: 100 }
  failover: { causes: [Timeout], maxAttempts: 4 }
  relay: { paths: [/files/*], webSocketPaths: [/audio], sharedKey: Allowed }
  telemetry: { sessionIds: Raw }
---
metadata: { namespace: ai, name: plain }
spec: { hostnames: [plain.example.com], providers: [{ name: a, url: https://a.example.com }] }
`,
  {
    'ai/clients': { alice: 'k-alice', bob: 'k-bob' },
    'ai/keys': { apiKey: 'sk-a' },
    'ai/ca': { 'ca.crt': CA },
  },
);

describe('a snapshot that was packed', () => {
  const { text, version } = packSnapshot(FULL, ORIGIN);
  const unpacked = unpackSnapshot(text);

  test('serves the same after it was unpacked', () => {
    expect(unpacked.snapshot).toEqual(toSnapshot(FULL));
    expect(unpacked).toMatchObject({ ...ORIGIN, format: '1.1' });
  });

  test('keeps the keys of providers, which print as nothing', () => {
    const [provider] = unpacked.snapshot.routes[0]?.providers ?? [];
    expect(provider?.auth.type === 'APIKey' && provider.auth.key.reveal()).toBe('sk-a');
    expect(JSON.stringify(unpacked.snapshot)).not.toContain('sk-a');
  });

  test('holds the keys of clients as digests only', () => {
    expect(text).not.toContain('k-alice');
    expect(text).toContain('alice');
  });

  test('tells which providers cannot be used', () => {
    expect(unpacked.snapshot.routes[0]?.unusableProviders).toEqual([
      { name: 'gone', dialect: 'ChatGPT', models: ['x'] },
    ]);
  });

  test('writes authorities that two providers trust once', () => {
    expect(text.split('BEGIN CERTIFICATE')).toHaveLength(2);
  });

  test('has the version of its routes, whoever writes it and when', () => {
    expect(unpacked.snapshot.version).toBe(version);
    expect(packSnapshot(FULL, { generation: 8, installation: 'other' }).version).toBe(version);
    expect(packSnapshot(FULL.slice(1), ORIGIN).version).not.toBe(version);
  });
});

test('a host that is claimed and not served is closed, and counts in the version', () => {
  const any: ServedRoute = { hostnames: ['*'], paths: ['/v1'], compiled: aRoute() };
  const claims = [
    { host: 'broken.example.com', namespace: 'ai' },
    { host: '*', namespace: 'other' },
  ];
  const { text, version } = packSnapshot([any], { ...ORIGIN, claims });
  expect(unpackSnapshot(text).snapshot.closedHosts).toEqual(new Set(['broken.example.com']));
  expect(version).not.toBe(packSnapshot([any], ORIGIN).version);
});

test('a text from before hosts could be closed closes none', () => {
  const document = JSON.parse(packSnapshot(FULL, ORIGIN).text) as Record<string, unknown>;
  delete document['closedHosts'];
  expect(unpackSnapshot(JSON.stringify(document)).snapshot.closedHosts).toEqual(new Set());
});

test('a snapshot of no route is one', () => {
  const { text } = packSnapshot([], ORIGIN);
  expect(unpackSnapshot(text).snapshot).toMatchObject({ routes: [], groups: [] });
});

describe('formats', () => {
  const textOf = (change: (document: Document) => void): string => {
    const document = JSON.parse(packSnapshot(FULL, ORIGIN).text) as Document;
    change(document);
    return JSON.stringify(document);
  };
  const { major, minor } = SNAPSHOT_FORMAT;

  test('one minor newer is read, and what is not known of it is dropped', () => {
    const text = textOf((document) => {
      document.format = { major, minor: minor + 1 };
      document['later'] = true;
      Object.assign(document.routes[0]!, { later: { deep: [1] } });
    });
    expect(unpackSnapshot(text).snapshot).toEqual(toSnapshot(FULL));
  });

  test('1.0, from before WebSockets and failover, is read, and what it does not say is as it was', () => {
    const text = textOf((document) => {
      document.format = { major: 1, minor: 0 };
      for (const { compiled } of document.routes) {
        delete compiled['failover'];
        delete compiled.relay['webSocketPaths'];
        for (const each of compiled.providers) {
          delete each['capabilities'];
          delete each['health'];
          delete each.limits['maxWebSocketMessageBytes'];
          delete each.limits['maxConnectionAgeMs'];
        }
        for (const each of compiled.unusableProviders) delete each['dialect'];
      }
    });
    const [route] = unpackSnapshot(text).snapshot.routes;
    expect(route).toMatchObject({
      failover: {
        causes: new Set(['ConnectFailure', 'Timeout', 'RateLimited', 'ServerError']),
        maxAttempts: 2,
      },
      relay: { paths: ['/files/*'], webSocketPaths: [], sharedKey: true },
    });
    expect(route?.unusableProviders).toEqual([{ name: 'gone', dialect: 'OpenAI', models: ['x'] }]);
    expect(route?.providers[0]).toMatchObject({
      capabilities: new Set(),
      limits: {
        maxRequestBytes: 5000,
        maxWebSocketMessageBytes: 16_777_216,
        maxConnectionAgeMs: 3_300_000,
      },
      health: { consecutiveFailures: 3, ejectionMs: 10_000, maxEjectionMs: 300_000 },
    });
  });

  test('words that a newer operator knows, and this bridge does not, are dropped', () => {
    const text = textOf(({ routes }) => {
      const compiled = routes[0]!.compiled;
      Object.assign(compiled.providers[0]!, { capabilities: ['Fly', 'Steer'] });
      Object.assign(compiled['failover'] as object, { causes: ['Boredom', 'Timeout'] });
    });
    const [route] = unpackSnapshot(text).snapshot.routes;
    expect(route?.providers[0]?.capabilities).toEqual(new Set(['Steer']));
    expect(route?.failover.causes).toEqual(new Set(['Timeout']));
  });

  test.each([
    [major, minor + 2],
    [major, minor - 2],
    [major + 1, minor],
  ])('%i.%i is refused with what to do', (otherMajor, otherMinor) => {
    const text = textOf((document) => {
      document.format = { major: otherMajor, minor: otherMinor };
      document['routes'] = 'of another form' as never;
    });
    expect(() => unpackSnapshot(text)).toThrow(/has format .*run operator and bridges of versions/);
  });
});

describe('what is no snapshot is refused whole, without a word of it', () => {
  const good = packSnapshot(FULL, ORIGIN).text;

  test.each([
    ['cut off', good.slice(0, -10), /no JSON/],
    ['another document', '{"sk-a":1}', /not of the form that is expected, at format/],
    [
      'a field of another kind',
      good.replace('"weight":7', '"weight":"sk-a"'),
      /route 0 .*providers\.0\.weight/,
    ],
    ['a pattern that is none', good.replace('b-[0-9]+', 'sk-a('), /route 0 .*match\.headers\.1\.pattern/],
    ['authorities that are not there', good.replace(/"authorities":\{.*?\}/, '"authorities":{}'), /lacks/],
  ])('%s', (_, text, sentence) => {
    expect(() => unpackSnapshot(text)).toThrow(sentence);
    expect(() => unpackSnapshot(text)).not.toThrow(/sk-a/);
  });
});

test('with pauses it is read the same, one before each route and one before all of them together', async () => {
  const { text } = packSnapshot(FULL, ORIGIN);
  const asked = jest.fn(() => undefined);
  expect(await unpackSnapshotSlowly(text, asked)).toEqual(unpackSnapshot(text));
  expect(asked).toHaveBeenCalledTimes(FULL.length + 1);
});

test('names and values that are special to JSON or JavaScript survive', () => {
  const odd: ServedRoute = {
    hostnames: ['*'],
    paths: [''],
    compiled: aRoute({
      id: 'a/__proto__',
      providers: [
        aProvider({ headers: { set: [{ name: 'constructor', value: '"\\ ' }], add: [], remove: new Set() } }),
      ],
    }),
  };
  expect(unpackSnapshot(packSnapshot([odd], ORIGIN).text).snapshot).toEqual(toSnapshot([odd]));
});
