/** The pods in rendered objects, of whatever kind makes them. */
import type { KubeObject } from '../render.ts';

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources?: { readonly requests?: object; readonly limits?: Readonly<Record<string, string>> };
  readonly securityContext?: Readonly<Record<string, unknown>>;
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
  readonly topologySpreadConstraints?: readonly Readonly<Record<string, unknown>>[];
}

export interface Pod {
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

/** By the name of the object that makes it. */
export function podsOf(objects: readonly KubeObject[]): ReadonlyMap<string, Pod> {
  return new Map(
    objects.flatMap((object): [string, Pod][] => {
      const name = `${object.kind}/${object.metadata.name}`;
      const spec = object['spec'] as { template?: { metadata: { labels: Pod['labels'] }; spec: PodSpec } };
      if (object.kind === 'Pod')
        return [[name, { labels: object.metadata.labels ?? {}, spec: object['spec'] as PodSpec }]];
      if (object.kind !== 'Deployment' || spec.template === undefined) return [];
      return [[name, { labels: spec.template.metadata.labels, spec: spec.template.spec }]];
    }),
  );
}

/** @throws Error where there is none of that name */
export function podOf(objects: readonly KubeObject[], name: string): Pod {
  const pod = podsOf(objects).get(name);
  if (pod === undefined)
    throw new Error(`there is no ${name} among ${[...podsOf(objects).keys()].join(', ')}`);
  return pod;
}
