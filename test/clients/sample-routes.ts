/** The samples of manifests/samples, made to work where there is no network: what a user changes, changed. */
import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { tlsFixture } from '../harness/tls-front.ts';

/** Where the stand-ins for all providers listen. */
export interface StandIns {
  /** `http://HOST:PORT`, of a scripted provider. */
  readonly plain: string;
  /** `https://HOST:PORT`, before the same provider, with the certificate of test/fixtures/tls. */
  readonly secure: string;
  /** The host by which clients call the bridge: takes the place of a sample's hostnames. */
  readonly bridgeHost: string;
}

/** A document of a sample, as JSON. */
export interface SampleDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

interface SampleProvider {
  url: string;
  tls?: { caCertificateRefs?: readonly unknown[]; serverName?: string };
}

/** The name in the certificate of test/fixtures/tls. */
const certifiedName = 'provider.test';

/** The key that {@link readSample} puts in the place of a variable. */
export function keyOf(variable: string): string {
  return `key-of-${variable}`;
}

/**
 * The documents of a sample, with each variable filled in as `envsubst` would, each provider's origin replaced (base
 * path and everything else stay), and the stand-in's authority in the place of a company's.
 *
 * @param name `openai.yaml`
 */
export async function readSample(name: string, standIns: StandIns): Promise<readonly SampleDocument[]> {
  const file = new URL(`../../manifests/samples/${name}`, import.meta.url);
  const text = (await readFile(file, 'utf8')).replace(/\$\{(\w+)\}/g, (_, variable: string) =>
    keyOf(variable),
  );
  const documents = parseAllDocuments(text).map((document) => document.toJS() as SampleDocument);
  for (const document of documents) {
    if (document.kind === 'ConfigMap') Object.assign(document, { data: { 'ca.crt': tlsFixture('ca.pem') } });
    if (document.kind !== 'ResponsesRoute') continue;
    const spec = document['spec'] as { hostnames?: readonly string[]; providers: readonly SampleProvider[] };
    if ((spec.hostnames ?? []).length > 0) spec.hostnames = [standIns.bridgeHost];
    for (const provider of spec.providers) moveProvider(provider, standIns);
  }
  return documents;
}

function moveProvider(provider: SampleProvider, { plain, secure }: StandIns): void {
  const { pathname, protocol } = new URL(provider.url);
  const hasOwnAuthority = (provider.tls?.caCertificateRefs ?? []).length > 0;
  const origin = hasOwnAuthority ? secure : plain;
  provider.url = `${protocol.startsWith('ws') ? origin.replace(/^http/, 'ws') : origin}${pathname}`;
  if (provider.tls?.serverName !== undefined) provider.tls.serverName = certifiedName;
}
