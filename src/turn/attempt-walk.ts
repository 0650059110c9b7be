/**
 * The attempts of one turn, from the first to the one that serves it: who is asked next, and what each end teaches.
 *
 * ```
 *   first ──▶ provider a, WebSocket ──dead socket──▶ a, fresh WebSocket ──▶ a, HTTP ──▶ provider b, … ──▶ denied
 *                       └──────────────── no WebSocket, stalled, lost ───────▶┘            ▲
 *                       └──────────────── a cause of failover.causes ──────────────────────┘
 * ```
 * Only before the turn's first event: who calls this has sent nothing to the client.
 */
import type { ResponseCreate } from '../frames/response-create.ts';
import { memberOf } from '../json/object-walk.ts';
import { providersFor } from '../route/match.ts';
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import type { AttemptPlan, AttemptSubject } from './attempt-plan.ts';
import { chooseAttempt, isMoveToHealth } from './choose-attempt.ts';
import type { AttemptRecord, FailoverDenial, FallbackReason } from './facts.ts';
import type { Judgement } from './failover-cause.ts';
import type { TurnCourse, TurnRefusal } from './plan.ts';
import { lostResponse, noProvider, unknownResponse } from './plan-refusals.ts';
import type { ProviderChoice } from './provider-choice.ts';
import type { ProviderPins } from './provider-pins.ts';
import type { GivenTo } from './response-owners.ts';
import type { TransportChoice } from './transport-memory.ts';

/** What comes next. */
export type NextAttempt =
  | { readonly kind: 'attempt'; readonly plan: AttemptPlan }
  /** No provider hears of this warm-up: it is answered here. */
  | { readonly kind: 'warmup' }
  | TurnRefusal
  /** The end of the last attempt is the turn's. With a reason: its cause would have allowed another. */
  | { readonly kind: 'none'; readonly denial: FailoverDenial | undefined };

export interface WalkParts extends AttemptSubject {
  /** Undefined for HTTP requests. */
  readonly pins: ProviderPins | undefined;
}

export class AttemptWalk {
  readonly #route: CompiledRoute;
  /** Until the turn is committed: it holds the request's bytes. */
  #course: TurnCourse | undefined;
  /** The provider may know the response by its id, on whatever connection. */
  readonly #isStored: boolean;
  readonly #choice: ProviderChoice;
  readonly #parts: WalkParts;
  readonly #tried = new Set<string>();
  /** Of the provider that is asked now. */
  #fallback: FallbackReason | undefined;
  #isRetried = false;
  /** What a socket said to know it did not: nothing is left to its memory any more. */
  #isExpanding = false;

  constructor(choice: ProviderChoice, parts: WalkParts, course: TurnCourse) {
    this.#choice = choice;
    this.#parts = parts;
    this.#course = course;
    this.#route = course.route;
    // in the other modes no id is left to a provider that its socket does not hold
    this.#isStored = course.mode === 'Provider' && !saysNoStore(course.create);
  }

