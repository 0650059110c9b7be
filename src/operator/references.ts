/**
 * What routes refer to, in all namespaces that have routes: a store of Secrets and one of ConfigMaps for each that
 * needs them, opened with the first route that does, closed with the last.
 */
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeFacts } from '../kube/kube-facts.ts';
import type { ObservedRoute, WantedEntries } from '../reconcile/observed-route.ts';
import type { ReferenceLookup } from '../route/references.ts';
import type { OperatorFactListener } from './facts.ts';
import { KNOWN, type Readability } from './readability.ts';
import { type ReferenceKind, ReferenceStore } from './reference-store.ts';
import { because, troubleOf } from './trouble.ts';

/** Each is one list and one watch of the API server, and up to two connections. */
export const MAX_NAMESPACES = 256;
/** What cannot be read holds others up for so long, and not longer. */
export const READABLE_WITHIN_MS = 30_000;
/** A single object usually comes within a few milliseconds: waiting for it spares a second decision. */
const FETCHED_WITHIN_MS = 250;

export interface ReferencesOptions {
  readonly client: KubeClient;
  readonly kubeFacts: KubeFacts;
  readonly facts: OperatorFactListener;
  /** Something that routes refer to changed, or can be read now, or is not waited for any longer. */
  readonly onChange: () => void;
  readonly readableWithinMs?: number | undefined;
  readonly staleAfterMs?: number | undefined;
}

interface Opened {
  readonly store: ReferenceStore;
  readonly namespace: string;
  /** As it was announced last. */
  told: 'readable' | 'unreadable';
}

export class References {
  readonly #options: ReferencesOptions;
  /** By kind and namespace: `Secret ai`. */
  readonly #opened = new Map<string, Opened>();
  readonly #closing = new Set<Promise<void>>();
  /** Namespaces there was no room for. */
  #excluded: ReadonlySet<string> = new Set();

  constructor(options: ReferencesOptions) {
    this.#options = options;
  }

