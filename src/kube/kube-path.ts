/** Paths of the API, made of names that cannot change them. */

/** A resource, or one object of it. */
export interface ApiResource {
  /** Left out for the core group. */
  readonly group?: string;
  readonly version: string;
  /** Left out for resources of the cluster, and for those of all namespaces. */
  readonly namespace?: string | undefined;
  /** Plural: `secrets`. */
  readonly resource: string;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** RFC 1123: what names of objects and groups may be. The server has the same rule. */
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_SUBDOMAIN_CHARS = 253;

/** Namespaces have no dots. */
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const MAX_LABEL_CHARS = 63;

/** Versions, resources and subresources are ours; this is for mistakes of ours. */
const word = /^[a-z][a-z0-9]*$/;

/** Long enough to recognise a name, short enough for a line. */
const MAX_SHOWN_CHARS = 80;

/**
 * `/apis/GROUP/VERSION/namespaces/NS/RESOURCE/NAME/SUBRESOURCE`, as far as given.
 * @throws Error for a part that is no such name: `../x` would otherwise ask for something else.
 */
export function apiPath(of: ApiResource): string {
  const { group, version, namespace, resource, name, subresource } = of;
  const parts = group === undefined ? ['api'] : ['apis', subdomain('group', group)];
  parts.push(plain('version', version));
  if (namespace !== undefined) parts.push('namespaces', label('namespace', namespace));
  parts.push(plain('resource', resource));
  if (name !== undefined) parts.push(subdomain('name', name));
  if (subresource !== undefined) {
    if (name === undefined) throw new Error(`${resource}/${subresource} needs the name of an object`);
    parts.push(plain('subresource', subresource));
  }
  return `/${parts.join('/')}`;
}

function subdomain(what: string, value: string): string {
  const rule = 'lower case letters, digits, "-" and ".", at most 253 characters';
  return checked(what, value, dnsSubdomain, MAX_SUBDOMAIN_CHARS, rule);
}

function label(what: string, value: string): string {
  return checked(
    what,
    value,
    dnsLabel,
    MAX_LABEL_CHARS,
    'lower case letters, digits and "-", at most 63 characters',
  );
}

function plain(what: string, value: string): string {
  return checked(what, value, word, MAX_LABEL_CHARS, 'lower case letters and digits');
}

function checked(what: string, value: string, pattern: RegExp, maxChars: number, rule: string): string {
  if (value.length <= maxChars && pattern.test(value)) return value;
  throw new Error(`${JSON.stringify(value.slice(0, MAX_SHOWN_CHARS))} cannot be a ${what}: ${rule}`);
}
