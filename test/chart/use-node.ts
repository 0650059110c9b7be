/** What test files on the real cluster begin with: two nodes, which all of them share, and what they do there. */
import { beforeAll } from '@jest/globals';
import { endAll } from '../cluster/end-all.ts';
import type { KubectlOptions, KubectlResult } from '../cluster/kubectl.ts';
import { useCluster, type Cluster } from '../cluster/use-cluster.ts';
import { until } from '../harness/wait-for.ts';
import { helm, type HelmOptions } from './helm.ts';
import { nodePlace, type NodeFacts } from './node-place.ts';
import { importImage, tagImage } from './open-node.ts';
import { install, type InstallOptions, type Release } from './release.ts';

/** Everything made through it is gone after the last test of the file. */
export interface NodeCluster {
  /** The same cluster, as test/cluster knows it: clients of the API server, tokens, kubeconfigs. */
  readonly cluster: Cluster;
  readonly nodes: readonly NodeFacts[];
  /** The product's image: `localhost/turnbridge:test`. */
  readonly image: string;
  /**
   * IPv4 addresses of the sandbox, for what a test listens with: pods reach them. The first two are the nodes' own;
   * the last are rather free.
   */
  readonly addresses: readonly string[];
  /** However it ends. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** @returns standard output. @throws Error with what kubectl said, unless it ended with 0. */
  mustKubectl(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** `get` with these words, as objects. */
  get<T>(args: readonly string[]): Promise<T>;
  /** YAML, one object, or several. @throws Error with what kubectl said. */
  apply(objects: string | object, namespace?: string): Promise<string>;
  helm(args: readonly string[], options?: HelmOptions): Promise<string>;
  /** A new namespace. `enforce: 'restricted'` has the API server refuse pods that are not. @returns its name. */
  namespace(options?: NamespaceOptions): Promise<string>;
  /** Uninstalled after the last test, if it is installed then. */
  install(options: InstallOptions): Promise<Release>;
  /** Gives an archive to all nodes. */
  importImage(archive: string): Promise<void>;
  /** Gives the product's image one more name on all nodes. */
  tagImage(name: string): Promise<void>;
  /** Those of a selector, `app.kubernetes.io/component=bridge`, without those that end. */
  pods(namespace: string, selector: string): Promise<readonly Pod[]>;
  /** Waits until so many pods of a selector are ready, and no other is left. */
  readyPods(namespace: string, selector: string, count: number): Promise<readonly Pod[]>;
  /** Of one pod. */
  podLog(namespace: string, pod: string, flags?: readonly string[]): Promise<string>;
  /** Done after the last test of the file, what was said last first, before namespaces end. */
  atEnd(work: () => Promise<unknown>): void;
}

export interface NamespaceOptions {
  readonly enforce?: 'restricted' | 'baseline';
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly nodeName?: string; readonly [field: string]: unknown };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state: Readonly<Record<string, object>>;
}

/** A pod is ready two seconds after it was asked for; this is for a machine that does much else. */
const readyMs = 120_000;

/** Call it once, outside of tests. @throws Error when the tests were not started by `npm run test:chart`. */
export function useNode(): NodeCluster {
  const place = nodePlace();
  const cluster = useCluster();
  const mustKubectl = async (args: readonly string[], options?: KubectlOptions): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${String(code)}:\n${stderr}`);
    return stdout;
  };
  const get = async <T>(args: readonly string[]): Promise<T> =>
    JSON.parse(await mustKubectl(['get', ...args, '-o', 'json'])) as T;
  const pods = async (namespace: string, selector: string): Promise<readonly Pod[]> => {
    const { items } = await get<{ items: readonly Pod[] }>(['pods', '-n', namespace, '-l', selector]);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const releases: Release[] = [];
  const work: (() => Promise<unknown>)[] = [];
  cluster.atEnd(() =>
    endAll([...work.toReversed(), ...releases.map((release) => () => release.uninstall())]),
  );
  // a cluster that is down is told here, once, and not by whatever fails first
  beforeAll(async () => {
    for (const { name } of place.nodes) {
      await mustKubectl(['wait', '--for=condition=Ready', `node/${name}`, '--timeout=60s']);
    }
  }, 130_000);
  return {
    cluster,
    nodes: place.nodes,
    image: place.image,
    addresses: place.addresses,
    kubectl: (args, options) => cluster.kubectl(args, options),
    mustKubectl,
    get,
    apply: (objects, namespace) =>
      mustKubectl(['apply', ...(namespace === undefined ? [] : ['-n', namespace]), '-f', '-'], {
        stdin: objects,
      }),
    helm,
    async namespace({ enforce, labels = {} } = {}) {
      const name = await cluster.namespace();
      const security = enforce === undefined ? {} : { 'pod-security.kubernetes.io/enforce': enforce };
      const words = Object.entries({ ...security, ...labels }).map(([key, value]) => `${key}=${value}`);
      if (words.length > 0) await mustKubectl(['label', 'namespace', name, ...words]);
      return name;
    },
    async install(options) {
      try {
        const release = await install(options);
        releases.push(release);
        return release;
      } catch (cause) {
        throw new Error(`${(cause as Error).message}\n${await toldBy(mustKubectl, options.namespace)}`, {
          cause,
        });
      }
    },
    async importImage(archive) {
      await Promise.all(place.nodes.map((node) => importImage(node.containerdSocket, archive)));
    },
    async tagImage(name) {
      await Promise.all(
        place.nodes.map(({ containerdSocket }) => tagImage(containerdSocket, place.image, name)),
      );
    },
    pods,
    readyPods: (namespace, selector, count) =>
      until(
        async () => {
          const found = await pods(namespace, selector);
          return found.length === count && found.every(isReady) && found;
        },
        `${String(count)} ready pods of ${selector} in ${namespace}`,
        readyMs,
      ),
    podLog: (namespace, pod, flags = []) => mustKubectl(['logs', '-n', namespace, pod, ...flags]),
    atEnd: (each) => void work.push(each),
  };
}

export function isReady(pod: Pod): boolean {
  return pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/** What a person would look at next. */
async function toldBy(
  mustKubectl: (args: readonly string[]) => Promise<string>,
  namespace: string,
): Promise<string> {
  const words = [
    ['get', 'pods', '-n', namespace, '-o', 'wide'],
    ['get', 'events', '-n', namespace, '--sort-by=.lastTimestamp'],
    [
      'logs',
      '-n',
      namespace,
      '-l',
      'app.kubernetes.io/name=turnbridge',
      '--all-containers',
      '--tail=20',
      '--prefix',
    ],
  ];
  const told = await Promise.all(words.map((each) => mustKubectl(each).catch(String)));
  return told.join('\n');
}
