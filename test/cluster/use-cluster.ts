/** What the test files of this folder begin with: the API server that all of them share. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { openApi, type Api } from './api.ts';
import { writeKubeconfig, type Credentials } from './certificates.ts';
import { kubectlAt, type Kubectl, type KubectlOptions, type KubectlResult } from './kubectl.ts';
import { runPlace, type RunPlace } from './run-place.ts';
import { endAll } from './end-all.ts';
import { endNamespace } from './end-namespace.ts';

/** Everything made through it is gone after the last test of the file. */
export interface Cluster {
  /** Of an administrator. */
  readonly kubeconfigPath: string;
  /** Addresses of this machine that are not loopback: where a provider may listen that a route names. */
  readonly addresses: readonly string[];
  /** As the administrator. The same one each time; closed at the end. */
  adminClient(): Promise<Api>;
  /** As the user of a token; anonymous without one. Closed at the end. */
  clientOf(token?: string): Promise<Api>;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** A new namespace, empty but for what controllers put in. @returns its name. */
  namespace(): Promise<string>;
  /** `https://HOST:PORT`, without a slash at the end. */
  serverUrl(): Promise<string>;
  /** PEM, the text. */
  ca(): Promise<string>;
  /** Of a service account, which is made if it is missing. Good for an hour. */
  token(namespace: string, serviceAccount: string): Promise<string>;
  /** @returns the path of a new kubeconfig. */
  kubeconfig(options?: KubeconfigOptions): Promise<string>;
  /** Done after the last test of the file, what was said last first, while clients and namespaces are still there. */
  atEnd(work: () => Promise<unknown>): void;
}

export interface KubeconfigOptions {
  /** The service account; the administrator without one. */
  readonly as?: { readonly namespace: string; readonly serviceAccount: string };
  /** Another address of the same API server: a proxy before it. `https://127.0.0.1:PORT`. */
  readonly serverUrl?: string;
  /** The default one for kubectl. */
  readonly namespace?: string;
}

/** Marks what is ours, for whoever finds it in their own test cluster. */
const labels = { 'turnbridge.dev/test': 'true' };

/** Call it once, outside of tests. @throws Error when the tests were not started by `npm run test:cluster`. */
export function useCluster(): Cluster {
  const opened = openCluster(runPlace());
  afterAll(() => opened.end());
  return opened.cluster;
}

export interface OpenedCluster {
  readonly cluster: Cluster;
  /** Deletes what was made, and closes the clients. */
  end(): Promise<void>;
  /** Closes the clients alone: where the control plane goes away with all that was made. */
  close(): Promise<void>;
}

/** A cluster as tests see it: that of a place. Whoever opens it ends it. */
export function openCluster(place: RunPlace): OpenedCluster {
  const kubectl = kubectlAt(place);
  const atEnd: (() => Promise<unknown>)[] = [];
  const clients: Api[] = [];
  const namespaces: string[] = [];
  let reading: Promise<Connection> | undefined;
  const connection = (): Promise<Connection> => (reading ??= readConnection(kubectl));
  const open = (client: Api): Api => {
    clients.push(client);
    return client;
  };
  let admin: Promise<Api> | undefined;
  const cluster: Cluster = {
    kubeconfigPath: place.kubeconfigPath,
    addresses: place.addresses,
    adminClient: () => (admin ??= connection().then((found) => open(openAdmin(found)))),
    async clientOf(token) {
      const { serverUrl, ca } = await connection();
      return open(openApi(serverUrl, { tls: { ca }, ...(token === undefined ? {} : { token }) }));
    },
    kubectl: (args, options) => kubectl.run(args, options),
    async namespace() {
      const name = `test-${randomBytes(4).toString('hex')}`;
      const api = await cluster.adminClient();
      await api.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name, labels } } });
      namespaces.push(name);
      return name;
    },
    serverUrl: async () => (await connection()).serverUrl,
    ca: async () => (await connection()).ca,
    async token(namespace, serviceAccount) {
      const api = await cluster.adminClient();
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      const made = await api.ask({ method: 'POST', path, body: { metadata: { name: serviceAccount } } });
      if (made.status !== 201 && made.status !== 409)
        throw new Error(`no service account: ${String(made.status)}`);
      const { status } = await api.request<{ status: { token: string } }>({
        method: 'POST',
        path: `${path}/${serviceAccount}/token`,
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 3_600 },
        },
      });
      return status.token;
    },
    async kubeconfig({ as, serverUrl, namespace } = {}) {
      const found = await connection();
      const path = join(place.folder, `${randomBytes(6).toString('hex')}.kubeconfig`);
      const target = {
        serverUrl: serverUrl ?? found.serverUrl,
        ca: found.ca,
        ...(namespace === undefined ? {} : { namespace }),
      };
      if (as !== undefined) {
        const token = await cluster.token(as.namespace, as.serviceAccount);
        await writeKubeconfig(path, target, { kind: 'token', token });
      } else if (place.own === undefined) {
        await writeFile(path, await readFile(place.kubeconfigPath)); // whatever way of logging in it has
      } else {
        const credentials: Credentials = { kind: 'certificate', pair: place.own.certificates.admin };
        await writeKubeconfig(path, target, credentials);
      }
      return path;
    },
    atEnd: (work) => void atEnd.push(work),
  };
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
  };
  const end = async (): Promise<void> => {
    await endAll([
      ...atEnd.toReversed(),
      async () => {
        const api = await cluster.adminClient();
        await Promise.all(namespaces.map((name) => endNamespace(api, name)));
      },
      close,
    ]);
  };
  return { cluster, end, close };
}

/** Of the administrator's kubeconfig. */
interface Connection {
  readonly serverUrl: string;
  /** PEM texts. */
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

function openAdmin({ serverUrl, ca, cert, key, token }: Connection): Api {
  const pair = cert === undefined || key === undefined ? {} : { cert, key };
  return openApi(serverUrl, { tls: { ca, ...pair }, ...(token === undefined ? {} : { token }) });
}

interface FlatKubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string } },
  ];
  readonly users: readonly [
    {
      readonly user: {
        readonly 'client-certificate-data'?: string;
        readonly 'client-key-data'?: string;
        readonly token?: string;
      };
    },
  ];
}

/** Asks kubectl, which knows every form of the file. */
async function readConnection(kubectl: Kubectl): Promise<Connection> {
  const { code, stdout, stderr } = await kubectl.run([
    'config',
    'view',
    '--raw',
    '--minify',
    '--flatten',
    '-o',
    'json',
  ]);
  if (code !== 0) throw new Error(`the kubeconfig cannot be read: ${stderr}`);
  const { clusters, users } = JSON.parse(stdout) as FlatKubeconfig;
  const { server, 'certificate-authority-data': ca = '' } = clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key, token } = users[0].user;
  if (cert === undefined && token === undefined) {
    throw new Error(
      'the user in KUBECONFIG needs a client certificate or a token; plugins are not supported',
    );
  }
  const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
  return {
    serverUrl: server.replace(/\/$/, ''),
    ca: decode(ca),
    ...(cert === undefined || key === undefined ? {} : { cert: decode(cert), key: decode(key) }),
    ...(token === undefined ? {} : { token }),
  };
}
