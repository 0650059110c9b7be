/**
 * Credentials as kubectl has them: files, contexts, exec plugins, and the service account of a pod. Read by
 * client-node, which costs half a second and 90 MB: it is loaded when this is first asked.
 */
import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClock } from './kube-clock.ts';
import type { CredentialSource, KubeCredentials } from './kube-credentials.ts';

/** Files are read again after this: projected tokens are replaced long before they run out (client-go does the same). */
export const CREDENTIALS_AGE_MS = 60_000;

/** A plugin that has not answered by then is asked anew: it may hang, and client-node neither ends it nor gives it up. */
export const GIVE_UP_READING_MS = 60_000;
/** Readings that were given up and run on: with as many, nobody starts one more process that hangs. */
export const MAX_GIVEN_UP = 3;

/** Where to look. */
export type CredentialPlace =
  /** The service account of this pod; `root` is put in front of its folder, in tests. */
  | { readonly kind: 'pod'; readonly root?: string | undefined }
  /** A kubeconfig; several, divided as in KUBECONFIG, are merged. The current context, or this one. */
  | { readonly kind: 'file'; readonly path: string; readonly context?: string | undefined };

/** One identity on one cluster. Holds no connection, needs no closing. */
export class KubeconfigCredentials implements CredentialSource {
  readonly #place: CredentialPlace;
  readonly #clock: KubeClock;
  #config: KubeConfig | undefined;
  #latest: { readonly credentials: KubeCredentials; readonly readAtMs: number } | undefined;
  #reading: Promise<KubeCredentials> | undefined;
  #givenUp = 0;

  constructor(place: CredentialPlace, clock: KubeClock) {
    this.#place = place;
    this.#clock = clock;
  }

  async current(): Promise<KubeCredentials> {
    const latest = this.#latest;
    if (latest !== undefined && this.#clock.now() - latest.readAtMs < CREDENTIALS_AGE_MS)
      return latest.credentials;
    return this.#read();
  }

  async renew(refused: KubeCredentials): Promise<KubeCredentials> {
    const latest = this.#latest;
    if (latest !== undefined && latest.credentials !== refused) return latest.credentials;
    // What a plugin told is remembered until its own date; it was just refused, so it is asked again.
    this.#config = undefined;
    return this.#read();
  }

  /** One at a time: all who ask meanwhile share it. */
  #read(): Promise<KubeCredentials> {
    this.#reading ??= this.#begin();
    return this.#reading;
  }

  #begin(): Promise<KubeCredentials> {
    const giveUp = this.#clock.setTimer(GIVE_UP_READING_MS, () => {
      if (this.#givenUp >= MAX_GIVEN_UP) return;
      this.#givenUp += 1;
      this.#reading = undefined;
    });
    const reading = this.#load().finally(() => {
      giveUp.cancel();
      if (this.#reading === reading) this.#reading = undefined;
      else this.#givenUp -= 1;
    });
    return reading;
  }

  async #load(): Promise<KubeCredentials> {
    const readAtMs = this.#clock.now();
    // A plugin keeps its answer in the object, and is slow; files are read anew with it.
    if (this.#config?.getCurrentUser()?.exec === undefined) this.#config = await loadConfig(this.#place);
    const config = this.#config;
    if (config === undefined) throw new Error('the kubeconfig could not be read');
    const credentials = await toCredentials(config, this.#place);
    // one that was given up may come after the next
    if (this.#latest === undefined || this.#latest.readAtMs <= readAtMs)
      this.#latest = { credentials, readAtMs };
    return credentials;
  }
}

async function loadConfig(place: CredentialPlace): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  if (place.kind === 'pod') {
    config.loadFromCluster(place.root);
    // It reads the environment, and says "undefined" where there is none.
    if (config.getCurrentCluster()?.server.includes('undefined') !== false) {
      throw new Error(
        'not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; name a kubeconfig instead',
      );
    }
    return config;
  }
  const [first = '', ...more] = place.path.split(delimiter).filter((path) => path !== '');
  readFileInto(config, first);
  for (const path of more) {
    const next = new Config();
    readFileInto(next, path);
    config.mergeConfig(next, true);
  }
  if (place.context !== undefined) config.setCurrentContext(place.context);
  return config;
}

function noContext(config: KubeConfig, place: CredentialPlace): string {
  const contexts = config.getContexts().map(({ name }) => name);
  const known = contexts.length === 0 ? 'it has none' : `it has ${contexts.join(', ')}`;
  const file = `the kubeconfig${place.kind === 'file' ? ` ${place.path}` : ''}`;
  // not set, where neither the file nor the caller names one
  const current: string | undefined = config.getCurrentContext();
  return current
    ? `${file} has no context ${JSON.stringify(current)} with a cluster; ${known}`
    : `${file} has no current context; name one of its contexts (${known})`;
}

/** @throws Error with a sentence */
function readFileInto(config: KubeConfig, path: string): void {
  const mistake = mistakeInFile(config, path);
  if (mistake !== undefined) throw new Error(mistake);
}

/** Reads it, or says why not. What the parser says is not passed on, not even as a cause: it quotes the file. */
function mistakeInFile(config: KubeConfig, path: string): string | undefined {
  try {
    config.loadFromFile(path);
    return undefined;
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    if (typeof code === 'string') return unreadable(path, code);
    return `the file ${path} is no kubeconfig, or a broken one: see kubectl --kubeconfig ${path} config view; or name another, such as ~/.kube/config`;
  }
}

function unreadable(path: string, code: string): string {
  switch (code) {
    case 'ENOENT':
      return `there is no kubeconfig at ${path}; name the path of one, such as ~/.kube/config`;
    case 'EISDIR':
      return `the kubeconfig ${path} is a folder; name the file in it`;
    default:
      return `the kubeconfig ${path} cannot be read (${code}); is it readable for the user who runs this?`;
  }
}

async function toCredentials(config: KubeConfig, place: CredentialPlace): Promise<KubeCredentials> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(noContext(config, place));
  }
  if (cluster.proxyUrl?.startsWith('socks') === true)
    throw new Error(
      'proxy-url of the kubeconfig is a SOCKS proxy; only http:// and https:// ones can be used',
    );
  const found: Found = {};
  await config.applyToHTTPSOptions(found);
  const { headers = {}, auth, ca, cert, key, passphrase, servername, rejectUnauthorized } = found;
  return {
    server: cluster.server,
    headers: {
      ...(auth !== undefined && { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
      ...lowerCased(headers),
    },
    tls: { ca, cert, key, passphrase, servername, rejectUnauthorized },
    proxyUrl: cluster.proxyUrl,
  };
}

/** What client-node fills in, of all that TLS could be told. */
interface Found {
  headers?: Record<string, string>;
  auth?: string;
  ca?: Buffer;
  cert?: Buffer | string;
  key?: Buffer | string;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** A token file ends with a line break, which no header may hold. */
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]),
  );
}
