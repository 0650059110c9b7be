/**
 * Keeps the number of series bounded whatever the labels bring. Label values come from configuration, so the limits
 * are far away in practice; they exist because a scrape of tens of thousands of lines blocks the event loop.
 */
import { LABEL_NONE, LABEL_OTHER } from '../names.ts';

/** At most so many label sets per metric; beyond them, open labels become `other`. */
const MAX_LABEL_SETS = 2000;

/** Labels whose values are not a closed set in the source, and how many values each may have in one process. */
const MAX_LABEL_VALUES: Readonly<Record<string, number>> = {
  route: 100,
  provider: 100,
  from: 100,
  to: 100,
  model: 50,
  error_type: 100,
  reason: 100,
  gen_ai_provider_name: 100,
  gen_ai_request_model: 50,
  server_address: 100,
};

/** Label names and values of one observation. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

export class SeriesGuard {
  readonly #onReplaced: (metric: string) => void;
  readonly #values = new Map<string, Set<string>>();
  readonly #sets = new Map<string, Set<string>>();

  /** @param onReplaced hears of every observation whose labels were replaced */
  constructor(onReplaced: (metric: string) => void) {
    this.#onReplaced = onReplaced;
  }

  /** @returns the labels to use for an observation: the given ones, the same object, while there is room for them */
  admit<L extends string>(metric: string, labels: Labels<L>): Labels<L> {
    const admitted = this.#withinValues(labels);
    return this.#withinSets(metric, admitted) ? admitted : withoutOpenValues(labels);
  }

  /** An observation was counted under other labels than its own. */
  replaced(metric: string): void {
    this.#onReplaced(metric);
  }

  /** Whether these labels would be kept as they are. Changes nothing. */
  hasRoom<L extends string>(metric: string, labels: Labels<L>): boolean {
    const sets = this.#sets.get(metric);
    if (sets !== undefined && sets.size >= MAX_LABEL_SETS && !sets.has(keyOf(labels))) return false;
    return Object.entries<string>(labels).every(([name, value]) => {
      const limit = MAX_LABEL_VALUES[name];
      if (limit === undefined || isOurs(value)) return true;
      const known = this.#values.get(name);
      return known === undefined || known.has(value) || known.size < limit;
    });
  }

  #withinValues<L extends string>(labels: Labels<L>): Labels<L> {
    let changed: Record<string, string> | undefined;
    for (const [name, value] of Object.entries<string>(labels)) {
      const limit = MAX_LABEL_VALUES[name];
      if (limit === undefined || isOurs(value)) continue;
      const known = setOf(this.#values, name);
      if (known.has(value)) continue;
      if (known.size < limit) known.add(value);
      else (changed ??= { ...labels })[name] = LABEL_OTHER;
    }
    return (changed as Labels<L> | undefined) ?? labels;
  }

  #withinSets<L extends string>(metric: string, labels: Labels<L>): boolean {
    const known = setOf(this.#sets, metric);
    const key = keyOf(labels);
    if (known.has(key)) return true;
    if (known.size >= MAX_LABEL_SETS) return false;
    known.add(key);
    return true;
  }
}

/** Closed labels keep their meaning; the open ones are given up. What remains is bounded by the closed sets. */
function withoutOpenValues<L extends string>(labels: Labels<L>): Labels<L> {
  const out: Record<string, string> = { ...labels };
  for (const name of Object.keys(out)) if (name in MAX_LABEL_VALUES) out[name] = LABEL_OTHER;
  return out as Labels<L>;
}

/** Values that are always told. */
function isOurs(value: string): boolean {
  return value === LABEL_OTHER || value === LABEL_NONE;
}

function keyOf(labels: Labels<string>): string {
  return Object.values(labels).join('\0');
}

function setOf(sets: Map<string, Set<string>>, name: string): Set<string> {
  let found = sets.get(name);
  if (found === undefined) sets.set(name, (found = new Set()));
  return found;
}
