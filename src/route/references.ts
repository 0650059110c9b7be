/** What routes refer to: Secrets and ConfigMaps of their own namespace. */
import { X509Certificate } from 'node:crypto';
import { sha256 } from './content-hash.ts';
import { errorAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { ProviderResource } from './provider-resource.ts';
import { Secret } from './secret.ts';
import type { ClientKey } from './snapshot.ts';

/** Finds objects by namespace and name; undefined when there is none. */
export interface ReferenceLookup {
  /** The entries of a Secret, by name. */
  secret(namespace: string, name: string): ReadonlyMap<string, Secret> | undefined;
  configMap(namespace: string, name: string): ReadonlyMap<string, string> | undefined;
  /** Namespaces that have an object of this name, for a hint. Left out where a route's author may not know them. */
  namespacesOf?(kind: 'Secret' | 'ConfigMap', name: string): readonly string[];
}

/** Where a reference stands, and what collects the problems with it. */
export interface ReferenceScope {
  readonly namespace: string;
  readonly lookup: ReferenceLookup;
  /**
   * `Tolerated`: the objects may live elsewhere (a file for a cluster is checked); what is missing is then taken as
   * empty, and the result must not be served.
   */
  readonly missing: 'Refused' | 'Tolerated';
  readonly problems: Problem[];
}

/** The key of a provider, or undefined after a problem was told. */
export function resolveProviderKey(
  ref: { readonly name: string; readonly key: string },
  path: Path,
  scope: ReferenceScope,
): Secret | undefined {
  const entries = findEntries('Secret', ref.name, path, scope);
  if (entries === undefined) return scope.missing === 'Tolerated' ? new Secret('') : undefined;
  const entry = entries.get(ref.key);
  const object = `Secret ${scope.namespace}/${ref.name}`;
  if (entry === undefined) {
    scope.problems.push(errorAt([...path, 'key'], missingEntry(object, ref.key, [...entries.keys()])));
    return undefined;
  }
  const key = usableKey(entry);
  if (typeof key !== 'string') {
    scope.problems.push(errorAt([...path, 'key'], `entry ${ref.key} of ${object} ${key.mistake}`));
    return undefined;
  }
  return new Secret(key);
}

/**
 * The keys of clients, as digests: each entry of the Secret is one client. Undefined after a problem was told.
 *
 * @param path Of the secretRef.
 */
export function resolveClientKeys(
  ref: { readonly name: string },
  path: Path,
  scope: ReferenceScope,
): readonly ClientKey[] | undefined {
  const entries = findEntries('Secret', ref.name, path, scope);
  if (entries === undefined) return scope.missing === 'Tolerated' ? [] : undefined;
  const at = [...path, 'name'];
  const object = `Secret ${scope.namespace}/${ref.name}`;
  if (entries.size === 0) {
    scope.problems.push(
      errorAt(at, `${object} has no entry, so no client could come in; add one for each client`),
    );
    return undefined;
  }
  const keys: ClientKey[] = [];
  const owners = new Map<string, string>();
  let isSound = true;
  for (const [name, entry] of entries) {
    const key = usableKey(entry);
    const digest = sha256(typeof key === 'string' ? key : '');
    const owner = typeof key === 'string' ? owners.get(digest.toString('hex')) : undefined;
    if (typeof key === 'string' && owner === undefined) {
      owners.set(digest.toString('hex'), name);
      keys.push({ name, sha256: digest });
      continue;
    }
    isSound = false;
    const mistake =
      typeof key === 'string'
        ? `has the same key as entry ${owner}, and clients are told apart by their keys; give each its own`
        : key.mistake;
    scope.problems.push(errorAt(at, `entry ${name} of ${object} ${mistake}`));
  }
  return isSound ? keys : undefined;
}

/** The authorities of a provider as PEM; undefined: those of the system, or a problem was told. */
export function resolveAuthorities(
  refs: ProviderResource['tls']['caCertificateRefs'],
  path: Path,
  scope: ReferenceScope,
): string | undefined {
  const bundles: string[] = [];
  refs.forEach((ref, index) => {
    const at = [...path, index];
    const entries = findEntries(ref.kind, ref.name, at, scope);
    if (entries === undefined) return;
    const object = `${ref.kind} ${scope.namespace}/${ref.name}`;
    const entry = entries.get(ref.key);
    if (entry === undefined) {
      scope.problems.push(errorAt([...at, 'key'], missingEntry(object, ref.key, [...entries.keys()])));
      return;
    }
    const bundle = toCertificates(entry.reveal());
    if (bundle === undefined) {
      scope.problems.push(
        errorAt(
          [...at, 'key'],
          `entry ${ref.key} of ${object} holds no valid PEM certificates; write a CA bundle`,
        ),
      );
      return;
    }
    bundles.push(bundle);
  });
  return bundles.length === 0 ? undefined : bundles.join('\n');
}

function findEntries(
  kind: 'Secret' | 'ConfigMap',
  name: string,
  path: Path,
  { namespace, lookup, missing, problems }: ReferenceScope,
): ReadonlyMap<string, Secret> | undefined {
  const entries =
    kind === 'Secret' ? lookup.secret(namespace, name) : wrap(lookup.configMap(namespace, name));
  if (entries === undefined && missing === 'Refused') {
    const [elsewhere] = lookup.namespacesOf?.(kind, name) ?? [];
    const advice =
      elsewhere === undefined
        ? 'add it, or write the name of one that exists there'
        : `there is one in namespace ${elsewhere}: write namespace: ${namespace} into its metadata`;
    problems.push(
      errorAt([...path, 'name'], `there is no ${kind} ${name} in namespace ${namespace}; ${advice}`),
    );
  }
  return entries;
}

function wrap(entries: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, Secret> | undefined {
  return entries && new Map([...entries].map(([name, text]) => [name, new Secret(text)]));
}

function missingEntry(object: string, key: string, names: readonly string[]): string {
  const there = names.length === 0 ? 'it is empty' : `it has ${names.slice(0, 8).join(', ')}`;
  return `${object} has no entry ${key} (${there}); add it, or write the name of another`;
}

/** A key is sent as a header. What editors and `echo` leave behind it, a line break, is not part of it. */
function usableKey(entry: Secret): string | { readonly mistake: string } {
  const key = entry.reveal().replace(/[\r\n]+$/, '');
  if (key === '') return { mistake: 'is empty; write the key' };
  if (!/^[\x21-\x7e]+$/.test(key)) {
    return { mistake: 'holds spaces, line breaks or other characters that no key has; write the key alone' };
  }
  return key;
}

/** The certificates of a bundle without what stands between them; undefined when one is broken or there is none. */
function toCertificates(bundle: string): string | undefined {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const certificates = blocks.map((block) => new X509Certificate(block).toString().trim());
    return certificates.length === 0 ? undefined : certificates.join('\n');
  } catch {
    // Whatever OpenSSL says about it, the person has to replace the bundle.
    return undefined;
  }
}
