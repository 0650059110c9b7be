/** Providers behind TLS that fail, and addresses that lead nowhere: what the client hears, and that its next turn works. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { gate } from '../harness/fake-provider.ts';
import { openFlakyProxy, type FlakyProxy } from '../harness/flaky-proxy.ts';
import { closedUrl, namelessUrl } from '../harness/nowhere.ts';
import { openTlsFront, tlsFixture, type TlsFront } from '../harness/tls-front.ts';
import { ask, openScene, responseOf, secretNamed, textOf, typesOf } from '../protocol/scene.ts';
import type { Scene } from '../protocol/scene.ts';
import { tableBelow } from './reliability-page.ts';

const identity = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };
const expired = { cert: tlsFixture('expired.pem'), key: identity.key };

interface Ports {
  /** TLS with a good certificate, with one that has expired, and a server that speaks none. */
  readonly good: number;
  readonly expired: number;
  readonly plain: number;
  /** The good one, through a line that fails while a connection is being opened. */
  readonly cut: number;
  readonly reset: number;
  readonly silent: number;
}

interface Row {
  readonly provider: string;
  readonly url: (ports: Ports) => string;
  readonly tls?: object;
  readonly hears: 'provider_unreachable' | 'provider_connection_lost' | 'connect_timeout';
  /** What the message ends with. */
  readonly says?: RegExp;
}

const trusted = { caCertificateRefs: [{ kind: 'Secret', name: 'ca' }] };
const https = (port: number) => `https://127.0.0.1:${port}/v1`;

const rows: readonly Row[] = [
  {
    provider: 'a certificate that has expired',
    url: (ports) => https(ports.expired),
    tls: { caCertificateRefs: [{ kind: 'Secret', name: 'expired' }] },
    hears: 'provider_unreachable',
    says: /CERT_HAS_EXPIRED/,
  },
  {
    provider: 'a certificate for another name',
    url: (ports) => https(ports.good),
    tls: { ...trusted, serverName: 'other.test' },
    hears: 'provider_unreachable',
    says: /ERR_TLS_CERT_ALTNAME_INVALID/,
  },
  {
    provider: 'a certificate of an unknown authority',
    url: (ports) => https(ports.good),
    hears: 'provider_unreachable',
    says: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
  },
  {
    provider: 'plain HTTP where TLS is expected',
    url: (ports) => https(ports.plain),
    tls: trusted,
    hears: 'provider_unreachable',
    says: /speaks no TLS/,
  },
  {
    provider: 'TLS where plain HTTP is expected',
    url: (ports) => `http://127.0.0.1:${ports.good}/v1`,
    hears: 'provider_connection_lost',
  },
  {
    provider: 'a TLS handshake that is cut',
    url: (ports) => https(ports.cut),
    tls: trusted,
    hears: 'provider_unreachable',
  },
  {
    provider: 'a TLS handshake that is reset',
    url: (ports) => https(ports.reset),
    tls: trusted,
    hears: 'provider_unreachable',
    says: /ECONNRESET/,
  },
  {
    provider: 'a TLS handshake that stalls',
    url: (ports) => https(ports.silent),
    tls: trusted,
    hears: 'connect_timeout',
  },
  {
    provider: 'a name that has no address',
    url: () => `${namelessUrl}/v1`,
    hears: 'provider_unreachable',
    says: /its host name has no address/,
  },
  {
    provider: 'an address where nobody listens',
    url: () => `${closedUrl}/v1`,
    hears: 'provider_unreachable',
    says: /ECONNREFUSED/,
  },
];

/** A line that does this to each connection behind the first bytes of the server's answer to the handshake. */
async function failingLine(targetPort: number, fault: 'cut' | 'reset' | 'silence'): Promise<FlakyProxy> {
  const proxy = await openFlakyProxy(targetPort);
  void proxy.at({ way: 'toClient', bytes: 100 }, () => proxy[fault]());
  return proxy;
}

const open: AsyncDisposable[] = [];
let scene: Scene;
let goodFront: TlsFront;
const held = gate();

async function routes(providerUrl: string): Promise<string> {
  const plain = Number(new URL(providerUrl).port);
  goodFront = await openTlsFront(plain, identity);
  const old = await openTlsFront(plain, expired);
  const [cut, reset, silent] = await Promise.all(
    (['cut', 'reset', 'silence'] as const).map((fault) => failingLine(goodFront.port, fault)),
  );
  open.push(goodFront, old, cut!, reset!, silent!);
  const ports: Ports = {
    good: goodFront.port,
    expired: old.port,
    plain,
    cut: cut!.port,
    reset: reset!.port,
    silent: silent!.port,
  };
  const documents = rows.map(({ url, tls, hears }, n) =>
    routeTo(url(ports), {
      name: `row-${n}`,
      match: { models: [`row-${n}`] },
      // short only where it is waited for: a busy machine may take a second for any handshake
      ...(hears === 'connect_timeout' && { timeouts: { connectSeconds: 1 } }),
      ...(tls && { provider: { tls } }),
    }),
  );
  const good = { name: 'good', match: { models: ['good', 'spoiled'] }, provider: { tls: trusted } };
  documents.push(routeTo(https(goodFront.port), good));
  documents.push(secretNamed('ca', { 'ca.crt': tlsFixture('ca.pem') }));
  documents.push(secretNamed('expired', { 'ca.crt': expired.cert }));
  return documents.join('---\n');
}

beforeAll(async () => {
  scene = await openScene({
    routes,
    script: ({ body }) =>
      body.model === 'spoiled' ? [{ begin: true }, { until: held.promise }] : [{ text: 'words' }],
  });
});

afterAll(async () => {
  held.open();
  await scene[Symbol.asyncDispose]();
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
});

describe('a provider that has', () => {
  test.each(rows.map((row, n) => ({ ...row, model: `row-${n}` })))(
    '$provider: the client hears $hears',
    async ({ model, hears, says = /^provider scripted / }) => {
      const client = await scene.connect();
      const [event, ...more] = await ask(client, { model });
      const status = hears === 'connect_timeout' ? 504 : 502;
      const error = { code: hears, message: expect.stringMatching(says) };
      expect(event).toMatchObject({ type: 'error', status, error });
      expect(more).toEqual([]);
      expect(textOf(await ask(client, { model: 'good' }))).toBe('words');
    },
  );
});

test('a record that does not decrypt, in the middle of an answer, is a lost connection', async () => {
  const client = await scene.connect();
  client.create({ model: 'spoiled' });
  await client.next('response.created');
  goodFront.spoil();
  const events = await client.events();
  expect(events.at(-1)?.['type']).toBe('response.failed');
  expect(responseOf(events.at(-1))['error']).toMatchObject({ code: 'provider_connection_lost' });
  expect(typesOf(await ask(client, { model: 'good' })).at(-1)).toBe('response.completed');
});

test('docs/reliability.md shows this table: mend the page or the rows of this file', () => {
  expect(tableBelow('### No connection to the provider')).toEqual([
    ['the provider has', 'the client hears'],
    ...rows.map(({ provider, hears }) => [provider, hears]),
  ]);
});
