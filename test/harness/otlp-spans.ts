/** Reads spans out of what OTLP over HTTP brings: protobuf, only the fields that tests look at. */

export type SpanKind = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export type AttributeValue = string | number | boolean | readonly AttributeValue[] | undefined;

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: Attributes;
}

export interface ReceivedEvent {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly attributes: Attributes;
}

export interface ReceivedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  /** Hexadecimal digits, as the other ids. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it is the root of its trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  /** Milliseconds since 1970, with their fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events: readonly ReceivedEvent[];
  readonly links: readonly ReceivedLink[];
  readonly status: 'unset' | 'ok' | 'error';
  readonly statusMessage: string;
  /** Attributes, events and links that did not fit. */
  readonly dropped: number;
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
}

/**
 * An ExportTraceServiceRequest's spans, in their order.
 * @throws RangeError when it is none
 */
export function readSpans(request: Buffer): ReceivedSpan[] {
  return fieldsOf(request)
    .all(1)
    .flatMap((resourceSpans) => {
      const resource = attributesOf(fieldsOf(fieldsOf(resourceSpans).bytes(1)).all(1));
      return fieldsOf(resourceSpans)
        .all(2)
        .flatMap((scopeSpans) => {
          const named = fieldsOf(fieldsOf(scopeSpans).bytes(1));
          const scope = { name: named.text(1), version: named.text(2) };
          return fieldsOf(scopeSpans)
            .all(2)
            .map((span) => toSpan(span, resource, scope));
        });
    });
}

const KINDS: readonly SpanKind[] = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['unset', 'ok', 'error'] as const;

function toSpan(bytes: Buffer, resource: Attributes, scope: ReceivedSpan['scope']): ReceivedSpan {
  const span = fieldsOf(bytes);
  const status = fieldsOf(span.bytes(15));
  return {
    traceId: span.hex(1),
    spanId: span.hex(2),
    traceState: span.text(3),
    parentSpanId: span.hex(4),
    name: span.text(5),
    kind: KINDS[span.number(6)] ?? 'unspecified',
    startMs: span.nanoseconds(7),
    endMs: span.nanoseconds(8),
    attributes: attributesOf(span.all(9)),
    events: span.all(11).map((event) => {
      const fields = fieldsOf(event);
      return { atMs: fields.nanoseconds(1), name: fields.text(2), attributes: attributesOf(fields.all(3)) };
    }),
    links: span.all(13).map((link) => {
      const fields = fieldsOf(link);
      return {
        traceId: fields.hex(1),
        spanId: fields.hex(2),
        traceState: fields.text(3),
        attributes: attributesOf(fields.all(4)),
      };
    }),
    status: STATUSES[status.number(3)] ?? 'unset',
    statusMessage: status.text(2),
    dropped: span.number(10) + span.number(12) + span.number(14),
    resource,
    scope,
  };
}

function attributesOf(pairs: readonly Buffer[]): Attributes {
  return Object.fromEntries(
    pairs.map((pair) => [fieldsOf(pair).text(1), valueOf(fieldsOf(pair).bytes(2))] as const),
  );
}

/** An AnyValue. */
function valueOf(bytes: Buffer): AttributeValue {
  const value = fieldsOf(bytes);
  if (value.has(1)) return value.text(1);
  if (value.has(2)) return value.number(2) === 1;
  if (value.has(3)) return value.number(3);
  if (value.has(4)) return value.bytes(4).readDoubleLE(0);
  if (value.has(5)) return fieldsOf(value.bytes(5)).all(1).map(valueOf);
  return undefined;
}

/** The fields of one message by their numbers; of repeated scalars the last one. */
interface Fields {
  has(field: number): boolean;
  /** Every value of a repeated message. */
  all(field: number): Buffer[];
  bytes(field: number): Buffer;
  text(field: number): string;
  hex(field: number): string;
  number(field: number): number;
  /** Of a `fixed64` with nanoseconds, as milliseconds. */
  nanoseconds(field: number): number;
}

const NO_BYTES = Buffer.alloc(0);

function fieldsOf(message: Buffer): Fields {
  const scalars = new Map<number, bigint>();
  const parts = new Map<number, Buffer[]>();
  for (let at = 0; at < message.length;) {
    const tag = varint(message, at);
    const field = Number(tag.value >> 3n);
    const { value, from, end } = readField(message, tag.end, Number(tag.value & 7n));
    if (end > message.length) throw new RangeError('a field ends behind its message');
    if (value !== undefined) scalars.set(field, value);
    parts.set(field, [...(parts.get(field) ?? []), message.subarray(from, end)]);
    at = end;
  }
  const bytes = (field: number): Buffer => parts.get(field)?.at(-1) ?? NO_BYTES;
  return {
    has: (field) => parts.has(field),
    all: (field) => parts.get(field) ?? [],
    bytes,
    text: (field) => bytes(field).toString('utf8'),
    hex: (field) => bytes(field).toString('hex'),
    number: (field) => Number(BigInt.asIntN(64, scalars.get(field) ?? 0n)),
    nanoseconds: (field) => (parts.has(field) ? Number(bytes(field).readBigUInt64LE(0)) / 1e6 : 0),
  };
}

interface Field {
  /** Of a varint. */
  readonly value?: bigint;
  readonly from: number;
  readonly end: number;
}

function readField(message: Buffer, at: number, wireType: number): Field {
  switch (wireType) {
    case 0: {
      const { value, end } = varint(message, at);
      return { value, from: at, end };
    }
    case 1:
      return { from: at, end: at + 8 };
    case 2: {
      const length = varint(message, at);
      return { from: length.end, end: length.end + Number(length.value) };
    }
    case 5:
      return { from: at, end: at + 4 };
    default:
      throw new RangeError(`wire type ${String(wireType)} is not protobuf's`);
  }
}

function varint(message: Buffer, from: number): { value: bigint; end: number } {
  let value = 0n;
  for (let at = from; at < message.length && at < from + 10; at++) {
    const byte = message[at] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - from));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError('a varint has no end');
}
