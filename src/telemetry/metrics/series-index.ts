/**
 * Finds what belongs to a label set. A turn asks some twenty times, about the same few sets: one step in a map for
 * each label, and no text is put together.
 */
import type { Labels, SeriesGuard } from './series-guard.ts';

/**
 * So many label sets that were replaced are remembered with what took their place: a model beyond the limit then costs
 * no more than another. Beyond that, the guard is asked each time.
 */
const MAX_REMEMBERED = 500;

interface Entry<S> {
  readonly series: S;
  /** Another's: each observation has lost its labels. */
  readonly isReplaced: boolean;
}

type Level<S> = Map<string, Level<S> | Entry<S>>;

/** Name and labels of a metric, in the order in which they are shown. */
export interface Labelled<L extends string> {
  readonly name: string;
  readonly labels: readonly L[];
}

export class SeriesIndex<L extends string, S extends object> {
  readonly #metric: Labelled<L>;
  readonly #guard: SeriesGuard;
  readonly #make: (labels: Labels<L>) => S;
  readonly #root: Level<S> = new Map();
  /** Of a metric without labels. */
  #only: Entry<S> | undefined;
  #remembered = 0;

  /** @param make called once for each label set that the guard lets in; its labels are in the metric's order */
  constructor(metric: Labelled<L>, guard: SeriesGuard, make: (labels: Labels<L>) => S) {
    this.#metric = metric;
    this.#guard = guard;
    this.#make = make;
  }

  /**
   * The series of these labels, made if it is new; labels that the metric does not have are passed over. When there is
   * no room for it, another takes its place; the guard hears each time, because each time an observation lost its
   * labels.
   */
  find(labels: Labels<L>): S {
    const entry = this.#lookUp(labels) ?? this.#add(this.#own(labels));
    if (entry.isReplaced) this.#guard.replaced(this.#metric.name);
    return entry.series;
  }

  /** Makes the series of these labels unless there is no room. */
  prepare(labels: Labels<L>): void {
    if (this.#guard.hasRoom(this.#metric.name, this.#own(labels))) this.find(labels);
  }

  #own(labels: Labels<L>): Labels<L> {
    return Object.fromEntries(this.#metric.labels.map((name) => [name, labels[name]])) as Labels<L>;
  }

  #lookUp(labels: Labels<L>): Entry<S> | undefined {
    const names = this.#metric.labels;
    if (names.length === 0) return this.#only;
    let at: Level<S> | Entry<S> | undefined = this.#root;
    for (let i = 0; at !== undefined && i < names.length; i += 1) {
      at = (at as Level<S>).get(labels[names[i]!]);
    }
    return at as Entry<S> | undefined;
  }

  #add(labels: Labels<L>): Entry<S> {
    const admitted = this.#guard.admit(this.#metric.name, labels);
    if (admitted === labels) return this.#keep(labels, { series: this.#make(labels), isReplaced: false });
    const other =
      this.#lookUp(admitted) ?? this.#keep(admitted, { series: this.#make(admitted), isReplaced: false });
    const entry = { series: other.series, isReplaced: true };
    if (this.#remembered >= MAX_REMEMBERED) return entry;
    this.#remembered += 1;
    return this.#keep(labels, entry);
  }

  #keep(labels: Labels<L>, entry: Entry<S>): Entry<S> {
    const names = this.#metric.labels;
    const last = names.at(-1);
    if (last === undefined) return (this.#only = entry);
    let at = this.#root;
    for (const name of names.slice(0, -1)) {
      let next = at.get(labels[name]) as Level<S> | undefined;
      if (next === undefined) at.set(labels[name], (next = new Map()));
      at = next;
    }
    at.set(labels[last], entry);
    return entry;
  }
}
