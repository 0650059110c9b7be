/** One mistake in a route, and who says it in a cluster; with what rows are made of. */

export interface RouteMistake {
  /** As the docs tell it. */
  readonly mistake: string;
  readonly section: Section;
  /** `spec` of the route. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Instead of `{ name: route }`. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly apiVersion?: string;
  /** What stands beside the route: Secrets, ConfigMaps, and older routes. */
  readonly beside?: readonly Readonly<Record<string, unknown>>[];
  /** The sentence of `turnbridge check --cluster`; NAMESPACE stands for the namespace of the route. */
  readonly check: string;
  readonly cluster: InCluster;
}

/** A mistake before it is put into its section. */
export type MistakeRow = Omit<RouteMistake, 'section'>;

export type Section =
  'form' | 'requests' | 'clients' | 'providers' | 'what else passes' | 'references' | 'other routes';

/** Who tells it in a cluster. */
export type InCluster =
  /** The API server, in the words of the check. */
  | { readonly by: 'API server' }
  /** The API server, in words of its own; this is part of them. */
  | { readonly by: 'API server'; readonly says: string }
  /** The API server to clients that ask for strict validation, as kubectl does; from others it drops the field. */
  | { readonly by: 'strict clients'; readonly says: string }
  /** The operator, in the words of the check. */
  | { readonly by: 'status'; readonly condition: 'Accepted' | 'ResolvedRefs'; readonly reason: string }
  /** The operator, with this in its words: where the check knows more than the route's author may. */
  | {
      readonly by: 'status';
      readonly condition: 'Accepted' | 'ResolvedRefs';
      readonly reason: string;
      readonly says: string;
    }
  /** It cannot be, or means nothing there. */
  | { readonly by: 'nobody'; readonly because: string };

export type Fields = Readonly<Record<string, unknown>>;

/** By the API server, in the words of the check. */
export const REFUSED: InCluster = { by: 'API server' };

/** By the API server; this is part of what it says. */
export function refusedWith(says: string): InCluster {
  return { by: 'API server', says };
}

/** By the operator, in the condition Accepted. */
export function accepted(reason: string, says?: string): InCluster {
  return { by: 'status', condition: 'Accepted', reason, ...(says !== undefined && { says }) };
}

/** By the operator, in the condition ResolvedRefs. */
export function resolved(reason: string, says?: string): InCluster {
  return { by: 'status', condition: 'ResolvedRefs', reason, ...(says !== undefined && { says }) };
}

/** A sound provider with these fields. */
export function provider(fields: Fields = {}): Fields {
  return { name: 'a', url: 'https://a.example.com/v1', ...fields };
}

/** A spec of one provider with these fields. */
export function withProvider(fields: Fields, rest: Fields = {}): Fields {
  return { providers: [provider(fields)], ...rest };
}

/** A spec with these fields and a provider that asks for nothing. */
export function withSpec(fields: Fields): Fields {
  return { providers: [provider()], ...fields };
}

/** Clients that need no key. */
export const ANONYMOUS = { clients: { auth: { type: 'None' } } };

export function secret(name: string, stringData: Fields, namespace?: string): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, ...(namespace && { namespace }) },
    stringData,
  };
}

export function configMap(name: string, data: Fields): Fields {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

export function olderRoute(name: string, spec: Fields, namespace?: string): Fields {
  return {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { name, ...(namespace && { namespace }) },
    spec,
  };
}

/** A spec whose provider has a key of its own; the Secret is `key`. */
export function keyed(fields: Fields): Fields {
  return withProvider({ auth: { type: 'APIKey', secretRef: { name: 'key' } }, ...fields }, ANONYMOUS);
}
