/** Traces as Jaeger's query API gives them, and as tests like to read them. */

/** One trace of `/api/traces` (Jaeger 1.62, `model/json/model.go`): what is read of it. */
export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<
    Record<string, { readonly serviceName: string; readonly tags?: readonly Tag[] }>
  >;
}

interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { refType: 'CHILD_OF' | 'FOLLOWS_FROM'; traceID: string; spanID: string }[];
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly Tag[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly Tag[] }[];
  readonly processID: string;
}

interface Tag {
  readonly key: string;
  readonly value: unknown;
}

type Values = Readonly<Record<string, unknown>>;

export interface ObservedTrace {
  readonly traceId: string;
  /** By their start. */
  readonly spans: readonly ObservedSpan[];
}

/** A span as it arrived. Jaeger keeps no attributes of links. */
export interface ObservedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined for a root. The parent itself may be missing from the trace. */
  readonly parentId: string | undefined;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** `service.name` of its resource. */
  readonly service: string;
  /** Further attributes of its resource. */
  readonly resource: Values;
  readonly name: string;
  /** `server`, `client`, `internal`. */
  readonly kind: string;
  /** `unset` unless the span says otherwise. */
  readonly status: 'unset' | 'ok' | 'error';
  readonly statusMessage: string | undefined;
  /** Attributes, without those that Jaeger makes of kind, status and scope. */
  readonly attributes: Values;
  readonly events: readonly { readonly name: string; readonly atUs: number; readonly attributes: Values }[];
  /** Microseconds since 1970. */
  readonly startUs: number;
  readonly durationUs: number;
}

const madeByJaeger = new Set([
  'span.kind',
  'error',
  'otel.status_code',
  'otel.status_description',
  'otel.scope.name',
  'otel.scope.version',
  'internal.span.format',
]);

/** In the order in which the spans started. */
export function toTrace({ traceID, spans, processes }: JaegerTrace): ObservedTrace {
  return {
    traceId: traceID,
    spans: spans.map((span) => toSpan(span, processes)).toSorted((a, b) => a.startUs - b.startUs),
  };
}

function toSpan(span: JaegerSpan, processes: JaegerTrace['processes']): ObservedSpan {
  const tags = toValues(span.tags);
  const process = processes[span.processID];
  const status = tags['otel.status_code'];
  const message = tags['otel.status_description'];
  // the parent is the first reference of the span's own trace that it is a child of; every link follows from
  const parent = span.references.find(
    ({ refType, traceID }) => refType === 'CHILD_OF' && traceID === span.traceID,
  );
  return {
    traceId: span.traceID,
    spanId: span.spanID,
    parentId: parent?.spanID,
    links: span.references
      .filter((reference) => reference !== parent)
      .map(({ traceID, spanID }) => ({ traceId: traceID, spanId: spanID })),
    service: process?.serviceName ?? '',
    resource: toValues(process?.tags ?? []),
    name: span.operationName,
    kind: typeof tags['span.kind'] === 'string' ? tags['span.kind'] : 'internal',
    status: status === 'ERROR' ? 'error' : status === 'OK' ? 'ok' : 'unset',
    statusMessage: typeof message === 'string' ? message : undefined,
    attributes: Object.fromEntries(Object.entries(tags).filter(([key]) => !madeByJaeger.has(key))),
    events: span.logs.map(({ timestamp, fields }) => {
      const { event, ...attributes } = toValues(fields);
      return { name: String(event), atUs: timestamp, attributes };
    }),
    startUs: span.startTime,
    durationUs: span.duration,
  };
}

function toValues(tags: readonly Tag[]): Values {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}

/** The span above this one, where it has arrived. */
export function parentOf(trace: ObservedTrace, { parentId }: ObservedSpan): ObservedSpan | undefined {
  return trace.spans.find(({ spanId }) => spanId === parentId);
}

/** The spans right below this one, by their start. */
export function childrenOf(trace: ObservedTrace, { spanId }: ObservedSpan): readonly ObservedSpan[] {
  return trace.spans.filter(({ parentId }) => parentId === spanId);
}
