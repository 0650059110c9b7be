/** The certificate's validity, by a clock that is an argument. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { checkTlsPair } from '../../src/config/tls-pair.ts';
import { toTlsFailure } from '../../src/client/tls-door.ts';
import { TlsFeed } from '../../src/tls-feed.ts';
import type { Log } from '../../src/telemetry/log/log.ts';
import { tlsFixture } from '../harness/tls-front.ts';

const cert = tlsFixture('server.pem');
const key = tlsFixture('server.key.pem');
const files = { certificate: 'tls.crt', key: 'tls.key' };
const endsAtMs = Date.parse(new X509Certificate(cert).validTo);
const beginsAtMs = Date.parse(new X509Certificate(cert).validFrom);
const day = 24 * 3600 * 1000;

/** What is said of the fixture's certificate at the start, at this moment. */
async function saidAt(now: number): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-tls-'));
  await writeFile(join(folder, 'tls.crt'), cert);
  await writeFile(join(folder, 'tls.key'), key);
  const said: string[] = [];
  const say =
    (level: string) =>
    (_event: string, message: string): void =>
      void said.push(`${level}: ${message}`);
  const log = { info: say('info'), warn: say('warn'), error: say('error') } as unknown as Log;
  const feed = new TlsFeed({
    folder,
    log,
    onPair: () => undefined,
    onReload: () => undefined,
    wallNow: () => now,
  });
  await feed.open();
  await feed.close();
  await feed.close();
  await rm(folder, { recursive: true });
  return said;
}

test.each([
  ['of which nothing is to be said', endsAtMs - 15 * day, []],
  ['that ends within two weeks', endsAtMs - 13 * day, ['warn: certificate ends soon: renew it']],
  ['that has ended', endsAtMs, ['error: certificate has ended: clients refuse it']],
  ['that has not begun', beginsAtMs - 1, ['warn: certificate is not valid yet: clients refuse it']],
])('a certificate %s is served, and its validity told', async (_, now, said) => {
  expect(await saidAt(now)).toEqual(said);
});

test('a pair that is right is taken as it is, with the end of its first certificate', () => {
  const chain = Buffer.from(cert + tlsFixture('ca.pem'));
  expect(checkTlsPair(chain, Buffer.from(key), files)).toMatchObject({
    kind: 'pair',
    pair: { cert: chain, expiresAtMs: endsAtMs },
  });
});

test.each([
  [
    'whose chain begins with the CA',
    tlsFixture('ca.pem') + cert,
    key,
    /not the key of the first certificate/,
  ],
  ['whose key is encrypted', cert, encryptedKey(), /tls\.key is encrypted/],
  ['whose key is no PEM', cert, 'sk-a-key-of-something-else-altogether', /tls\.key holds no private key/],
  ['whose files are swapped', key, cert, /tls\.crt holds no certificate/],
  ['that is empty', '', '', /tls\.crt holds no certificate/],
  ['whose certificate is cut off', cert.slice(0, 300), key, /tls\.crt holds no certificate/],
  [
    'whose key is too short for TLS',
    tlsFixture('weak.pem'),
    tlsFixture('weak.key.pem'),
    /are refused by TLS \(ERR_SSL_/,
  ],
])('a pair %s is refused with a sentence, without a word of the key', (_, givenCert, givenKey, sentence) => {
  const sight = checkTlsPair(Buffer.from(givenCert), Buffer.from(givenKey), files);
  expect(sight).toMatchObject({ kind: 'broken', reason: expect.stringMatching(sentence) });
  const words = givenKey.split('\n').filter((line) => line.length > 20 && !line.includes('-----'));
  for (const word of words) expect(JSON.stringify(sight)).not.toContain(word);
});

test.each([
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'certificate_refused'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', 'certificate_refused'],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'certificate_refused'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'certificate_refused'],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'other'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'not_agreed'],
  ['what OpenSSL may say one day', 'other'],
  [undefined, 'other'],
])('%s is counted as %s', (code, reason) => {
  expect(toTlsFailure(code)).toBe(reason);
});

function encryptedKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey;
}
