/**
 * What spans and logs tell of a request beyond its record: where it comes from and what it asks for, as short words and
 * numbers. Whatever is none of these is left out, so that no text of a person gets into telemetry.
 */
import type { ResponseCreate } from '../frames/response-create.ts';
import { memberOf, membersOf, valueOf, type Member } from '../json/object-walk.ts';
import type { HeaderField } from '../route/snapshot.ts';
import type { ClientTrace, RequestDetails, RequestKind, TracePolicy } from './facts.ts';
import type { IdPolicy, Pseudonyms } from './pseudonyms.ts';

/** What details are read from. */
export interface DetailSource {
  readonly create: ResponseCreate;
  /** Headers that belong to this very request: of the frame's `client_metadata`, or of the HTTP request. */
  readonly headers: readonly HeaderField[];
  readonly tracePolicy: TracePolicy;
  readonly idPolicy: IdPolicy;
  readonly pseudonyms: Pseudonyms;
  /** As the provider is asked for it; undefined when none is asked. */
  readonly providerModel: string | undefined;
}

/** Models and ids of responses: words without spaces. A prompt that strayed here is left out. */
const WORD = /^[\w.:/@+-]{1,128}$/;

/** Tiers, levels of effort, kinds of subagents: `priority`, `xhigh`, `memory_consolidation`. No key looks like one. */
const LEVEL = /^[a-z][a-z_]{0,31}$/;

/** Reads them. Some ten microseconds: only for those who show them. */
export function readDetails(source: DetailSource): RequestDetails {
  const { create, headers, pseudonyms, idPolicy } = source;
  const read = (key: string): unknown => valueIn(create.bytes, create.members, key);
  return {
    clientTrace: toClientTrace(headers),
    tracePolicy: source.tracePolicy,
    laneName: pseudonyms.nameOf(create.streamId, idPolicy),
    codexTurn: pseudonyms.nameOf(turnIdOf(create), idPolicy),
    requestKind: requestKindOf(headerOf(headers, 'x-codex-turn-metadata')),
    subagent: toLevel(headerOf(headers, 'x-openai-subagent')),
    providerModel: toWord(source.providerModel),
    previousResponseId: toWord(create.previousResponseId),
    reasoningLevel: toLevel(valueUnder(create, 'reasoning', 'effort')),
    maxOutputTokens: toNumber(read('max_output_tokens')),
    temperature: toNumber(read('temperature')),
    topP: toNumber(read('top_p')),
    serviceTier: toLevel(read('service_tier')),
    asksForJson: asksForJson(create),
  };
}

/**
 * The client's session, as it came: the thread of Codex, its session, or a conversation of the API. What the request
 * says counts before what its connection's handshake said.
 */
export function sessionOf(
  create: ResponseCreate,
  headers: readonly HeaderField[],
  handshake: readonly HeaderField[],
): string | undefined {
  for (const fields of headers === handshake ? [headers] : [headers, handshake]) {
    const named = headerOf(fields, 'thread-id') ?? headerOf(fields, 'session-id');
    if (named !== undefined) return named;
  }
  const conversation = memberOf(create.members, 'conversation');
  if (conversation === undefined || isLong(conversation)) return undefined;
  const value = valueOf(create.bytes, conversation);
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : value;
  return typeof id === 'string' ? id : undefined;
}

/** The trace that a request's own headers name; undefined for a longer text than the standard has. */
export function toClientTrace(headers: readonly HeaderField[]): ClientTrace | undefined {
  const traceparent = headerOf(headers, 'traceparent');
  if (traceparent === undefined || traceparent.length > 64) return undefined;
  const tracestate = headerOf(headers, 'tracestate');
  return {
    traceparent,
    tracestate: tracestate !== undefined && tracestate.length <= 512 ? tracestate : undefined,
  };
}

/** The last one counts, as it does on the way to a provider. */
function headerOf(headers: readonly HeaderField[], name: string): string | undefined {
  return headers.findLast((field) => field.name === name)?.value;
}

const KINDS: ReadonlySet<string> = new Set<RequestKind>(['turn', 'prewarm', 'compaction', 'memory']);

/** Codex's turn metadata is JSON with paths and remotes in it: the one word is taken out, and nothing else is read. */
function requestKindOf(metadata: string | undefined): RequestKind | undefined {
  const kind = metadata && /"request_kind"\s*:\s*"([a-z_]{1,32})"/.exec(metadata)?.[1];
  if (kind === undefined || kind === '') return undefined;
  return KINDS.has(kind) ? (kind as RequestKind) : 'other';
}

function turnIdOf(create: ResponseCreate): string | undefined {
  const metadata = create.clientMetadata;
  if (metadata === undefined) return undefined;
  const id = valueIn(create.bytes, membersOf(create.bytes, metadata), 'turn_id');
  return typeof id === 'string' ? id : undefined;
}

function asksForJson(create: ResponseCreate): boolean {
  const text = memberOf(create.members, 'text');
  const format = text && memberOf(membersOf(create.bytes, text), 'format');
  const type = format && valueIn(create.bytes, membersOf(create.bytes, format), 'type');
  return type === 'json_schema' || type === 'json_object';
}

function valueUnder(create: ResponseCreate, outer: string, inner: string): unknown {
  const member = memberOf(create.members, outer);
  return member && valueIn(create.bytes, membersOf(create.bytes, member), inner);
}

function valueIn(bytes: Buffer, members: readonly Member[], key: string): unknown {
  const member = memberOf(members, key);
  return member === undefined || isLong(member) ? undefined : valueOf(bytes, member);
}

/** Nothing that is shown is as long; what is longer is not even parsed. */
function isLong(member: Member): boolean {
  return member.end - member.start > 1_024;
}

/** @returns the text if it is one word of a safe alphabet, of 128 characters at most. */
export function toWord(value: unknown): string | undefined {
  return typeof value === 'string' && WORD.test(value) ? value : undefined;
}

/** @returns the text if it is a short word of lower-case letters, as names of levels and kinds are. */
export function toLevel(value: unknown): string | undefined {
  return typeof value === 'string' && LEVEL.test(value) ? value : undefined;
}

function toNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
