/**
 * The Secrets or ConfigMaps of one namespace, as far as routes refer to them. Of the others it is only known that they
 * exist. What a route begins to refer to is fetched once; from then on the watch brings its changes.
 *
 *   (absent) ──ADDED──▶ known ──begins to be wanted, fetched──▶ held ──not wanted any more──▶ known
 */
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeError } from '../kube/kube-error.ts';
import type { KubeFact, KubeFacts } from '../kube/kube-facts.ts';
import { apiPath } from '../kube/kube-path.ts';
import type { KubeObject } from '../kube/kube-object.ts';
import { Reflector } from '../kube/reflector.ts';
import type { WantedEntries } from '../reconcile/observed-route.ts';
import { KNOWN, type Readability } from './readability.ts';
import { readEntries } from './reference-entries.ts';
import { ReferenceFetches } from './reference-fetches.ts';
import { StoreHealth } from './store-health.ts';
import type { Secret } from '../route/secret.ts';

export type ReferenceKind = 'Secret' | 'ConfigMap';

export interface ReferenceStoreOptions {
  readonly kind: ReferenceKind;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly facts: KubeFacts;
  /** Something that is referred to changed, or whether it can be read. */
  readonly onChange: () => void;
  /** Why it cannot be read, or not any more; undefined: it can. */
  readonly onHealth: (sentence: string | undefined) => void;
  /** How long the first list, or the first answer about an object, is waited for. */
  readonly patienceMs: number;
  readonly staleAfterMs?: number | undefined;
}

/**
 * Secrets that no route may name: releases of Helm are large and many, and a snapshot or a token of a service account
 * would leave the cluster as somebody's provider key.
 */
const UNUSABLE_TYPES =
  'type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token,type!=turnbridge.dev/snapshot';

/** Stands in the reflector for each object that exists; shared, so that it costs nothing. */
const EXISTS = { exists: true } as const;
/** Per page of a list: they may be large, and a page is parsed in one piece. Of 100 kB each it is 3 MB of JSON, or 15 ms. */
const PAGE_SIZE = 20;
const NO_TEXTS: ReadonlyMap<string, string> = new Map();

interface Held {
  /** The entries that were kept; others are there by name at most. */
  readonly wanted: WantedEntries;
  readonly entries: ReadonlyMap<string, Secret>;
  /** Of a ConfigMap: the same in plain. */
  readonly texts: ReadonlyMap<string, string>;
}

export class ReferenceStore {
  readonly reflector: Reflector<typeof EXISTS>;
  readonly #options: ReferenceStoreOptions;
  readonly #health: StoreHealth;
  readonly #fetches: ReferenceFetches;
  /** By name. */
  #wanted: ReadonlyMap<string, WantedEntries> = new Map();
  readonly #held = new Map<string, Held>();
  /** Asked for and not found, although the watch has not said so yet. */
  readonly #gone = new Set<string>();