  /** What is asked, until the turn is committed. */
  get course(): TurnCourse {
    if (this.#course === undefined) throw new Error('a turn that is committed asks nobody again');
    return this.#course;
  }

  /** There will be no other attempt: the request is held here no more. */
  committed(): void {
    this.#course = undefined;
  }

  /** The first attempt. */
  first(): NextAttempt {
    const { create, route, headers } = this.course;
    const owner = this.#owner();
    const provider = this.#boundTo(owner) ?? this.#choose(owner);
    if (provider === undefined) return noProvider(route, create.model, headers);
    // of whom it is known that another gave the response, nobody need be asked for it
    if (this.#isBound && owner !== undefined && owner !== provider.name) {
      return lostResponse(route, create.previousResponseId ?? '');
    }
    return this.#plan(provider, 'first');
  }

  /** After an attempt that ended before its first event. */
  next({ provider }: AttemptPlan, judgement: Judgement): NextAttempt {
    if (judgement.lack !== undefined) this.#choice.transports.lacks(provider, judgement.lack);
    if (judgement.isStale && !this.#isRetried) {
      this.#isRetried = true;
      return this.#plan(provider, 'retry');
    }
    if (judgement.fallback !== undefined && this.#fallback === undefined) {
      this.#fallback = judgement.fallback;
      return this.#plan(provider, 'transport_fallback');
    }
    return this.#failOver(provider, judgement);
  }

  /** The provider's WebSocket knew nothing of the response: it is told everything, where that is known here. */
  expand({ provider, continuation }: AttemptPlan): NextAttempt | undefined {
    if (continuation !== 'passed' || this.course.base === undefined || this.#isExpanding) return undefined;
    this.#isExpanding = true;
    return this.#plan(provider, 'retry');
  }

  /** What an end before the first event says of its provider. @param startedAt when the attempt was opened. */
  learn({ provider }: AttemptPlan, judgement: Judgement, startedAt: number): void {
    const { health } = this.#choice;
    const route = this.#route;
    if (judgement.isAnswer) health.answered(route, provider);
    if (judgement.isFailure && judgement.cause !== undefined) {
      health.failed(route, provider, judgement.cause, startedAt);
    }
    if (judgement.retryAfterMs !== undefined) health.restFor(route, provider, judgement.retryAfterMs);
    health.undecided(route, provider, startedAt); // where all of that said nothing
    if (judgement.releasesPin) this.#parts.pins?.release(this.#parts.lane);
  }

  /** An attempt was let go before its first event. */
  undecided({ provider }: AttemptPlan, startedAt: number): void {
    this.#choice.health.undecided(this.#route, provider, startedAt);
  }

  /** The first event came: this provider serves the turn. @param isFresh On a connection that was opened for it. */
  served({ provider, transport }: AttemptPlan, isFresh: boolean): void {
    const { pins, lane } = this.#parts;
    if (transport === 'websocket') this.#choice.transports.served(provider, isFresh);
    this.#choice.health.answered(this.#route, provider);
    pins?.served(lane, this.#route.id, provider.name);
  }

  /** The turn has ended with this response, which the provider may know when it is named again. */
  ended({ provider }: AttemptPlan, responseId: string): void {
    const { pins, lane } = this.#parts;
    pins?.served(lane, this.#route.id, provider.name, responseId);
    if (this.#isStored) this.#choice.owners.gave(responseId, this.#givenTo, provider.name);
  }

  /** It goes on from a response that cannot be told to anybody else. */
  get #isBound(): boolean {
    const { create, base } = this.course;
    return create.previousResponseId !== undefined && (base === undefined || base.providerBase !== undefined);
  }

  /** Who has to be asked for a response that is not known here; undefined: nobody knows. */
  #owner(): string | undefined {
    const { create, route, base, isChatGpt } = this.course;
    const { pins, sockets, lane } = this.#parts;
    const id = base === undefined ? create.previousResponseId : base.providerBase;
    if (id === undefined || route.providers.length < 2) return undefined;
    return (
      pins?.ownerOf(id, route.id) ??
      this.#choice.owners.ownerOf(id, this.#givenTo) ??
      providersFor(route, create.model ?? '', isChatGpt).find(
        (provider) => provider.transport !== 'HTTP' && sockets.holds({ route, provider, lane }, id),
      )?.name
    );
  }

  get #givenTo(): GivenTo {
    return { route: this.#route.id, tenant: this.#parts.client.tenant };
  }

  /**
   * The owner, of whatever tier and weight: those are for turns that anybody can serve. One that rests is asked all the
   * same for a client over HTTP, which cannot know that it should send everything.
   */
  #boundTo(owner: string | undefined): CompiledProvider | undefined {
    if (owner === undefined) return undefined;
    const { create, route, isChatGpt } = this.course;
    const provider = providersFor(route, create.model ?? '', isChatGpt).find(({ name }) => name === owner);
    if (provider === undefined || this.#parts.client.entry === 'http') return provider;
    return this.#choice.health.isResting(route, provider) ? undefined : provider;
  }

  #choose(owner?: string): CompiledProvider | undefined {
    const { create, route, isChatGpt } = this.course;
    const { pins, lane } = this.#parts;
    const { health, random } = this.#choice;
    // a name of a route's model list is asked for; a request without one matches those for any
    return chooseAttempt(route, create.model ?? '', {
      health,
      tried: this.#tried,
      pinned: owner ?? pins?.preferred(lane, route.id),
      isChatGpt,
      random,
    });
  }

  #failOver(from: CompiledProvider, { cause }: Judgement): NextAttempt {
    const { route } = this.course;
    const { causes, maxAttempts } = route.failover;
    if (cause === undefined || !causes.has(cause) || maxAttempts < 2) return none();
    const to = this.#choose();
    if (to === undefined) return none('nowhere');
    if (this.#isBound) return none('pinned');
    if (this.#tried.size >= maxAttempts) return none('attempts');
    const { health, budgets } = this.#choice;
    if (!isMoveToHealth(route, from, to, health) && !budgets.take(route.id)) return none('budget');
    this.#fallback = undefined;
    this.#isRetried = false;
    return this.#plan(to, 'failover');
  }

  #plan(provider: CompiledProvider, reason: AttemptRecord['reason']): NextAttempt {
    const { create, route, mode, base } = this.course;
    this.#tried.add(provider.name);
    const id = create.previousResponseId;
    const isHeld = id !== undefined && this.#isHeldBy(provider, id);
    const { transport, reason: transportReason } = this.#travel(provider, isHeld);
    const passes = transport === 'websocket' && isHeld;
    if (id !== undefined && base === undefined && !passes && mode !== 'Provider') {
      return unknownResponse(route, mode, id);
    }
    if (create.isWarmup && transport === 'http') return { kind: 'warmup' };
    this.#choice.health.chosen(route, provider);
    return {
      kind: 'attempt',
      plan: {
        provider,
        transport,
        transportReason,
        reason,
        continuation: id === undefined ? 'none' : passes || base === undefined ? 'passed' : 'hit',
        isTagged:
          transport === 'websocket' && create.streamId !== undefined && provider.capabilities.has('Lanes'),
      },
    };
  }

  #isHeldBy(provider: CompiledProvider, id: string): boolean {
    if (provider.transport === 'HTTP' || this.#fallback !== undefined || this.#isExpanding) return false;
    const { sockets, lane } = this.#parts;
    return sockets.holds({ route: this.course.route, provider, lane }, id);
  }

  #travel(provider: CompiledProvider, isHeld: boolean): TransportChoice {
    if (this.#fallback !== undefined) return { transport: 'http', reason: this.#fallback };
    const { create, base } = this.course;
    const earlierBytes = isHeld ? 0 : (base?.totalBytes ?? 0);
    return this.#choice.transports.choose(provider, create.bytes.length + earlierBytes, isHeld);
  }
}

/** Nobody but the WebSocket that gave the response can go on from it. */
function saysNoStore({ bytes, members }: ResponseCreate): boolean {
  const store = memberOf(members, 'store');
  return store !== undefined && bytes.toString('latin1', store.start, store.end) === 'false';
}

function none(denial?: FailoverDenial): NextAttempt {
  return { kind: 'none', denial };
}
