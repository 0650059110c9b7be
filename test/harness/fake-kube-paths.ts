/** What a request to the API server asks for: its path, its selectors, and the Status objects that say no. */

/** Any object of the API, as JSON. */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: ApiMetadata;
  [field: string]: unknown;
}

export interface ApiMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  [field: string]: unknown;
}

/** `/apis/turnbridge.dev/v1alpha1/namespaces/ai/responsesroutes/x/status`, taken apart. */
export interface ApiPath {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Undefined for paths that are no resource: `/readyz`, `/version`. */
export function parseApiPath(path: string): ApiPath | undefined {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : (parts.shift() ?? '');
  const version = parts.shift();
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [resource, name, subresource, ...more] = parts;
  if (version === undefined || resource === undefined || resource === '' || more.length > 0) return undefined;
  return { group, version, namespace, resource, name, subresource };
}

/** `turnbridge.dev/v1alpha1`, `v1`. */
export function apiVersionOf({ group, version }: Pick<ApiPath, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The collection that an object of this kind lives in: its kind in lower case and an s, which holds for all that tests use. */
export function collectionOf(apiVersion: string, kind: string): string {
  return `${apiVersion}/${kind.toLowerCase()}s`;
}

/** Whether an object is one of those that were asked for. Unknown operators are a mistake of the test's. */
export type Selector = (object: ApiObject) => boolean;

/** `metadata.name=x,spec.bridgeName!=y`, and labels: `a=b`, `a!=b`, `a`, `!a`, `a in (b,c)`. */
export function toSelector(fields: string | null, labels: string | null): Selector {
  const tests = [...clauses(fields).map(fieldTest), ...clauses(labels).map(labelTest)];
  return (object) => tests.every((test) => test(object));
}

function clauses(text: string | null): string[] {
  return (text ?? '')
    .split(/,(?![^(]*\))/)
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '');
}

function fieldTest(clause: string): Selector {
  const match = /^([^=!]+)(==?|!=)(.*)$/.exec(clause);
  if (match === null) throw new Error(`fake-kube does not know the field selector ${clause}`);
  const [, path = '', operator, wanted = ''] = match;
  return (object) => {
    const value = path
      .split('.')
      .reduce<unknown>((at, field) => (at as Record<string, unknown> | undefined)?.[field], object);
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    return operator === '!=' ? text !== wanted : text === wanted;
  };
}

function labelTest(clause: string): Selector {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(clause);
  if (set !== null) {
    const wanted = new Set((set[3] ?? '').split(',').map((value) => value.trim()));
    return (object) => wanted.has(object.metadata.labels?.[set[1] ?? ''] ?? '') === (set[2] === 'in');
  }
  const match = /^(!?)([^=!\s]+)(?:(==?|!=)(.*))?$/.exec(clause);
  if (match === null) throw new Error(`fake-kube does not know the label selector ${clause}`);
  const [, not, label = '', operator, wanted = ''] = match;
  return (object) => {
    const value = object.metadata.labels?.[label];
    if (operator === undefined) return (value !== undefined) === (not === '');
    return operator === '!=' ? value !== wanted : value === wanted;
  };
}

/** A refusal, as the API server words it. */
export class ApiRefusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The Status object of a refusal. */
export function statusObject(status: number, reason: string, message: string): Record<string, unknown> {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code: status };
}
