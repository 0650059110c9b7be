/** One node: a containerd and a kubelet, until closed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificates } from '../cluster/certificates.ts';
import { writeKubeconfig } from '../cluster/certificates.ts';
import { Part } from '../cluster/part.ts';
import { mustRun, runCommand } from '../harness/run-command.ts';
import { makeControlGroup } from './control-groups.ts';
import { kubeletPorts, socketOf, writeNodeFiles, type NodePlan } from './node-files.ts';

export interface NodeOptions {
  readonly plan: NodePlan;
  readonly certificates: Certificates;
  /** The multi-call binary. */
  readonly kube: string;
  readonly serverUrl: string;
  /** PEM, the text. */
  readonly ca: string;
  readonly dnsAddress: string;
  readonly logFolder: string;
  /** Archives that it has before its first pod. */
  readonly images: readonly string[];
}

/** A gigabyte of layers takes a few seconds; this is for a slow disk. */
const importTimeoutMs = 3 * 60_000;

/** Starts it; Ready is for the caller to await. @returns its processes, which the caller ends. */
export async function startNode(options: NodeOptions): Promise<readonly Part[]> {
  const { plan, certificates, logFolder } = options;
  await mkdir(plan.folder, { recursive: true });
  makeControlGroup(plan.controlGroup);
  const files = await writeNodeFiles(plan, certificates, options.dnsAddress);
  const kubeconfig = join(plan.folder, 'kubelet.kubeconfig');
  const pair = certificates.kubelets[plan.name];
  if (pair === undefined)
    throw new Error(`node ${plan.name} has no certificate: name it in makeCertificates`);
  await writeKubeconfig(
    kubeconfig,
    { serverUrl: options.serverUrl, ca: options.ca },
    { kind: 'certificate', pair },
  );
  const containerd = new Part({
    name: `containerd of ${plan.name}`,
    command: 'containerd',
    args: ['--config', files.containerd, '--log-level', 'info'],
    logFile: join(logFolder, `containerd-${plan.name}.log`),
    isReady: async () => (await runCommand('ctr', ['-a', socketOf(plan), 'version'])).code === 0,
  });
  const kubelet = new Part({
    name: `kubelet of ${plan.name}`,
    command: options.kube,
    args: [
      'kubelet',
      `--config=${files.kubelet}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${join(plan.folder, 'kubelet')}`,
      `--cert-dir=${join(plan.folder, 'kubelet-certificates')}`,
      `--hostname-override=${plan.name}`,
      `--node-ip=${plan.address}`,
      '--v=2',
    ],
    logFile: join(logFolder, `kubelet-${plan.name}.log`),
    isReady: async () => (await fetch(`http://127.0.0.1:${String(kubeletPorts(plan).health)}/healthz`)).ok,
  });
  await containerd.start();
  try {
    // the pause image must be there first; a kubelet would try to pull it
    for (const image of options.images) await importImage(socketOf(plan), image);
    await kubelet.start();
  } catch (error) {
    await containerd.kill();
    throw error;
  }
  return [kubelet, containerd];
}

/** Gives an archive to a node. @throws Error with what ctr said. */
export async function importImage(containerdSocket: string, archive: string): Promise<void> {
  const words = ['-a', containerdSocket, '-n', 'k8s.io', 'images', 'import', archive];
  await mustRun('ctr', words, { timeoutMs: importTimeoutMs });
}

/** One more name for an image that a node has. @throws Error with what ctr said. */
export async function tagImage(containerdSocket: string, image: string, name: string): Promise<void> {
  await mustRun('ctr', ['-a', containerdSocket, '-n', 'k8s.io', 'images', 'tag', '--force', image, name]);
}
