/**
 * What is decided once for a turn, before anything is sent: which route, from which earlier response it goes on, which
 * headers go with it. Which provider and how it is reached is decided for each attempt (attempt-walk.ts).
 */
import { translateMetadata, type TranslatedMetadata } from '../frames/client-metadata.ts';
import type { ResponseCreate, ResponseInput } from '../frames/response-create.ts';
import { withLittleSlack } from '../json/exact-copy.ts';
import { chooseRoute, isChatGptLogin } from '../route/match.ts';
import type { CompiledRoute, ContinuationMode, HeaderField, RouteGroup } from '../route/snapshot.ts';
import type { TurnFailure } from './failure.ts';
import type { ContinuationResult } from './facts.ts';
import { noRoute, unknownResponse } from './plan-refusals.ts';
import type { LaneMemory } from './lane-memory.ts';
import type { ChainLink } from './transcript.ts';
import type { TurnClient } from './turn-client.ts';

/** A turn's way, as far as it does not depend on who serves it. */
export interface TurnCourse {
  readonly kind: 'course';
  readonly create: ResponseCreate;
  readonly route: CompiledRoute;
  readonly mode: ContinuationMode;
  /**
   * The chain to go on from; undefined: none, or it is not known here. Held by whoever runs the course.
   */
  readonly base: ChainLink | undefined;
  /** All of the client's, those of the frame before those of the handshake. */
  readonly headers: readonly HeaderField[];
  /** Those among `headers` that came with this request and not with its connection's handshake. */
  readonly ownHeaders: readonly HeaderField[];
  /** `client_metadata` as a POST carries it; undefined: as the client wrote it. */
  readonly bodyMetadata: Buffer | undefined;
  /** The request belongs to a ChatGPT login. */
  readonly isChatGpt: boolean;
}

/** A turn that ends before it costs a provider anything. */
export interface TurnRefusal {
  readonly kind: 'refuse';
  readonly route: CompiledRoute | undefined;
  readonly continuation: ContinuationResult;
  readonly failure: TurnFailure;
}

/** What is to be remembered of this turn. */
export type TurnMemory =
  /** Nothing: an HTTP request, a stored response, or an input beyond the connection's limit. */
  | { readonly kind: 'none' }
  /** Nothing, and the client shall not try to continue: its response ids are blanked. */
  | { readonly kind: 'blank' }
  /** The chain up to and with this request's input; held, whoever runs the plan lets go of it. */
  | { readonly kind: 'chain'; readonly link: ChainLink };

/**
 * Plans one turn. `memory` is undefined for HTTP requests. `base` is the chain of `previous_response_id` where the memory
 * knows it; the caller holds it for as long as the plan is used.
 */
export function planTurn(
  create: ResponseCreate,
  client: TurnClient,
  group: RouteGroup,
  memory: LaneMemory | undefined,
  base: ChainLink | undefined,
): TurnCourse | TurnRefusal {
  // a route that names models is not for a request without one
  const route = chooseRoute(group, create.model ?? '', client.headers);
  if (route === undefined) return noRoute(create.model);
  const mode = memory === undefined ? 'Provider' : (route.continuation.mode ?? usualMode(route));
  const id = create.previousResponseId;
  // a blank id is what a client kept of a response that it was not to continue
  if (id === '' || (id !== undefined && mode === 'Stateless')) return unknownResponse(route, mode, id);
  const metadata = metadataOf(create);
  const headers = metadata === NO_METADATA ? client.headers : overlay(client.headers, metadata.headers);
  return {
    kind: 'course',
    create,
    route,
    mode,
    base,
    headers,
    ownHeaders: metadata.headers,
    bodyMetadata: metadata.body,
    isChatGpt: isChatGptLogin(headers),
  };
}

/** A transcript is worth its bytes wherever a turn may go over HTTP. */
function usualMode({ providers }: CompiledRoute): ContinuationMode {
  return providers.length > 0 && providers.every(({ transport }) => transport === 'WebSocket')
    ? 'Provider'
    : 'Transcript';
}

const NO_METADATA: TranslatedMetadata = { headers: [], body: undefined };

function metadataOf({ bytes, clientMetadata }: ResponseCreate): TranslatedMetadata {
  return clientMetadata === undefined ? NO_METADATA : translateMetadata(bytes, clientMetadata);
}

/** What a turn that a provider answers leaves behind. A link among it is held for the caller. */
export function toTurnMemory(course: TurnCourse, memory: LaneMemory | undefined): TurnMemory {
  const { create, mode, base } = course;
  if (memory === undefined || mode === 'Provider') return { kind: 'none' };
  if (mode === 'Stateless') return { kind: 'blank' };
  // it goes on from what is not known here: its own items would be half of a conversation
  if (base === undefined && create.previousResponseId !== undefined) return { kind: 'none' };
  return chainFrom(course, memory, base?.providerBase);
}

/** What a warm-up that is answered here leaves behind: in any mode its input, which the provider has never seen. */
export function toWarmupMemory(course: TurnCourse, memory: LaneMemory | undefined): TurnMemory {
  if (memory === undefined) return { kind: 'none' };
  if (course.mode === 'Stateless') return { kind: 'blank' };
  // a base of our own has the provider's id, or there is none: the id named is then the provider's
  const ofProvider = course.mode === 'Provider' ? course.create.previousResponseId : undefined;
  return chainFrom(course, memory, course.base === undefined ? ofProvider : course.base.providerBase);
}

function chainFrom(
  { create, base }: TurnCourse,
  memory: LaneMemory,
  providerBase: string | undefined,
): TurnMemory {
  const own = itemsOf(create.input);
  if (!memory.hasRoomFor((base?.totalBytes ?? 0) + own.length)) return { kind: 'none' };
  return { kind: 'chain', link: memory.extend(base, withLittleSlack(own), providerBase) };
}

const TEXT_OPEN = Buffer.from('{"type":"message","role":"user","content":');
const TEXT_CLOSE = Buffer.from('}');

/** `input` as items: a plain text is one user message. */
export function itemsOf(input: ResponseInput): Buffer {
  return input.kind === 'items' ? input.bytes : Buffer.concat([TEXT_OPEN, input.bytes, TEXT_CLOSE]);
}

/** The later fields replace earlier ones of the same name. */
function overlay(base: readonly HeaderField[], later: readonly HeaderField[]): HeaderField[] {
  const names = new Set(later.map(({ name }) => name));
  return [...base.filter(({ name }) => !names.has(name)), ...later];
}
