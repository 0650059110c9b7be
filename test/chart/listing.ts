/** Everything that a cluster has: for what an installation leaves behind. */
import type { NodeCluster } from './use-node.ts';

interface Listed {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What comes and goes by itself. */
const fleeting =
  /^(events|leases\.coordination|endpointslices|endpoints$|componentstatuses|pods\.metrics|nodes\.metrics)/;

/** `Kind NAMESPACE/NAME`, or `Kind NAME`; of every kind that can be listed and deleted, but what is {@link fleeting}. */
export async function listEverything(node: NodeCluster): Promise<ReadonlySet<string>> {
  const resources = await node.mustKubectl(['api-resources', '--verbs=list,delete', '-o', 'name']);
  const kinds = resources.split('\n').filter((name) => name !== '' && !fleeting.test(name));
  const { items } = await node.get<{ items: readonly Listed[] }>([kinds.join(','), '--all-namespaces']);
  const leases = await node.get<{ items: readonly Listed[] }>(['leases', '--all-namespaces']);
  const own = leases.items.filter(({ metadata }) => metadata.namespace?.startsWith('kube-') !== true);
  return new Set([...items, ...own].map(toLine));
}

/** What the second has and the first has not, sorted. */
export function added(before: ReadonlySet<string>, after: ReadonlySet<string>): readonly string[] {
  return [...after].filter((line) => !before.has(line)).sort();
}

function toLine({ kind, metadata: { name, namespace } }: Listed): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}
