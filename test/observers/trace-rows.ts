/** Which spans of a trace a picture shows, and in which order: ours and whatever leads to them. */
import type { ObservedSpan, ObservedTrace } from './jaeger-trace.ts';

/** One line of the picture. */
export interface TraceRow {
  readonly span: ObservedSpan;
  /** The nearest span above that is shown; undefined for the first of a tree. */
  readonly above: ObservedSpan | undefined;
  /** How many shown spans are above it. */
  readonly depth: number;
  /** How many spans between `above` and this one are not shown. */
  readonly skipped: number;
}

/** What is left out, by service. */
export type Hidden = ReadonlyMap<string, number>;

export interface RowWishes {
  /** Each span of this service is shown, and every span above it. */
  readonly service: string;
  /** Further spans that are shown, by their name; those above them only if they are shown anyway. */
  readonly named?: readonly string[];
}

/** Rows from top to bottom: each span below the one it belongs to, siblings by their start. */
export function toRows(
  trace: ObservedTrace,
  wishes: RowWishes,
): { rows: readonly TraceRow[]; hidden: Hidden } {
  const byId = new Map(trace.spans.map((span) => [span.spanId, span]));
  const shown = shownSpans(trace, byId, wishes);
  const below = new Map<ObservedSpan | undefined, Omit<TraceRow, 'depth'>[]>();
  for (const span of trace.spans) {
    if (!shown.has(span)) continue;
    const [above, skipped] = nearestShown(span, byId, shown);
    below.set(above, [...(below.get(above) ?? []), { span, above, skipped }]);
  }
  const walk = (above: ObservedSpan | undefined, depth: number): readonly TraceRow[] =>
    (below.get(above) ?? [])
      .toSorted((a, b) => a.span.startUs - b.span.startUs)
      .flatMap((row) => [{ ...row, depth }, ...walk(row.span, depth + 1)]);
  const hidden = new Map<string, number>();
  for (const span of trace.spans) {
    if (!shown.has(span)) hidden.set(span.service, (hidden.get(span.service) ?? 0) + 1);
  }
  return { rows: walk(undefined, 0), hidden };
}

type SpansById = ReadonlyMap<string, ObservedSpan>;

function shownSpans(trace: ObservedTrace, byId: SpansById, wishes: RowWishes): ReadonlySet<ObservedSpan> {
  const shown = new Set<ObservedSpan>();
  for (const span of trace.spans) {
    if (wishes.named?.includes(span.name) === true) shown.add(span);
    if (span.service !== wishes.service) continue;
    for (let at: ObservedSpan | undefined = span; at !== undefined; at = parent(at, byId)) shown.add(at);
  }
  return shown;
}

function nearestShown(
  span: ObservedSpan,
  byId: SpansById,
  shown: ReadonlySet<ObservedSpan>,
): readonly [above: ObservedSpan | undefined, skipped: number] {
  let skipped = 0;
  let above = parent(span, byId);
  while (above !== undefined && !shown.has(above)) {
    skipped += 1;
    above = parent(above, byId);
  }
  return [above, skipped];
}

function parent({ parentId }: ObservedSpan, byId: SpansById): ObservedSpan | undefined {
  return parentId === undefined ? undefined : byId.get(parentId);
}
