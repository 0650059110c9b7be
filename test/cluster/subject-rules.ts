/** What somebody may do in a namespace, as `kubectl auth can-i --list` says it, beyond what everybody may. */
import type { Api } from './api.ts';
import type { RbacRule } from './rbac-manifests.ts';
import type { Cluster } from './use-cluster.ts';

interface SubjectRules {
  readonly status: {
    readonly resourceRules: readonly RbacRule[];
    readonly nonResourceRules: readonly {
      readonly verbs: readonly string[];
      readonly nonResourceURLs?: readonly string[];
    }[];
    readonly incomplete: boolean;
  };
}

/**
 * One line for each resource and set of names, `GROUP/RESOURCE [NAMES] VERBS`, each once, sorted: what is of the core
 * group begins with a slash. What counts in the whole cluster is there in every namespace; `path /metrics get` is no object.
 * @throws Error when the API server does not know all rules.
 */
export async function rightsIn(cluster: Cluster, client: Api, namespace: string): Promise<readonly string[]> {
  const nobody = await cluster.clientOf(await cluster.token(namespace, 'nobody'));
  const common = new Set(await linesOf(nobody, namespace));
  const notable = [...common].filter((line) => /^[^/ ]*\/.*(secrets|turnbridge|\*)/.test(line));
  if (notable.length > 0) throw new Error(`everybody may already: ${notable.join('; ')}`);
  return sorted((await linesOf(client, namespace)).filter((line) => !common.has(line)));
}

async function linesOf(client: Api, namespace: string): Promise<readonly string[]> {
  const { status } = await client.request<SubjectRules>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    body: { spec: { namespace } },
  });
  if (status.incomplete) throw new Error(`the API server does not know all rules in ${namespace}`);
  const paths = status.nonResourceRules.flatMap(({ verbs, nonResourceURLs = [] }) =>
    nonResourceURLs.map((path) => `path ${path} ${sorted(verbs).join(' ')}`),
  );
  return [...new Set([...status.resourceRules.flatMap(toLines), ...paths])];
}

/** Of one rule, its lines. */
export function toLines({ apiGroups, resources, resourceNames = [], verbs }: RbacRule): readonly string[] {
  const names = resourceNames.length === 0 ? '' : ` [${sorted(resourceNames).join(' ')}]`;
  return apiGroups.flatMap((group) =>
    resources.map((resource) => `${group}/${resource}${names} ${sorted(verbs).join(' ')}`),
  );
}

export function sorted(lines: readonly string[]): readonly string[] {
  return [...lines].sort();
}
