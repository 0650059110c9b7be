/**
 * Which provider is asked next. Tiers by priority; within one by weight; nobody who rests while somebody does not.
 */
import { providersFor } from '../route/match.ts';
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import type { HealthBook } from './health.ts';

/** What decides between providers that may all be asked. */
export interface ProviderDraw {
  readonly health: Pick<HealthBook, 'isResting'>;
  /** Name of the provider that served the lane's last turn: it has the prompt in its cache. */
  readonly pinned: string | undefined;
  /** At least 0, below 1. */
  readonly random: () => number;
}

export interface AttemptChoice extends ProviderDraw {
  /** Names of providers that this turn has asked already. */
  readonly tried: ReadonlySet<string>;
  /** The request belongs to a ChatGPT login (`isChatGptLogin` of route/match.ts). */
  readonly isChatGpt: boolean;
}

/**
 * The provider of the next attempt ({@link chooseAmong}); undefined when there is none that the turn has not asked.
 *
 * @param model As the client names it.
 */
export function chooseAttempt(
  route: CompiledRoute,
  model: string | undefined,
  { tried, isChatGpt, ...draw }: AttemptChoice,
): CompiledProvider | undefined {
  const candidates = providersFor(route, model, isChatGpt).filter(({ name }) => !tried.has(name));
  return chooseAmong(candidates, route, draw);
}

/**
 * One of these providers of the route; undefined when there is none.
 *
 * The best tier with somebody who does not rest decides: there the pinned one, else one by weight. Weight 0 is asked
 * only when all others rest. Where all rest, they are asked all the same, in the order of the route: a provider that may
 * fail is better than a bridge that does. Whoever sends the turn there tells the book (`chosen`).
 *
 * @param candidates In order of priority.
 */
export function chooseAmong(
  candidates: readonly CompiledProvider[],
  route: CompiledRoute,
  { health, pinned, random }: ProviderDraw,
): CompiledProvider | undefined {
  const awake = candidates.filter((provider) => !health.isResting(route, provider));
  return (
    fromBestTier(awake.filter(takesPart), pinned, random) ??
    fromBestTier(awake, pinned, random) ??
    candidates.find(takesPart) ??
    candidates[0]
  );
}

/**
 * Does the next attempt go from a provider that rests to one that does not? All new turns go that way too, so such a move
 * needs no retry budget: that is for tries which may be in vain.
 */
export function isMoveToHealth(
  route: CompiledRoute,
  from: CompiledProvider,
  to: CompiledProvider,
  health: Pick<HealthBook, 'isResting'>,
): boolean {
  return health.isResting(route, from) && !health.isResting(route, to);
}

function takesPart({ weight }: CompiledProvider): boolean {
  return weight > 0;
}

/** @param candidates In order of priority. */
function fromBestTier(
  candidates: readonly CompiledProvider[],
  pinned: string | undefined,
  random: () => number,
): CompiledProvider | undefined {
  const best = candidates[0]?.priority;
  const tier = candidates.filter(({ priority }) => priority === best);
  if (tier.length <= 1) return tier[0];
  return tier.find(({ name }) => name === pinned) ?? byWeight(tier, random());
}

/** @param draw At least 0, below 1. */
function byWeight(tier: readonly CompiledProvider[], draw: number): CompiledProvider | undefined {
  const total = tier.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return tier[0];
  let left = draw * total;
  for (const provider of tier) {
    left -= provider.weight;
    if (left < 0) return provider;
  }
  return tier.at(-1); // what rounding leaves over
}
