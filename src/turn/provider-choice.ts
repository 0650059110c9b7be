import type { Clock } from './clock.ts';
import type { TurnFactListener } from './facts.ts';
import { HealthBook } from './health.ts';
import { ResponseOwners } from './response-owners.ts';
import { RetryBudgets } from './retry-budget.ts';
import { TransportMemory } from './transport-memory.ts';

/** What the turns of a process have learnt of providers, and how the next one is chosen. */
export interface ProviderChoice {
  readonly health: HealthBook;
  readonly budgets: RetryBudgets;
  readonly transports: TransportMemory;
  readonly owners: ResponseOwners;
  /** At least 0, below 1: which of several providers of one tier. */
  readonly random: () => number;
}

/** Nothing is known yet. One for a process: it outlives snapshots. @param random as Math.random. */
export function newProviderChoice(
  clock: Clock,
  facts: TurnFactListener,
  random: () => number,
): ProviderChoice {
  return {
    health: new HealthBook(clock, facts),
    budgets: new RetryBudgets(clock),
    transports: new TransportMemory(clock),
    owners: new ResponseOwners(),
    random,
  };
}
