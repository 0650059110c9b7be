/**
 * A real control plane from its own sources: etcd, and every Kubernetes component in one binary. Both are Go modules;
 * go.mod and go.sum in `parts/` pin them. About six minutes of two cores once per machine, two thirds of it Kubernetes;
 * afterwards the cache has them. They need 2.4 GB of memory to link and 3.5 GB of disk for Go's own cache.
 */
import { join } from 'node:path';
import { ensureGoProgram } from '../harness/go-program.ts';

export interface ControlPlaneBinaries {
  readonly etcd: string;
  /** Its first argument names the component: `kube kube-apiserver …`, `kube kubectl …`. */
  readonly kube: string;
}

const moduleFolder = join(import.meta.dirname, 'parts');
/** As in go.mod. The oldest Kubernetes that the project promises to work with is older; this is what its tests run. */
const kubeVersion = '1.36.3';
const etcdVersion = '3.6.16';

const corednsVersion = '1.14.7';
const helmVersion = '4.2.4';
const helm3Version = '3.21.4';

/** Measured: 6 minutes alone on two cores with downloads, 11 beside other work. */
const buildTimeoutMs = 30 * 60_000;

/** Strips symbols: nobody debugs these. */
const linkFlags = '-s -w';

/** Built from a module and not from a checkout, Kubernetes does not know its own version; several parts refuse to work then. */
function kubeLinkFlags(): string {
  const [major, minor] = kubeVersion.split('.');
  const stamps = {
    gitVersion: `v${kubeVersion}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: 'from-module',
    buildDate: '1970-01-01T00:00:00Z', // no real one: the same inputs have to give the same bytes
  };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const flags = packages.flatMap((name) =>
    Object.entries(stamps).map(([key, value]) => `-X ${name}.${key}=${String(value)}`),
  );
  return [linkFlags, ...flags].join(' ');
}

/**
 * Paths of the binaries, built now unless the cache has them. Needs Go 1.26 and its module proxy.
 * @throws Error with Go's output when there is no Go, or a build fails.
 */
export async function ensureControlPlane(): Promise<ControlPlaneBinaries> {
  const etcd = await ensureGoProgram({
    name: 'etcd',
    cacheName: `etcd-${etcdVersion}`,
    moduleFolder,
    target: './etcd',
    linkFlags,
    timeoutMs: buildTimeoutMs,
  });
  const kube = await ensureGoProgram({
    name: 'kube',
    cacheName: `kube-${kubeVersion}`,
    moduleFolder,
    target: './kube',
    linkFlags: kubeLinkFlags(),
    timeoutMs: buildTimeoutMs,
  });
  return { etcd, kube };
}

/** What a cluster with nodes has beside its control plane, and what installs a chart. */
export interface NodeBinaries {
  readonly coredns: string;
  /** The container that holds a pod's namespaces. Static. */
  readonly pause: string;
  readonly helm: string;
  /** The release line before, which many still use. */
  readonly helm3: string;
}

/** As {@link ensureControlPlane}: four more minutes the first time, for Helm. */
export async function ensureNodeBinaries(): Promise<NodeBinaries> {
  const [major, minor] = kubeVersion.split('.');
  const build = (name: string, version: string, target: string, stamps: readonly string[]): Promise<string> =>
    ensureGoProgram({
      name,
      cacheName: `${name}-${version}`,
      moduleFolder,
      target,
      linkFlags: [linkFlags, ...stamps.map((stamp) => `-X ${stamp}`)].join(' '),
      timeoutMs: buildTimeoutMs,
    });
  // without these, Helm 3 renders for Kubernetes 1.20 wherever it is not told what the cluster is
  const helm3Stamps = ['helm.sh/helm/v3/pkg/chartutil', 'helm.sh/helm/v3/pkg/lint/rules'].flatMap((name) => [
    `${name}.k8sVersionMajor=${String(major)}`,
    `${name}.k8sVersionMinor=${String(minor)}`,
  ]);
  return {
    coredns: await build('coredns', corednsVersion, './coredns', []),
    pause: await build('pause', '1', './pause', []),
    helm: await build('helm', helmVersion, 'helm.sh/helm/v4/cmd/helm', [
      `helm.sh/helm/v4/internal/version.version=v${helmVersion}`,
    ]),
    helm3: await build('helm3', helm3Version, 'helm.sh/helm/v3/cmd/helm', [
      `helm.sh/helm/v3/internal/version.version=v${helm3Version}`,
      ...helm3Stamps,
    ]),
  };
}
