/** A whole cluster: a control plane with all of its controllers, two nodes, Services and names. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlaneBinaries, NodeBinaries } from '../cluster/binaries.ts';
import { makeCertificates, type Certificates } from '../cluster/certificates.ts';
import { openControlPlane, type ControlPlane, type PartName } from '../cluster/control-plane.ts';
import { kubectlAt, type Kubectl } from '../cluster/kubectl.ts';
import { Part } from '../cluster/part.ts';
import { controlGroupOf } from './control-groups.ts';
import {
  clusterDomain,
  dnsReadyUrl,
  socketOf,
  writeCorefile,
  writeProxyConfig,
  type NodePlan,
} from './node-files.ts';
import type { NodeFacts } from './node-place.ts';
import { resolveNames } from './nodes-sandbox.ts';
import { startNode } from './open-node.ts';

export interface NodesOptions {
  readonly binaries: ControlPlaneBinaries & NodeBinaries;
  /** Of the run. */
  readonly folder: string;
  /** Of the sandbox: one for each node, from the first on. */
  readonly addresses: readonly string[];
  /** Archives that every node gets; the pause image among them. */
  readonly images: readonly string[];
}

/** Owns its processes. */
export interface Nodes extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly certificates: Certificates;
  readonly facts: readonly NodeFacts[];
  readonly logFolder: string;
  /** What does not run any more, with the end of its log. */
  failure(): string | undefined;
}

/** Two, so that a drained node's pods have somewhere to go. */
const nodeCount = 2;
/** The first address of the range of Services is the API server's own. */
const apiServiceAddress = '10.96.0.1';
/** Below ten seconds on a quiet machine. */
const readySeconds = 120;
/** Lines of a log that a failure shows, in characters. */
const maxShown = 4_000;

/** @throws Error with the log of the part that did not start. */
export async function openNodes({ binaries, folder, addresses, images }: NodesOptions): Promise<Nodes> {
  const [address = ''] = addresses;
  const logFolder = join(folder, 'log');
  await mkdir(logFolder);
  const plans = addresses.slice(0, nodeCount).map((own, index): NodePlan => {
    const name = `node${String(index + 1)}`;
    return {
      name,
      index,
      address: own,
      folder: join(folder, name),
      controlGroup: controlGroupOf(folder, name),
    };
  });
  const certificates = await makeCertificates(join(folder, 'pki'), [address, apiServiceAddress], plans);
  const { certificate, key } = certificates.admin;
  const plane = await openControlPlane({
    binaries,
    certificates,
    folder: join(folder, 'shared'),
    address,
    controllers: 'all',
    apiServerFlags: [
      `--kubelet-certificate-authority=${certificates.ca}`,
      `--kubelet-client-certificate=${certificate}`,
      `--kubelet-client-key=${key}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--allow-privileged=true',
    ],
  });
  const parts: Part[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.kill()));
    await plane.close();
  };
  try {
    const options = { certificates, logFolder, images, ...plane, kube: binaries.kube, dnsAddress: address };
    const started = await Promise.all(plans.map((plan) => startNode({ ...options, plan })));
    parts.push(...started.flat());
    // after the nodes: kube-proxy is told which one it is on
    const place = { folder, logFolder, address, hostname: 'node1' };
    parts.push(...(await startOthers(binaries, plane.kubeconfigPath, place)));
    await resolveNames(folder, address, clusterDomain);
    await untilReady(
      kubectlAt({ ...plane, kubectl: await callAs('kubectl', binaries.kube, folder), folder }),
      plans,
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    plane,
    certificates,
    facts: plans.map((plan) => ({
      name: plan.name,
      address: plan.address,
      containerdSocket: socketOf(plan),
    })),
    logFolder,
    failure: () => failureOf(plane, parts),
    [Symbol.asyncDispose]: close,
  };
}

interface OthersPlace {
  readonly folder: string;
  readonly logFolder: string;
  readonly address: string;
  readonly hostname: string;
}

/** Scheduler, Services and names: one of each. As the administrator, since nobody judges what these may do. */
async function startOthers(
  { kube, coredns }: NodesOptions['binaries'],
  kubeconfig: string,
  { folder, logFolder, address, hostname }: OthersPlace,
): Promise<readonly Part[]> {
  const isOk = async (url: string): Promise<boolean> => (await fetch(url)).ok;
  const proxyConfig = await writeProxyConfig(folder, kubeconfig, hostname);
  const corefile = await writeCorefile(folder, kubeconfig, address);
  const parts = [
    new Part({
      name: 'kube-scheduler',
      command: kube,
      args: ['kube-scheduler', `--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'],
      logFile: join(logFolder, 'scheduler.log'),
      isReady: async () => Promise.resolve(true), // pods that wait for it say so
    }),
    new Part({
      name: 'kube-proxy',
      command: kube,
      args: ['kube-proxy', `--config=${proxyConfig}`],
      logFile: join(logFolder, 'kube-proxy.log'),
      isReady: () => isOk('http://127.0.0.1:10256/healthz'),
    }),
    new Part({
      name: 'CoreDNS',
      command: coredns,
      args: ['-conf', corefile],
      logFile: join(logFolder, 'coredns.log'),
      isReady: () => isOk(dnsReadyUrl),
    }),
  ];
  await Promise.all(parts.map((part) => part.start()));
  return parts;
}

/** kube answers to the name that it is called by. @returns the path; the folder is on the PATH of the tests. */
async function callAs(name: string, program: string, folder: string): Promise<string> {
  const path = join(folder, name);
  await symlink(program, path);
  return path;
}

async function untilReady(kubectl: Kubectl, plans: readonly NodePlan[]): Promise<void> {
  const timeout = `--timeout=${String(readySeconds)}s`;
  for (const { name } of plans) {
    for (const fact of ['--for=create', '--for=condition=Ready']) {
      const { code, stderr } = await kubectl.run(['wait', fact, `node/${name}`, timeout], {
        timeoutMs: (readySeconds + 10) * 1_000,
      });
      if (code !== 0) throw new Error(`node ${name} does not become Ready: ${stderr}`);
    }
  }
}

const planeParts: readonly PartName[] = ['etcd', 'apiserver', 'controllers'];

function failureOf(plane: ControlPlane, parts: readonly Part[]): string | undefined {
  const show = (name: string, log: string): string => `${name} has ended:\n${log.slice(-maxShown)}`;
  const control = planeParts.find((name) => plane.pid(name) === undefined);
  if (control !== undefined) return show(control, plane.log(control));
  const part = parts.find(({ pid }) => pid === undefined);
  return part === undefined ? undefined : show(part.name, part.log);
}
