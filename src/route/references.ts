/** What routes refer to: Secrets and ConfigMaps of their own namespace. */
import { X509Certificate } from 'node:crypto';
import { sha256 } from './content-hash.ts';
import { errorAt } from './problem.ts';
import type { Path, Problem, ProblemReason } from './problem.ts';
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

/**
 * What becomes of a route that refers to what is missing or unusable. `Refused`: it is not served. `LeftOut`: it is,
 * without the providers and client keys that are meant: in a cluster a Secret comes and goes by itself. `Tolerated`:
 * what is missing may live elsewhere (a file for a cluster is checked) and is taken as empty; the result must not be
 * served.
 */
export type MissingReferences = 'Refused' | 'LeftOut' | 'Tolerated';

/** Where a reference stands, and what collects the problems with it. */
export interface ReferenceScope {
  readonly namespace: string;
  readonly lookup: ReferenceLookup;
  readonly missing: MissingReferences;
  readonly problems: Problem[];
}

type ReferenceReason = Extract<
  ProblemReason,
  'SecretNotFound' | 'SecretKeyMissing' | 'InvalidCACertificateRef'
>;

/** The key of a provider, or undefined after a problem was told. */
export function resolveProviderKey(
  ref: { readonly name: string; readonly key: string },
  path: Path,
  scope: ReferenceScope,
): Secret | undefined {
  const entries = findEntries('Secret', ref.name, path, scope, 'SecretNotFound');
  if (entries === undefined) return scope.missing === 'Tolerated' ? new Secret('') : undefined;
  const tell = (message: string): void =>
    void scope.problems.push(errorAt([...path, 'key'], message, 'SecretKeyMissing'));
  const entry = entries.get(ref.key);
  const object = `Secret ${scope.namespace}/${ref.name}`;
  if (entry === undefined) {
    tell(missingEntry(object, ref.key, entries, scope));
    return undefined;
  }
  const key = usableKey(entry, scope);
  if (typeof key !== 'string') {
    tell(`entry ${ref.key} of ${object} ${key.mistake}`);
    return undefined;
  }
  return new Secret(key);
}

/**
 * The keys of clients, as digests: each entry of the Secret is one client. After a problem was told: undefined, or
 * the sound ones (`LeftOut`).
 *
 * @param path Of the secretRef.
 */
export function resolveClientKeys(
  ref: { readonly name: string },
  path: Path,
  scope: ReferenceScope,
): readonly ClientKey[] | undefined {
  const entries = findEntries('Secret', ref.name, path, scope, 'SecretNotFound');
  if (entries === undefined) return scope.missing === 'Refused' ? undefined : [];
  const object = `Secret ${scope.namespace}/${ref.name}`;
  const tell = (message: string): void =>
    void scope.problems.push(errorAt([...path, 'name'], message, 'SecretKeyMissing'));
  if (entries.size === 0) {
    tell(`${object} has no entry, so no client could come in; add one for each client`);
    return scope.missing === 'LeftOut' ? [] : undefined;
  }
  const { keys, mistakes } = readClientKeys(entries, scope);
  // the names of entries are those of clients: see missingEntry
  const isNamed = scope.missing !== 'LeftOut';
  for (const mistake of mistakes) {
    const entry = `${isNamed ? `entry ${mistake.entry}` : 'an entry'} of ${object}`;
    const other = isNamed && mistake.kind === 'Twice' ? `entry ${mistake.owner}` : 'another';
    const sentence =
      mistake.kind === 'Twice'
        ? `has the same key as ${other}, and clients are told apart by their keys; give each its own`
        : mistake.sentence;
    tell(`${entry} ${sentence}${isNamed ? '' : effectOf(mistake, keys)}`);
  }
  return mistakes.length === 0 || scope.missing === 'LeftOut' ? keys : undefined;
}

type ClientKeyMistake =
  | { readonly kind: 'Unusable'; readonly entry: string; readonly sentence: string }
  | { readonly kind: 'Twice'; readonly entry: string; readonly owner: string };

