import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ANONYMOUS,
  REFUSED,
  accepted,
  configMap,
  keyed,
  provider,
  refusedWith,
  secret,
  withProvider,
} from './mistake-row.ts';
import type { Fields, MistakeRow } from './mistake-row.ts';

const CERTIFICATE = readFileSync(join(import.meta.dirname, '../../fixtures/tls/ca.pem'), 'utf8');

/** `providers`; what ties a transport to other fields is in transport-mistakes.ts. */
export const PROVIDER_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'two providers of one name',
    spec: {
      providers: [provider({ models: ['a'] }), provider({ models: ['b'], url: 'https://b.example.com/v1' })],
    },
    check: '"a" is the name of an earlier entry; write another, or remove one',
    cluster: refusedWith('spec.providers[1]: Duplicate value: {"name":"a"}'),
  },
  url(
    'a variable in a url',
    'https://${HOST}/v1',
    'url holds a variable; variables are known in the stringData of Secrets only: write the address itself',
  ),
  url(
    'a url without a scheme',
    'api.openai.com/v1',
    'url is not an address; write it in full, such as https://api.openai.com/v1',
  ),
  url(
    'a url with a port that cannot be',
    'https://api.openai.com:99999/v1',
    'url is not an address; write it in full, such as https://api.openai.com/v1',
  ),
  {
    ...url(
      'a url that only the URL class of JavaScript refuses',
      'https://1.2.3.4.5/v1',
      'url is not an address; write it in full, such as https://api.openai.com/v1',
    ),
    cluster: accepted('Invalid'),
  },
  url('a url with another scheme', 'ftp://api.openai.com/v1', 'url begins with ftp://; write https://'),
  url(
    'a key in a url',
    'https://key@api.openai.com/v1',
    'url holds user info before the @; put the key into a Secret and name it in auth.secretRef',
  ),
  url(
    'a url with a query',
    'https://api.openai.com/v1?api-version=1',
    'url holds a query; write its entries as query: [{name, value}], but a key into a Secret that auth.secretRef names',
  ),
  url(
    'a url with a fragment',
    'https://api.openai.com/v1#x',
    'url holds a fragment; remove # and what follows',
  ),
  {
    ...url(
      'a provider on the machine itself, its link or its metadata service',
      'http://169.254.169.254/v1',
      "url leads to 169.254.169.254, the machine of the bridge itself, its link or its cloud's metadata; write the address of a provider in the cluster or outside",
    ),
    cluster: refusedWith(
      "provider a: url leads to the machine of the bridge itself, its link or its cloud's metadata; write the address of a provider in the cluster or outside",
    ),
  },
  {
    ...url(
      'the same in an unusual spelling',
      'http://0x7f000001/v1',
      "url leads to 127.0.0.1, the machine of the bridge itself, its link or its cloud's metadata; write the address of a provider in the cluster or outside",
    ),
    cluster: accepted('Invalid'),
  },
  {
    mistake: 'a provider with a key of its own, and clients that nobody checks',
    spec: withProvider({ auth: { type: 'APIKey', secretRef: { name: 'key' } } }),
    beside: [secret('key', { apiKey: 'k' })],
    check:
      'provider a holds its own key, so clients must be checked: set clients.auth.type to APIKey, or to None if everyone who reaches this bridge may spend that key',
    cluster: REFUSED,
  },
  {
    mistake: 'a provider that waits for keys which clients do not bring',
    spec: withProvider({}, ANONYMOUS),
    check:
      'provider a waits for the keys of clients (auth.type Passthrough), but with clients.auth.type None they need to bring no key: set its auth.type to APIKey with a secretRef, or to None if it needs no key',
    cluster: REFUSED,
  },
  {
    mistake: 'a provider that waits for keys which never leave',
    spec: withProvider({}, { clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } } }),
    beside: [secret('clients', { alice: 'k' })],
    check:
      'provider a waits for the keys of clients (auth.type Passthrough), but with clients.auth.type APIKey their keys are checked here and never leave: set its auth.type to APIKey with a secretRef, or to None if it needs no key',
    cluster: REFUSED,
  },
  {
    mistake: 'a provider with a key, and no Secret is named',
    spec: withProvider({ auth: { type: 'APIKey' } }, ANONYMOUS),
    check:
      'auth.type APIKey of provider a needs the Secret with the key; write secretRef: {name: NAME, key: apiKey}',
    cluster: refusedWith(
      'auth.type APIKey needs the Secret with the key; write secretRef: {name: NAME, key: apiKey}',
    ),
  },
  {
    mistake: 'a Secret for a provider without a key',
    spec: withProvider({ auth: { type: 'None', secretRef: { name: 'x' } } }, ANONYMOUS),
    check: 'secretRef counts for type APIKey only, and type is None; write type: APIKey, or remove it',
    cluster: REFUSED,
  },
  {
    mistake: 'a header for a key that is not sent',
    spec: withProvider({ auth: { type: 'None', header: { name: 'api-key' } } }, ANONYMOUS),
    check: 'header counts for type APIKey only, and type is None; write type: APIKey, or remove it',
    cluster: REFUSED,
  },
  {
    mistake: 'a key in a header of the connection or of the bridge',
    spec: keyed({ auth: { type: 'APIKey', secretRef: { name: 'key' }, header: { name: 'host' } } }),
    beside: [secret('key', { apiKey: 'k' })],
    check:
      'host cannot carry a key: it belongs to the connection or to the bridge; write authorization, or the name this provider documents',
    cluster: REFUSED,
  },
  {
    mistake: 'a prefix before the key that no header can hold',
    spec: keyed({ auth: { type: 'APIKey', secretRef: { name: 'key' }, header: { prefix: 'Schlüssel ' } } }),
    beside: [secret('key', { apiKey: 'k' })],
    check: 'prefix must be printable ASCII, such as "Bearer "',
    cluster: refusedWith('must be printable ASCII, such as "Bearer "'),
  },
  {
    mistake: 'an entry of a Secret that cannot be',
    spec: keyed({ auth: { type: 'APIKey', secretRef: { name: 'key', key: 'a b' } } }),
    beside: [secret('key', { apiKey: 'k' })],
    check: 'key must be the name of an entry: letters, digits, hyphens, underscores and dots',
    cluster: refusedWith('must be the name of an entry: letters, digits, hyphens, underscores and dots'),
  },
  {
    mistake: 'a model of a provider with a wildcard within',
    spec: withProvider({ models: ['*a*'] }),
    check: '"*a*" is no pattern: one * may stand at the start or at the end; write gpt-*, *-mini or *',
    cluster: REFUSED,
  },
  mapping(
    'a mapping from a model with a wildcard within',
    { from: 'g*5', to: 'b' },
    '"g*5" is no pattern: one * may stand at the start or at the end; write gpt-*, *-mini or *',
  ),
  mapping(
    'a mapping to a model with two wildcards',
    { from: 'gpt-*', to: 'a-*-*' },
    '"a-*-*" has more than one *; write one at most',
  ),
  mapping(
    'a mapping to a wildcard from none',
    { from: 'gpt-5', to: 'a-*' },
    'the * of a-* stands for what the * of from matched, and from has none; write a model name',
  ),
  {
    mistake: 'two mappings of one model',
    spec: withProvider({
      modelMapping: [
        { from: 'gpt-5', to: 'b' },
        { from: 'gpt-5', to: 'c' },
      ],
    }),
    check: '"gpt-5" is the from of an earlier entry; write another, or remove one',
    cluster: refusedWith('spec.providers[0].modelMapping[1]: Duplicate value: {"from":"gpt-5"}'),
  },
  ...(['set', 'add'] as const).flatMap((change) => [
    header(
      `a header of the connection in headers.${change}`,
      { [change]: [{ name: 'sec-websocket-key', value: 'x' }] },
      'sec-websocket-key belongs to one connection and cannot be set; remove it',
    ),
    header(
      `a key in headers.${change}`,
      { [change]: [{ name: 'authorization', value: 'x' }] },
      'authorization carries a key, and keys are not written into routes: put it into a Secret and write auth: {type: APIKey, secretRef: {name: NAME}, header: {name: authorization}}',
    ),
    header(
      `host in headers.${change}`,
      { [change]: [{ name: 'host', value: 'x' }] },
      'host comes from url; write the host there, and tls.serverName for another certificate name',
    ),
    header(
      `a header of the bridge in headers.${change}`,
      { [change]: [{ name: 'content-type', value: 'x' }] },
      'content-type is written by the bridge for each request; remove it',
    ),
    ownKey(
      `the header of the provider’s own key in headers.${change}`,
      { [change]: [{ name: 'x-secret', value: 'x' }] },
      'x-secret carries a key, and keys are not written into routes: put it into a Secret and write auth: {type: APIKey, secretRef: {name: NAME}, header: {name: x-secret}}',
    ),
  ]),
  {
    ...header(
      'a header written twice',
      {
        set: [
          { name: 'x-a', value: 'x' },
          { name: 'x-a', value: 'y' },
        ],
      },
      '"x-a" is the name of an earlier entry; write another, or remove one',
    ),
    cluster: refusedWith('spec.providers[0].headers.set[1]: Duplicate value: {"name":"x-a"}'),
  },
  {
    ...header(
      'a header value with line breaks or outer spaces',
      { set: [{ name: 'x-lines', value: 'a\nb' }] },
      'value must be visible ASCII without line breaks or outer spaces',
    ),
    cluster: refusedWith('must be visible ASCII without line breaks or outer spaces'),
  },
  ownKey(
    'the header of the provider’s own key in headers.remove',
    { remove: ['x-secret'] },
    'x-secret carries the key of this provider; write auth: {type: None} if it needs none',
  ),
  header(
    'a header of the connection in headers.remove',
    { remove: ['x-turnbridge-via'] },
    'x-turnbridge-via is never passed to a provider; remove it',
  ),
  header(
    'a header of the bridge in headers.remove',
    { remove: ['accept'] },
    'accept is written by the bridge for each request; remove it',
  ),
  {
    mistake: 'two kinds of trust',
    spec: withProvider({ tls: { wellKnownCACertificates: 'System', caCertificateRefs: [{ name: 'ca' }] } }),
    beside: [configMap('ca', { 'ca.crt': CERTIFICATE })],
    check: 'one kind of trust counts: write caCertificateRefs or wellKnownCACertificates, not both',
    cluster: REFUSED,
  },
];

function url(mistake: string, text: string, check: string): MistakeRow {
  return { mistake, spec: { providers: [{ name: 'a', url: text }] }, check, cluster: REFUSED };
}

function mapping(mistake: string, entry: Fields, check: string): MistakeRow {
  return { mistake, spec: withProvider({ modelMapping: [entry] }), check, cluster: REFUSED };
}

function header(mistake: string, headers: Fields, check: string): MistakeRow {
  return { mistake, spec: withProvider({ headers }), check, cluster: REFUSED };
}

function ownKey(mistake: string, headers: Fields, check: string): MistakeRow {
  const auth = { type: 'APIKey', secretRef: { name: 'key' }, header: { name: 'x-secret', prefix: '' } };
  return {
    mistake,
    spec: keyed({ auth, headers }),
    beside: [secret('key', { apiKey: 'k' })],
    check,
    cluster: REFUSED,
  };
}
