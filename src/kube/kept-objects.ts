/** What a reflector holds of the objects it has seen, by key, each with the version it is of. */
import type { KubeObject } from './kube-object.ts';
import { keyOf } from './kube-object.ts';

/** What is kept of an object, and of which version. */
export interface Kept<T> {
  readonly resourceVersion: string;
  readonly value: T;
}

/** Memory is bounded by what `keep` returns, and by nothing else. */
export class KeptObjects<T> {
  readonly #keep: (object: KubeObject) => T | undefined;
  readonly #onThrow: (key: string, error: unknown) => void;
  #entries = new Map<string, Kept<T>>();

  /** @param onThrow Hears of an exception of `keep`; the object then counts as not kept: nothing is better than something old. */
  constructor(keep: (object: KubeObject) => T | undefined, onThrow: (key: string, error: unknown) => void) {
    this.#keep = keep;
    this.#onThrow = onThrow;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  *entries(): IterableIterator<[string, T]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** An object arrived. Its key, if this changes what is held. */
  put(object: KubeObject): string | undefined {
    const key = keyOf(object);
    const known = this.#entries.get(key);
    if (known?.resourceVersion === object.metadata.resourceVersion) return undefined;
    const kept = this.kept(object);
    if (kept === undefined) return this.#entries.delete(key) ? key : undefined;
    this.#entries.set(key, kept);
    return key;
  }

  /** An object is gone. Its key, if it was held. */
  remove(object: KubeObject): string | undefined {
    const key = keyOf(object);
    return this.#entries.delete(key) ? key : undefined;
  }

  /** What would be held of an object: for a list that is still being read. */
  kept(object: KubeObject): Kept<T> | undefined {
    try {
      const value = this.#keep(object);
      return value === undefined ? undefined : { resourceVersion: object.metadata.resourceVersion, value };
    } catch (error) {
      this.#onThrow(keyOf(object), error);
      return undefined;
    }
  }

  /** A whole list takes the place of everything. The keys of what came, changed or went meanwhile. */
  replace(listed: Map<string, Kept<T>>): string[] {
    const before = this.#entries;
    this.#entries = listed;
    const gone = [...before.keys()].filter((key) => !listed.has(key));
    const changed = [...listed]
      .filter(([key, { resourceVersion }]) => before.get(key)?.resourceVersion !== resourceVersion)
      .map(([key]) => key);
    return [...gone, ...changed];
  }
}