/** The sound keys of clients, the first of equal ones, and what is wrong with the others. */
function readClientKeys(
  entries: ReadonlyMap<string, Secret>,
  scope: ReferenceScope,
): { readonly keys: readonly ClientKey[]; readonly mistakes: readonly ClientKeyMistake[] } {
  const keys: ClientKey[] = [];
  const mistakes: ClientKeyMistake[] = [];
  const owners = new Map<string, string>();
  for (const [entry, value] of entries) {
    const key = usableKey(value, scope);
    if (typeof key !== 'string') {
      mistakes.push({ kind: 'Unusable', entry, sentence: key.mistake });
      continue;
    }
    const digest = sha256(key);
    const owner = owners.get(digest.toString('hex'));
    if (owner === undefined) {
      owners.set(digest.toString('hex'), entry);
      keys.push({ name: entry, sha256: digest });
    } else {
      mistakes.push({ kind: 'Twice', entry, owner });
    }
  }
  return { keys, mistakes };
}

/** What clients notice of it where the route is served all the same. That none gets in is said once, not here. */
function effectOf({ kind }: ClientKeyMistake, keys: readonly ClientKey[]): string {
  if (kind === 'Twice') return ' (until then they count as one client)';
  return keys.length === 0 ? '' : ' (until then that client does not get in)';
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
    const entries = findEntries(ref.kind, ref.name, at, scope, 'InvalidCACertificateRef');
    if (entries === undefined) return;
    const object = `${ref.kind} ${scope.namespace}/${ref.name}`;
    const tell = (message: string): void =>
      void scope.problems.push(errorAt([...at, 'key'], message, 'InvalidCACertificateRef'));
    const entry = entries.get(ref.key);
    if (entry === undefined) return tell(missingEntry(object, ref.key, entries, scope));
    const bundle = toCertificates(entry.reveal());
    if (bundle === undefined) {
      return tell(`entry ${ref.key} of ${object} holds no valid PEM certificates; write a CA bundle`);
    }
    bundles.push(bundle);
  });
  return bundles.length === 0 ? undefined : bundles.join('\n');
}

/** Those a cluster's operator does not see, so that none leaves as somebody's key: to their author they do exist. */
const UNUSABLE_SECRETS =
  " (service account tokens, Helm's releases and snapshots cannot be named, and count as missing)";

function findEntries(
  kind: 'Secret' | 'ConfigMap',
  name: string,
  path: Path,
  { namespace, lookup, missing, problems }: ReferenceScope,
  reason: ReferenceReason,
): ReadonlyMap<string, Secret> | undefined {
  const entries =
    kind === 'Secret' ? lookup.secret(namespace, name) : wrap(lookup.configMap(namespace, name));
  if (entries === undefined && missing !== 'Tolerated') {
    const [elsewhere] = lookup.namespacesOf?.(kind, name) ?? [];
    const advice =
      elsewhere === undefined
        ? `add it, or write the name of one that exists there${kind === 'Secret' && missing === 'LeftOut' ? UNUSABLE_SECRETS : ''}`
        : `there is one in namespace ${elsewhere}: write namespace: ${namespace} into its metadata`;
    problems.push(
      errorAt([...path, 'name'], `there is no ${kind} ${name} in namespace ${namespace}; ${advice}`, reason),
    );
  }
  return entries;
}

function wrap(entries: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, Secret> | undefined {
  return entries && new Map([...entries].map(([name, text]) => [name, new Secret(text)]));
}

function missingEntry(
  object: string,
  key: string,
  entries: ReadonlyMap<string, unknown>,
  { missing }: ReferenceScope,
): string {
  const names = [...entries.keys()];
  const known = names.length === 0 ? ' (it is empty)' : ` (it has ${names.slice(0, 8).join(', ')})`;
  // in a cluster who reads a route need not be one who may read the Secret
  const there = missing === 'LeftOut' ? '' : known;
  return `${object} has no entry ${key}${there}; add it, or write the name of another`;
}

/** A key is sent as a header. What editors and `echo` leave behind it, a line break, is not part of it. */
function usableKey(entry: Secret, { missing }: ReferenceScope): string | { readonly mistake: string } {
  const key = entry.reveal().replace(/[\r\n]+$/, '');
  if (key === '') return { mistake: 'is empty; write the key' };
  // a sample that was applied as it is: its text is no secret. In a file the variable has its own mistake.
  if (missing === 'LeftOut' && /^\$\{\w+\}$/.test(key)) {
    return {
      mistake:
        'still holds a variable, and a cluster replaces none; write the key itself, or apply the file through envsubst',
    };
  }
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
