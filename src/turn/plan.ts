/**
 * What a turn is going to do, decided before anything is sent: which route, which provider, how the request goes
 * on from an earlier one, and the body. A plan that says `refuse` costs the provider nothing.
 */
import { translateMetadata, type TranslatedMetadata } from '../frames/client-metadata.ts';
import { refusal } from '../frames/errors.ts';
import type { ResponseCreate, ResponseInput } from '../frames/response-create.ts';
import { withLittleSlack } from '../json/exact-copy.ts';
import { chooseProvider, chooseRoute, mapModel } from '../route/match.ts';
import type {
  CompiledProvider,
  CompiledRoute,
  ContinuationMode,
  HeaderField,
  RouteGroup,
} from '../route/snapshot.ts';
import { rejected, type TurnFailure } from './failure.ts';
import type { ContinuationResult } from './facts.ts';
import { toProviderBody, type RequestBody } from './provider-body.ts';
import type { LaneMemory } from './lane-memory.ts';
import { itemsOfChain, type ChainLink } from './transcript.ts';
import type { TurnClient } from './turn-client.ts';

export type TurnPlan =
  | {
      readonly kind: 'run';
      readonly route: CompiledRoute;
      readonly provider: CompiledProvider;
      readonly continuation: ContinuationResult;
      readonly memory: TurnMemory;
      readonly headers: readonly HeaderField[];
      /** Those among `headers` that came with this request and not with its connection's handshake. */
      readonly ownHeaders: readonly HeaderField[];
      readonly body: RequestBody;
    }
  | {
      readonly kind: 'warmup';
      readonly route: CompiledRoute;
      readonly memory: TurnMemory;
    }
  | {
      readonly kind: 'refuse';
      readonly route: CompiledRoute | undefined;
      readonly continuation: ContinuationResult;
      readonly failure: TurnFailure;
    };

/** What is to be remembered of this turn. */
export type TurnMemory =
  /** Nothing: an HTTP request, a stored response, or an input beyond the connection's limit. */
  | { readonly kind: 'none' }
  /** Nothing, and the client shall not try to continue: its response ids are blanked. */
  | { readonly kind: 'blank' }
  /** The chain up to and with this request's input; held, whoever runs the plan lets go of it. */
  | { readonly kind: 'chain'; readonly link: ChainLink };

/**
 * Plans one turn. `memory` is undefined for HTTP requests. `pinned` is the chain of `previous_response_id` where the
 * memory knows it; the caller holds it and lets go of it after this call.
 */
export function planTurn(
  create: ResponseCreate,
  client: TurnClient,
  group: RouteGroup,
  memory: LaneMemory | undefined,
  pinned: ChainLink | undefined,
): TurnPlan {
  // a route that names models is not for a request without one
  const route = chooseRoute(group, create.model ?? '', client.headers);
  if (route === undefined) return noRoute(create.model);
  const mode = memory === undefined ? 'Provider' : (route.continuation.mode ?? 'Transcript');
  const base = findBase(create, mode, pinned);
  if (base === 'unknown') return unknownResponse(route, mode, create.previousResponseId ?? '');
  if (create.isWarmup) {
    return {
      kind: 'warmup',
      route,
      memory: toMemory(create.input, mode, memory, base, create.previousResponseId),
    };
  }
  const model = create.model ?? '';
  const provider = chooseProvider(route, model);
  if (provider === undefined) return noProvider(route, create.model);
  const metadata = metadataOf(create);
  const mapped = mapModel(provider, model);
  const body = toProviderBody(create, {
    model: mapped === model ? undefined : mapped,
    earlierItems: base === undefined ? undefined : itemsOfChain(base),
    ownItems: itemsOf(create.input),
    previousResponseId: base === undefined ? create.previousResponseId : base.providerBase,
    clientMetadata: metadata.body,
  });
  return {
    kind: 'run',
    route,
    provider,
    continuation: base === undefined ? (create.previousResponseId === undefined ? 'none' : 'passed') : 'hit',
    headers: metadata === NO_METADATA ? client.headers : overlay(client.headers, metadata.headers),
    ownHeaders: metadata.headers,
    body,
    // last: what it holds is let go by whoever runs the plan
    memory: mode === 'Provider' ? { kind: 'none' } : toMemory(create.input, mode, memory, base),
  };
}

