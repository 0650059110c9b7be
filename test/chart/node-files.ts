/** The configuration files of what runs on a node. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificates } from '../cluster/certificates.ts';

/** A node is a kubelet and a containerd; several live in one network. */
export interface NodePlan {
  readonly name: string;
  /** From 0: ports and networks are numbered by it. */
  readonly index: number;
  /** IPv4, of the sandbox. */
  readonly address: string;
  /** Its own; containers, logs and volumes are below. */
  readonly folder: string;
  readonly controlGroup: string;
}

/** Where pods get their addresses: `10.97.1.0/24` for the first node. */
export const podNetwork = '10.97.0.0/16';
/** Of the cluster's DNS: a process of the sandbox, not a pod. */
export const clusterDomain = 'cluster.local';
export const pauseImage = 'localhost/pause:1';

export const socketOf = ({ folder }: NodePlan): string => join(folder, 'containerd.sock');
export const kubeletPorts = ({ index }: NodePlan): { readonly api: number; readonly health: number } => ({
  api: 10_250 + 100 * index,
  health: 10_248 + 100 * index,
});

export interface NodeFiles {
  readonly containerd: string;
  readonly kubelet: string;
}

/** Writes them into the node's folder. @returns their paths. */
export async function writeNodeFiles(
  node: NodePlan,
  certificates: Certificates,
  dnsAddress: string,
): Promise<NodeFiles> {
  for (const name of ['cni', 'kubelet', 'pod-logs', 'volume-plugins']) {
    await mkdir(join(node.folder, name), { recursive: true });
  }
  const files = {
    containerd: join(node.folder, 'containerd.toml'),
    kubelet: join(node.folder, 'kubelet.json'),
  };
  const resolvConf = join(node.folder, 'resolv.conf');
  await writeFile(resolvConf, `nameserver ${dnsAddress}\n`);
  await writeFile(files.containerd, containerdConfig(node));
  await writeFile(join(node.folder, 'cni/10-pods.conflist'), JSON.stringify(podNetworkConfig(node)));
  const kubelet = kubeletConfig(node, certificates, { dnsAddress, resolvConf });
  await writeFile(files.kubelet, JSON.stringify(kubelet));
  return files;
}

/** Snapshotters and tracing that the kernel or the machine does not have, and would complain about. */
const unusedPlugins = [
  'snapshotter.v1.aufs',
  'snapshotter.v1.btrfs',
  'snapshotter.v1.devmapper',
  'snapshotter.v1.zfs',
  'internal.v1.opt',
  'tracing.processor.v1.otlp',
  'internal.v1.tracing',
].map((name) => `io.containerd.${name}`);

function containerdConfig(node: NodePlan): string {
  const text = JSON.stringify; // a JSON string is a TOML basic string
  return `version = 2
root = ${text(join(node.folder, 'containerd'))}
state = ${text(join(node.folder, 'state'))}
oom_score = 0
disabled_plugins = ${text(unusedPlugins)}
[grpc]
  address = ${text(socketOf(node))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(pauseImage)}
  # without CAP_SYS_RESOURCE, as in a container, scores cannot be lowered
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  max_container_log_line_size = 262144
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = ${text(join(node.folder, 'cni'))}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

function podNetworkConfig({ index, folder }: NodePlan): object {
  const number = String(index + 1);
  const bridge = {
    type: 'bridge',
    bridge: `pods${number}`,
    isGateway: true,
    hairpinMode: true, // a pod reaches itself through its Service
    ipMasq: false,
    mtu: 1500,
    ipam: {
      type: 'host-local',
      dataDir: join(folder, 'addresses'),
      ranges: [[{ subnet: `10.97.${number}.0/24` }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [bridge, { type: 'portmap', capabilities: { portMappings: true } }],
  };
}

function kubeletConfig(
  node: NodePlan,
  certificates: Certificates,
  { dnsAddress, resolvConf }: { readonly dnsAddress: string; readonly resolvConf: string },
): object {
  const pair = certificates.kubelets[node.name];
  const ports = kubeletPorts(node);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${socketOf(node)}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${node.controlGroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    address: '0.0.0.0',
    port: ports.api,
    healthzBindAddress: '127.0.0.1',
    healthzPort: ports.health,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificates.ca },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pair?.certificate,
    tlsPrivateKeyFile: pair?.key,
    clusterDomain,
    clusterDNS: [dnsAddress],
    resolvConf,
    podLogsDir: join(node.folder, 'pod-logs'),
    volumePluginDir: join(node.folder, 'volume-plugins'),
    serializeImagePulls: false,
    imageGCHighThresholdPercent: 100, // an image that is collected cannot be pulled again
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    nodeStatusUpdateFrequency: '5s',
    syncFrequency: '10s', // so late a changed Secret may reach a volume, at worst; the default is a minute
  };
}

/** @returns the path. kubeconfig of an administrator: nobody judges what this one may do. */
export async function writeProxyConfig(
  folder: string,
  kubeconfig: string,
  hostname: string,
): Promise<string> {
  const path = join(folder, 'kube-proxy.json');
  const soon = { minSyncPeriod: '50ms' }; // a second otherwise, in which a Service refuses
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig },
    clusterCIDR: podNetwork,
    hostnameOverride: hostname,
    bindAddress: '0.0.0.0',
    metricsBindAddress: '127.0.0.1:10249',
    healthzBindAddress: '127.0.0.1:10256',
    oomScoreAdj: 0,
    nftables: soon,
    iptables: soon,
    // the machine's own tables are not for a test to size
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** Where CoreDNS says that it is ready. */
export const dnsReadyUrl = 'http://127.0.0.1:8189/ready';

/** @returns the path. Names of the cluster are answered, all others do not exist. */
export async function writeCorefile(folder: string, kubeconfig: string, address: string): Promise<string> {
  const path = join(folder, 'Corefile');
  // two blocks: in one, the template would answer before the names of the cluster are looked up
  const text = `${clusterDomain}:53 in-addr.arpa:53 {
  bind ${address}
  errors
  kubernetes ${clusterDomain} in-addr.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    ttl 1
  }
}
.:53 {
  bind ${address}
  errors
  ready ${new URL(dnsReadyUrl).host}
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`;
  await writeFile(path, text);
  return path;
}