  /** These are all routes there are: opens and closes stores, and lets go what none of them refers to. */
  follow(routes: readonly ObservedRoute[]): void {
    const admitted = oldestNamespaces(routes);
    const wanted = wantedBy(routes, admitted);
    this.#excluded = excludedFrom(routes, admitted);
    for (const [key, { store }] of this.#opened) {
      if (wanted.has(key)) continue;
      this.#opened.delete(key);
      const closed = store.close().finally(() => this.#closing.delete(closed));
      this.#closing.add(closed);
    }
    for (const [key, { kind, namespace, entries }] of wanted) {
      const opened = this.#opened.get(key) ?? this.#open(key, kind, namespace, entries);
      opened.store.want(entries);
    }
  }

  /** Resolves when what routes have begun to refer to was asked for, a quarter of a second later at the latest. */
  async tried(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FETCHED_WITHIN_MS);
    await Promise.race([
      Promise.all([...this.#opened.values()].map(({ store }) => store.tried())),
      late.promise,
    ]);
    clearTimeout(timer);
  }

  readabilityOf({ namespace, references }: ObservedRoute): Readability {
    const secrets = this.#readability('Secret', namespace, references.secrets);
    const configMaps = this.#readability('ConfigMap', namespace, references.configMaps);
    return (
      [secrets, configMaps].find(({ kind }) => kind === 'awaited') ??
      [secrets, configMaps].find(({ kind }) => kind === 'unreadable') ??
      (secrets.kind === 'known' ? configMaps : secrets)
    );
  }

  /** What is known now. What cannot be read is not there: the routes that need it are told apart by readabilityOf. */
  get lookup(): ReferenceLookup {
    return {
      secret: (namespace, name) => this.#opened.get(keyOf('Secret', namespace))?.store.entries(name),
      configMap: (namespace, name) => this.#opened.get(keyOf('ConfigMap', namespace))?.store.texts(name),
    };
  }

  /** What is still waited for, in words; undefined: nothing. What nobody gives a right to is not waited for. */
  get awaited(): string | undefined {
    for (const [key, { store }] of this.#opened) {
      if (!store.isAwaited) continue;
      const [kind, namespace] = key.split(' ');
      return `the first list of ${kind}s in namespace ${namespace}${because(troubleOf(store.reflector))}`;
    }
    return undefined;
  }

  /** Namespaces with routes that are not known, or not any more. */
  get unreadableNamespaces(): number {
    const unreadable = [...this.#opened.values()].filter(({ told }) => told === 'unreadable');
    return new Set([...this.#excluded, ...unreadable.map(({ namespace }) => namespace)]).size;
  }

  /** For metrics. */
  *stores(): IterableIterator<ReferenceStore> {
    for (const { store } of this.#opened.values()) yield store;
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.follow([]);
    await Promise.all(this.#closing);
  }

  #open(
    key: string,
    kind: ReferenceKind,
    namespace: string,
    entries: ReadonlyMap<string, WantedEntries>,
  ): Opened {
    const { client, kubeFacts, onChange, readableWithinMs, staleAfterMs } = this.#options;
    const store = new ReferenceStore({
      kind,
      client,
      namespace,
      facts: kubeFacts,
      onChange,
      onHealth: (sentence) => this.#tell(opened, kind, sentence),
      patienceMs: readableWithinMs ?? READABLE_WITHIN_MS,
      staleAfterMs,
    });
    const opened: Opened = { store, namespace, told: 'readable' };
    this.#opened.set(key, opened);
    store.want(entries); // before the list, so that nothing has to be fetched after it
    store.reflector.start();
    return opened;
  }

  #tell(opened: Opened, resource: ReferenceKind, sentence: string | undefined): void {
    const { facts } = this.#options;
    const { namespace } = opened;
    if (sentence !== undefined) {
      opened.told = 'unreadable';
      facts({ kind: 'namespace.unreadable', namespace, resource, reason: sentence });
    } else if (opened.told === 'unreadable') {
      opened.told = 'readable';
      facts({ kind: 'namespace.readable', namespace, resource });
    }
  }

  #readability(kind: ReferenceKind, namespace: string, names: readonly string[]): Readability {
    if (names.length === 0) return KNOWN;
    const opened = this.#opened.get(keyOf(kind, namespace));
    if (opened !== undefined) return opened.store.readabilityOf(names);
    const sentence = `this operator reads Secrets and ConfigMaps of at most ${MAX_NAMESPACES} namespaces, those with the oldest routes, and ${namespace} is one more: run a second operator for some of them (--namespaces)`;
    return { kind: 'unreadable', sentence };
  }
}

/** The namespaces that there is room for: by the age of their oldest route, so that a restart changes nothing. */
function oldestNamespaces(routes: readonly ObservedRoute[]): ReadonlySet<string> {
  const ages = new Map<string, number>();
  for (const { namespace, createdAt, references } of routes) {
    if (references.secrets.length === 0 && references.configMaps.length === 0) continue;
    ages.set(namespace, Math.min(createdAt, ages.get(namespace) ?? Infinity));
  }
  const names = [...ages].sort(([a, ageOfA], [b, ageOfB]) => ageOfA - ageOfB || (a < b ? -1 : 1));
  return new Set(names.slice(0, MAX_NAMESPACES).map(([name]) => name));
}

function excludedFrom(routes: readonly ObservedRoute[], admitted: ReadonlySet<string>): ReadonlySet<string> {
  if (admitted.size < MAX_NAMESPACES) return new Set();
  const named = routes.filter(
    ({ references }) => references.secrets.length + references.configMaps.length > 0,
  );
  return new Set(named.map(({ namespace }) => namespace).filter((namespace) => !admitted.has(namespace)));
}

interface Wanted {
  readonly kind: ReferenceKind;
  readonly namespace: string;
  readonly entries: Map<string, WantedEntries>;
}

function wantedBy(
  routes: readonly ObservedRoute[],
  admitted: ReadonlySet<string>,
): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  const add = (kind: ReferenceKind, namespace: string, names: ReadonlyMap<string, WantedEntries>): void => {
    if (names.size === 0) return;
    const key = keyOf(kind, namespace);
    let known = wanted.get(key);
    if (known === undefined) wanted.set(key, (known = { kind, namespace, entries: new Map() }));
    for (const [name, entries] of names) known.entries.set(name, unionOf(known.entries.get(name), entries));
  };
  for (const { namespace, references } of routes) {
    if (!admitted.has(namespace)) continue;
    add('Secret', namespace, references.secretEntries);
    add('ConfigMap', namespace, references.configMapEntries);
  }
  return wanted;
}

function unionOf(a: WantedEntries | undefined, b: WantedEntries): WantedEntries {
  if (a === undefined) return b;
  return a === 'All' || b === 'All' ? 'All' : new Set([...a, ...b]);
}

function keyOf(kind: ReferenceKind, namespace: string): string {
  return `${kind} ${namespace}`;
}