const NO_METADATA: TranslatedMetadata = { headers: [], body: undefined };

function metadataOf({ bytes, clientMetadata }: ResponseCreate): TranslatedMetadata {
  return clientMetadata === undefined ? NO_METADATA : translateMetadata(bytes, clientMetadata);
}

/** The chain to go on from; undefined: none is needed; `unknown`: the client has to send everything. */
function findBase(
  create: ResponseCreate,
  mode: ContinuationMode,
  pinned: ChainLink | undefined,
): ChainLink | undefined | 'unknown' {
  if (create.previousResponseId === undefined) return undefined;
  if (pinned !== undefined && mode !== 'Stateless') return pinned;
  return mode === 'Provider' && create.previousResponseId !== '' ? undefined : 'unknown';
}

function toMemory(
  input: ResponseInput,
  mode: ContinuationMode,
  memory: LaneMemory | undefined,
  base: ChainLink | undefined,
  previousResponseId?: string,
): TurnMemory {
  if (memory === undefined) return { kind: 'none' };
  if (mode === 'Stateless') return { kind: 'blank' };
  const own = itemsOf(input);
  if (!memory.hasRoomFor((base?.totalBytes ?? 0) + own.length)) return { kind: 'none' };
  // a base of our own has the provider's id, or there is none: `previousResponseId` is then a warm-up's, ours
  const providerBase = base === undefined && mode === 'Provider' ? previousResponseId : base?.providerBase;
  return { kind: 'chain', link: memory.extend(base, withLittleSlack(own), providerBase) };
}

const TEXT_OPEN = Buffer.from('{"type":"message","role":"user","content":');
const TEXT_CLOSE = Buffer.from('}');

/** `input` as items: a plain text is one user message. */
function itemsOf(input: ResponseInput): Buffer {
  return input.kind === 'items' ? input.bytes : Buffer.concat([TEXT_OPEN, input.bytes, TEXT_CLOSE]);
}

/** The later fields replace earlier ones of the same name. */
function overlay(base: readonly HeaderField[], later: readonly HeaderField[]): HeaderField[] {
  const names = new Set(later.map(({ name }) => name));
  return [...base.filter(({ name }) => !names.has(name)), ...later];
}

function noRoute(model: string | undefined): TurnPlan {
  const message =
    model === undefined
      ? 'The request names no `model`, and no route here takes requests without one.'
      : `No route here serves the model ${JSON.stringify(model.slice(0, 128))}. Ask for one that a route names, or have a route added for it.`;
  return {
    kind: 'refuse',
    route: undefined,
    continuation: 'none',
    failure: rejected(refusal('model_not_found', message, 'model')),
  };
}

function noProvider(route: CompiledRoute, model: string | undefined): TurnPlan {
  const what =
    model === undefined ? 'a request without a model' : `the model ${JSON.stringify(model.slice(0, 128))}`;
  return {
    kind: 'refuse',
    route,
    continuation: 'none',
    failure: rejected(
      refusal('model_not_found', `No provider of route ${route.id} serves ${what}.`, 'model'),
    ),
  };
}

function unknownResponse(route: CompiledRoute, mode: ContinuationMode, id: string): TurnPlan {
  const why =
    mode === 'Stateless'
      ? 'This route keeps nothing between requests.'
      : 'It was never seen on this connection, is not the latest of its lane, or was given up to save memory.';
  const shown = JSON.stringify(id.slice(0, 128));
  return {
    kind: 'refuse',
    route,
    continuation: 'miss',
    failure: rejected(
      refusal(
        'previous_response_not_found',
        `Previous response ${shown} is not known here. ${why} Send the whole input without previous_response_id.`,
        'previous_response_id',
      ),
    ),
  };
}