  constructor(options: ReferenceStoreOptions) {
    this.#options = options;
    const { kind, client, namespace, facts, onChange, onHealth, patienceMs, staleAfterMs } = options;
    this.#health = new StoreHealth({
      unread: { what: `${kind}s of namespace ${namespace}`, namespace, verbs: 'list and watch' },
      patienceMs,
      ...(staleAfterMs !== undefined && { staleAfterMs }),
      onChange: (sentence) => {
        onHealth(sentence);
        onChange();
      },
    });
    this.#fetches = new ReferenceFetches({
      fetch: (name, signal) => this.#fetch(name, signal),
      unread: (name) => ({
        what: `${kind} ${name} of namespace ${namespace}`,
        namespace,
        verbs: `get of ${kind}s`,
      }),
      patienceMs,
      onNews: onChange,
    });
    this.reflector = new Reflector({
      client,
      path: apiPath({ version: 'v1', namespace, resource: resourceOf(kind) }),
      ...(kind === 'Secret' && { query: { fieldSelector: UNUSABLE_TYPES } }),
      resource: resourceOf(kind),
      keep: (object) => this.#take(object),
      onChange: (key) => this.#changed(key.slice(key.indexOf('/') + 1)),
      onSynced: () => this.#health.succeeded(),
      pageSize: PAGE_SIZE,
      facts: (fact) => {
        facts(fact);
        this.#notice(fact);
      },
    });
  }

  /** What routes refer to now, by name. What is not wanted any more is let go at once. */
  want(wanted: ReadonlyMap<string, WantedEntries>): void {
    this.#wanted = wanted;
    for (const name of this.#held.keys()) if (!wanted.has(name)) this.#held.delete(name);
    this.#fetchMissing();
  }

  /** Whether all of these are known: what there is of them, and that the others are not there. */
  readabilityOf(names: readonly string[]): Readability {
    const { readability } = this.#health;
    if (!this.reflector.isSynced) return readability;
    let worst: Readability = KNOWN;
    for (const name of names) {
      const own = this.#fetches.readabilityOf(name);
      if (own.kind === 'awaited') return own;
      if (own.kind === 'unreadable') worst = own;
    }
    return worst.kind === 'known' ? readability : worst;
  }

  /** Whether nothing was read yet, and the next try may succeed. */
  get isAwaited(): boolean {
    return this.#health.isAwaited;
  }

  /** Resolves when what is missing was asked for once. */
  tried(): Promise<void> {
    return this.#fetches.tried();
  }

  /**
   * The entries of an object that routes refer to; undefined when there is none. The same map until the object changes:
   * what was compiled with it need not be compiled again.
   */
  entries(name: string): ReadonlyMap<string, Secret> | undefined {
    return this.#held.get(name)?.entries;
  }

  /** The same of a ConfigMap, in plain. */
  texts(name: string): ReadonlyMap<string, string> | undefined {
    return this.#held.get(name)?.texts;
  }

  /** The label of metrics. */
  get resource(): string {
    return resourceOf(this.#options.kind);
  }

  /** Objects of which something is kept. */
  get size(): number {
    return this.#held.size;
  }

  /** May be called twice. */
  close(): Promise<void> {
    this.#held.clear();
    this.#health.close();
    this.#fetches.close();
    return this.reflector.close();
  }

  #take(object: KubeObject): typeof EXISTS {
    this.#gone.delete(object.metadata.name);
    this.#hold(object.metadata.name, object);
    return EXISTS;
  }

  #hold(name: string, object: KubeObject): void {
    const wanted = this.#wanted.get(name);
    if (wanted === undefined) return;
    const entries = readEntries(this.#options.kind, object, wanted);
    const texts = this.#options.kind === 'ConfigMap' ? toPlain(entries) : NO_TEXTS;
    this.#held.set(name, { wanted, entries, texts });
  }

  /** Fetches what is wanted, exists, and was not kept when it came by. */
  #fetchMissing(): void {
    if (!this.reflector.isSynced) return;
    this.#fetches.want(
      [...this.#wanted.keys()].filter(
        (name) => this.#exists(name) && !this.#isHeld(name) && !this.#gone.has(name),
      ),
    );
  }

  #notice(fact: KubeFact): void {
    const { lastError, isSynced } = this.reflector;
    const isRead = fact.kind === 'watch.opened' || (fact.kind === 'list.ended' && fact.ok);
    // of the first list onSynced tells, once it was taken in
    if (isRead && isSynced) this.#health.succeeded();
    if (fact.kind === 'reflector.waiting' && lastError !== undefined) this.#health.failed(lastError);
  }

  #changed(name: string): void {
    if (!this.#exists(name)) {
      this.#held.delete(name);
      this.#gone.delete(name);
    }
    if (this.#wanted.has(name)) this.#options.onChange();
  }

  #exists(name: string): boolean {
    return this.reflector.get(`${this.#options.namespace}/${name}`) !== undefined;
  }

  /** Whether all entries that are wanted were kept. */
  #isHeld(name: string): boolean {
    const held = this.#held.get(name)?.wanted;
    const wanted = this.#wanted.get(name);
    if (held === undefined || wanted === undefined) return false;
    if (held === 'All') return true;
    return wanted !== 'All' && [...wanted].every((entry) => held.has(entry));
  }

  async #fetch(name: string, signal: AbortSignal): Promise<void> {
    const { kind, client, namespace } = this.#options;
    const path = apiPath({ version: 'v1', namespace, resource: resourceOf(kind), name });
    try {
      const object = (await client.request({ method: 'GET', path, signal })) as KubeObject;
      // what the watch brought meanwhile is newer; and what it took away is gone
      if (this.#exists(name) && !this.#isHeld(name)) this.#hold(name, object);
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 404) throw error;
      // deleted a moment ago: the watch is about to say so
      this.#held.delete(name);
      this.#gone.add(name);
    }
  }
}

function resourceOf(kind: ReferenceKind): 'secrets' | 'configmaps' {
  return kind === 'Secret' ? 'secrets' : 'configmaps';
}

function toPlain(entries: ReadonlyMap<string, Secret>): ReadonlyMap<string, string> {
  return new Map([...entries].map(([name, value]) => [name, value.reveal()]));
}
