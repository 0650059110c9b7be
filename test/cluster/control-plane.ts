/** A real etcd and a real API server on ports of this machine, and where asked for the controllers that look after it. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openApi, type Api } from './api.ts';
import type { ControlPlaneBinaries } from './binaries.ts';
import { writeKubeconfig, type Certificates } from './certificates.ts';
import { freePorts } from './free-ports.ts';
import { Part } from './part.ts';

/** `controllers` runs only where it was asked for. */
export type PartName = 'etcd' | 'apiserver' | 'controllers';

export interface ControlPlaneOptions {
  readonly binaries: ControlPlaneBinaries;
  readonly certificates: Certificates;
  /** Of its own: data, kubeconfig. Made, and removed by `close`. */
  readonly folder: string;
  /** Not loopback; the API server announces it. */
  readonly address: string;
  /**
   * Also the controllers: with true namespaces that end, aggregated roles, owners, service accounts; `all` for a cluster
   * with nodes.
   */
  readonly controllers?: boolean | 'all';
  /** More flags for the API server. */
  readonly apiServerFlags?: readonly string[];
}

/** Owns its processes and its folder. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`. Stays the same over restarts. */
  readonly serverUrl: string;
  /** PEM, the text. */
  readonly ca: string;
  /** Of an administrator. */
  readonly kubeconfigPath: string;
  /** As that administrator. */
  readonly admin: Api;
  /** SIGKILL; connections are reset, new ones refused until `start`. */
  kill(part: PartName): Promise<void>;
  /** Starts what was killed, and waits until it serves. */
  start(part: PartName): Promise<void>;
  /** Kills it if it runs, starts it, and waits until it serves (2.5 s for an API server). */
  restart(part: PartName): Promise<void>;
  /** SIGSTOP: connections stay open and silent. */
  freeze(part: PartName): void;
  thaw(part: PartName): void;
  /**
   * Makes etcd forget every older version, now. A running API server still knows what it has seen itself: restart it,
   * and write something, to have an older resourceVersion refused with 410.
   */
  compact(): Promise<void>;
  /** What it printed, the last part of it. */
  log(part: PartName): string;
  pid(part: PartName): number | undefined;
  /** May be called twice. */
  close(): Promise<void>;
}

/**
 * What tests without a node need of the controllers. All of them would be 40 more, which look after workloads that no node here
 * could run.
 */
const controllers = [
  'namespace-controller',
  'clusterrole-aggregation-controller',
  'garbage-collector-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
];

/**
 * Starts one and waits until it serves: about 4 s.
 * @throws Error with the end of the log of the part that did not start.
 */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { certificates, folder } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [clientPort, peerPort, port] = await freePorts(3);
  const serverUrl = `https://127.0.0.1:${String(port)}`;
  const etcdUrl = `http://127.0.0.1:${String(clientPort)}`;
  const kubeconfigPath = join(folder, 'admin.kubeconfig');
  const ca = await readFile(certificates.ca, 'utf8');
  await writeKubeconfig(kubeconfigPath, { serverUrl, ca }, { kind: 'certificate', pair: certificates.admin });
  const cert = await readFile(certificates.admin.certificate, 'utf8');
  const admin = openApi(serverUrl, {
    tls: { ca, cert, key: await readFile(certificates.admin.key, 'utf8') },
  });
  const parts: Record<PartName, Part> = {
    etcd: etcdPart(options, etcdUrl, `http://127.0.0.1:${String(peerPort)}`),
    apiserver: apiServerPart(options, { etcdUrl, port: Number(port), serverUrl, ca }),
    controllers: controllersPart(options, kubeconfigPath, admin),
  };
  const plane: ControlPlane = {
    serverUrl,
    ca,
    kubeconfigPath,
    admin,
    kill: (part) => parts[part].kill(),
    start: (part) => parts[part].start(),
    async restart(part) {
      await parts[part].kill();
      await parts[part].start();
    },
    freeze: (part) => parts[part].freeze(),
    thaw: (part) => parts[part].thaw(),
    compact: () => compact(etcdUrl),
    log: (part) => parts[part].log,
    pid: (part) => parts[part].pid,
    async close() {
      await Promise.all(Object.values(parts).map((part) => part.kill()));
      await admin.close();
      await rm(folder, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => plane.close(),
  };
  try {
    // the API server waits for etcd by itself, and most of its start needs none
    await Promise.all([parts.etcd.start(), parts.apiserver.start()]);
    if (options.controllers !== undefined && options.controllers !== false) await parts.controllers.start();
  } catch (error) {
    await plane.close();
    throw error;
  }
  return plane;
}

function etcdPart({ binaries, folder }: ControlPlaneOptions, url: string, peerUrl: string): Part {
  return new Part({
    name: 'etcd',
    command: binaries.etcd,
    args: toFlags({
      name: 'test',
      'data-dir': join(folder, 'etcd'),
      'log-level': 'warn',
      'unsafe-no-fsync': 'true', // what a test wrote need not outlive the machine
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': `test=${peerUrl}`,
    }),
    isReady: async () => (await fetch(`${url}/health`)).ok,
  });
}

interface ApiServerPlace {
  readonly etcdUrl: string;
  readonly port: number;
  readonly serverUrl: string;
  readonly ca: string;
}

function apiServerPart(options: ControlPlaneOptions, { etcdUrl, port, serverUrl, ca }: ApiServerPlace): Part {
  const { binaries, certificates, address, apiServerFlags = [] } = options;
  const flags = toFlags({
    'etcd-servers': etcdUrl,
    'bind-address': '0.0.0.0',
    'secure-port': String(port),
    'advertise-address': address,
    'tls-cert-file': certificates.server.certificate,
    'tls-private-key-file': certificates.server.key,
    'client-ca-file': certificates.ca,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': certificates.serviceAccounts.publicKey,
    'service-account-signing-key-file': certificates.serviceAccounts.key,
    'service-cluster-ip-range': '10.96.0.0/16',
    profiling: 'false',
  });
  return new Part({
    name: 'kube-apiserver',
    command: binaries.kube,
    args: ['kube-apiserver', ...flags, ...apiServerFlags],
    // a connection of its own each time: the pool's would be one to the process before
    async isReady() {
      await using api = openApi(serverUrl, { tls: { ca } });
      return (await api.ask({ path: '/readyz', timeoutMs: 5_000 })).status === 200;
    },
  });
}

function controllersPart(options: ControlPlaneOptions, kubeconfig: string, admin: Api): Part {
  const flags = toFlags({
    kubeconfig,
    controllers: options.controllers === 'all' ? '*' : controllers.join(','),
    'leader-elect': 'false',
    'secure-port': '0', // nobody asks it for anything
    'root-ca-file': options.certificates.ca,
    'service-account-private-key-file': options.certificates.serviceAccounts.key,
    'kube-api-qps': '300', // its own default makes service accounts late by seconds
    'kube-api-burst': '600',
    profiling: 'false',
  });
  return new Part({
    name: 'kube-controller-manager',
    command: options.binaries.kube,
    args: ['kube-controller-manager', ...flags],
    isReady: async () =>
      (await admin.ask({ path: '/api/v1/namespaces/default/serviceaccounts/default' })).status === 200,
  });
}

function toFlags(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

/** Speaks etcd's own gateway of JSON to its gRPC. */
async function compact(etcdUrl: string): Promise<void> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`etcd answered ${String(response.status)} to ${path}: ${text}`);
    return JSON.parse(text);
  };
  const anyKey = Buffer.from('/').toString('base64');
  const { header } = (await post('/v3/kv/range', { key: anyKey })) as { header: { revision: string } };
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}
