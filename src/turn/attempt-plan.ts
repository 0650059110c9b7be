/**
 * One attempt of a turn: who is asked, over what, and in which words. Made anew for each attempt, since a provider's own
 * WebSocket may know the response that another has to be told again.
 */
import { changeMetadata, toMetadata, type MetadataChanges } from '../frames/frame-metadata.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import { memberOf } from '../json/object-walk.ts';
import type { AttemptRequest, ProviderSockets, TraceHeaders } from '../provider/provider.ts';
import { mapModel } from '../route/match.ts';
import { isPassedToProviders } from '../route/header-names.ts';
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import type { AttemptRecord, ContinuationResult, FallbackReason, TransportReason } from './facts.ts';
import { itemsOf, type TurnCourse } from './plan.ts';
import { toProviderBody } from './provider-body.ts';
import { toProviderFrame } from './provider-frame.ts';
import { itemsOfChain, type ChainLink } from './transcript.ts';
import type { TurnClient } from './turn-client.ts';

export interface AttemptPlan {
  readonly provider: CompiledProvider;
  readonly transport: 'http' | 'websocket';
  readonly transportReason: TransportReason;
  readonly reason: AttemptRecord['reason'];
  /** How the provider hears of the earlier response. */
  readonly continuation: Exclude<ContinuationResult, 'miss'>;
  /** Events come with the lane's name in them, since the provider knows it. */
  readonly isTagged: boolean;
}

/** Why an attempt travels over HTTP though its provider's WebSocket was preferred; undefined: it does not. */
export function toFallback({ transportReason }: AttemptPlan): FallbackReason | undefined {
  switch (transportReason) {
    case 'configured':
    case 'preferred':
    case 'dialect':
      return undefined;
    case 'not_supported':
    case 'too_large':
    case 'upgrade_refused':
    case 'handshake_timeout':
    case 'socket_lost':
      return transportReason;
  }
}

/** Who asks, and over which sockets. */
export interface AttemptSubject {
  readonly client: TurnClient;
  /** The lane's name; empty for the default one. */
  readonly lane: string;
  readonly sockets: ProviderSockets;
}

/** The request as the transport takes it. @param trace what the provider hears of the attempt's trace. */
export function toAttemptRequest(
  course: TurnCourse,
  plan: AttemptPlan,
  subject: AttemptSubject,
  trace: TraceHeaders | undefined,
): AttemptRequest {
  return plan.transport === 'http'
    ? toHttpRequest(course, plan, subject, trace)
    : toSocketRequest(course, plan, subject, trace);
}

function toHttpRequest(
  course: TurnCourse,
  { provider, continuation }: AttemptPlan,
  { client }: AttemptSubject,
  trace: TraceHeaders | undefined,
): AttemptRequest {
  const { create, base } = course;
  const body = toProviderBody(create, {
    model: mappedModel(course, provider),
    earlierItems: continuation === 'hit' && base !== undefined ? itemsOfChain(base) : undefined,
    ownItems: itemsOf(create.input),
    previousResponseId: continuation === 'hit' ? base?.providerBase : create.previousResponseId,
    clientMetadata: course.bodyMetadata,
    saysNoStore: lacksStore(create, provider),
  });
  return {
    transport: 'http',
    route: course.route,
    provider,
    clientHeaders: course.headers,
    clientQuery: client.query,
    via: client.via,
    trace,
    body: body.views,
    bodyBytes: body.bytes,
  };
}

function toSocketRequest(
  course: TurnCourse,
  { provider, continuation, isTagged }: AttemptPlan,
  { client, lane, sockets }: AttemptSubject,
  trace: TraceHeaders | undefined,
): AttemptRequest {
  const { create, route, base } = course;
  const isExpanded = continuation === 'hit' && base !== undefined;
  const frame = toProviderFrame(create, {
    model: mappedModel(course, provider),
    isWithoutLane: !isTagged,
    expanded: isExpanded ? expand(course, base) : undefined,
    clientMetadata: changeMetadata(
      create.bytes,
      create.clientMetadata,
      metadataChanges(course, provider, client, trace),
    ),
    saysNoStore: lacksStore(create, provider),
  });
  return {
    transport: 'websocket',
    route,
    provider,
    lane,
    sockets,
    previousResponseId: isExpanded ? base.providerBase : create.previousResponseId,
    body: frame.views,
    bodyBytes: frame.bytes,
  };
}

function expand({ create }: TurnCourse, base: ChainLink) {
  return {
    earlierItems: itemsOfChain(base),
    ownItems: itemsOf(create.input),
    providerBase: base.providerBase,
  };
}

/** That backend stores nothing, and refuses requests that leave it to the API's default, which is to store. */
function lacksStore({ members }: ResponseCreate, { dialect }: CompiledProvider): boolean {
  return dialect === 'ChatGPT' && memberOf(members, 'store') === undefined;
}

/** Undefined: as the client named it. */
function mappedModel({ create }: TurnCourse, provider: CompiledProvider): string | undefined {
  const model = create.model ?? '';
  const mapped = mapModel(provider, model);
  return mapped === model ? undefined : mapped;
}

const NO_TEXTS: ReadonlyMap<string, string> = new Map();
const NO_ENTRIES: ReadonlyMap<string, undefined> = new Map();

/** A trace of ours replaces the client's. What a client on a socket wrote is already where it belongs. */
function metadataChanges(
  { route, headers }: TurnCourse,
  provider: CompiledProvider,
  client: TurnClient,
  trace: TraceHeaders | undefined,
): MetadataChanges {
  return {
    fill: client.entry === 'http' ? toMetadata(headers, passesFor(route, provider)) : NO_TEXTS,
    put:
      trace === undefined
        ? NO_ENTRIES
        : new Map([
            ['ws_request_header_traceparent', trace.traceparent],
            ['ws_request_header_tracestate', trace.tracestate],
          ]),
  };
}

/** As in a header: what the provider's entry removes is not said, and what it sets is said by the handshake. */
function passesFor(
  { headerPassthrough: { request } }: CompiledRoute,
  { headers: { remove, set } }: CompiledProvider,
): (name: string) => boolean {
  const replaced = new Set([...remove, ...set.map(({ name }) => name)]);
  return (name) =>
    !request.deny.has(name) && !replaced.has(name) && (isPassedToProviders(name) || request.allow.has(name));
}
