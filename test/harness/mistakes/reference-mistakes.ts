import { configMap, keyed, resolved, secret, withProvider } from './mistake-row.ts';
import type { MistakeRow } from './mistake-row.ts';

const CHECKED = (name: string) =>
  withProvider({ auth: { type: 'None' } }, { clients: { auth: { type: 'APIKey', secretRef: { name } } } });

/** What a route refers to. */
export const REFERENCE_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'a Secret that is not there',
    spec: keyed({}),
    check:
      'there is no Secret key in namespace NAMESPACE; add it, or write the name of one that exists there',
    cluster: resolved('SecretNotFound'),
  },
  {
    mistake: 'a Secret that is in another namespace',
    spec: keyed({}),
    beside: [secret('key', { apiKey: 'k' }, 'elsewhere')],
    check:
      'there is no Secret key in namespace NAMESPACE; there is one in namespace elsewhere: write namespace: NAMESPACE into its metadata',
    // whoever writes routes need not know what other namespaces hold
    cluster: resolved(
      'SecretNotFound',
      'there is no Secret key in namespace NAMESPACE; add it, or write the name of one that exists there',
    ),
  },
  {
    mistake: 'an entry that the Secret does not have',
    spec: keyed({}),
    beside: [secret('key', { token: 'k' })],
    check: 'Secret NAMESPACE/key has no entry apiKey (it has token); add it, or write the name of another',
    cluster: resolved(
      'SecretKeyMissing',
      'Secret NAMESPACE/key has no entry apiKey; add it, or write the name of another',
    ),
  },
  {
    mistake: 'an entry that is empty',
    spec: keyed({}),
    beside: [secret('key', { apiKey: '' })],
    check: 'entry apiKey of Secret NAMESPACE/key is empty; write the key',
    cluster: resolved('SecretKeyMissing'),
  },
  {
    mistake: 'an entry that is no key',
    spec: keyed({}),
    beside: [secret('key', { apiKey: 'a b' })],
    check:
      'entry apiKey of Secret NAMESPACE/key holds spaces, line breaks or other characters that no key has; write the key alone',
    cluster: resolved('SecretKeyMissing'),
  },
  {
    mistake: 'a variable that nobody replaced',
    spec: keyed({}),
    beside: [secret('key', { apiKey: '${OPENAI_API_KEY}' })],
    check: 'environment variable OPENAI_API_KEY is not set; set it before the start, or write another',
    cluster: resolved(
      'SecretKeyMissing',
      'entry apiKey of Secret NAMESPACE/key still holds a variable, and a cluster replaces none; write the key itself, or apply the file through envsubst',
    ),
  },
  {
    mistake: 'a Secret of clients that is not there',
    spec: CHECKED('clients'),
    check:
      'there is no Secret clients in namespace NAMESPACE; add it, or write the name of one that exists there',
    cluster: resolved('SecretNotFound'),
  },
  {
    mistake: 'a Secret of clients without entries',
    spec: CHECKED('clients'),
    beside: [secret('clients', {})],
    check: 'Secret NAMESPACE/clients has no entry, so no client could come in; add one for each client',
    cluster: resolved('SecretKeyMissing'),
  },
  {
    mistake: 'two clients with one key',
    spec: CHECKED('clients'),
    beside: [secret('clients', { alice: 'k', bob: 'k' })],
    check:
      'entry bob of Secret NAMESPACE/clients has the same key as entry alice, and clients are told apart by their keys; give each its own',
    cluster: resolved(
      'SecretKeyMissing',
      'has the same key as another, and clients are told apart by their keys; give each its own',
    ),
  },
  {
    mistake: 'authorities that are not there',
    spec: withProvider({ tls: { caCertificateRefs: [{ name: 'ca' }] } }),
    check:
      'there is no ConfigMap ca in namespace NAMESPACE; add it, or write the name of one that exists there',
    cluster: resolved('InvalidCACertificateRef'),
  },
  {
    mistake: 'authorities in another entry',
    spec: withProvider({ tls: { caCertificateRefs: [{ name: 'ca' }] } }),
    beside: [configMap('ca', { other: 'x' })],
    check: 'ConfigMap NAMESPACE/ca has no entry ca.crt (it has other); add it, or write the name of another',
    cluster: resolved(
      'InvalidCACertificateRef',
      'ConfigMap NAMESPACE/ca has no entry ca.crt; add it, or write the name of another',
    ),
  },
  {
    mistake: 'authorities that are no certificates',
    spec: withProvider({ tls: { caCertificateRefs: [{ name: 'ca' }] } }),
    beside: [configMap('ca', { 'ca.crt': 'no certificate' })],
    check: 'entry ca.crt of ConfigMap NAMESPACE/ca holds no valid PEM certificates; write a CA bundle',
    cluster: resolved('InvalidCACertificateRef'),
  },
];
