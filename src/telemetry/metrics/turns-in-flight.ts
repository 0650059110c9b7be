/**
 * Which turns wait and which run, kept from the facts of each turn. Holds a record from `turn.queued` to
 * `turn.ended`, which always comes.
 */
import type { TurnFact, TurnRecord } from '../../turn/facts.ts';

export class TurnsInFlight {
  readonly #queued = new Set<TurnRecord>();
  readonly #running = new Set<TurnRecord>();

  hear(fact: TurnFact): void {
    switch (fact.kind) {
      case 'turn.queued':
        this.#queued.add(fact.turn);
        return;
      case 'turn.started':
        this.#queued.delete(fact.turn);
        this.#running.add(fact.turn);
        return;
      case 'turn.ended':
        this.#queued.delete(fact.turn);
        this.#running.delete(fact.turn);
        return;
      case 'attempt.started':
      case 'attempt.ended':
      case 'turn.first-event':
      case 'turn.first-output':
      case 'warmup.answered':
      case 'bridge.mistake':
      case 'turn.failover':
      case 'turn.failover-denied':
      case 'turn.transport-fallback':
      case 'provider.ejected':
      case 'provider.returned':
      case 'provider.rate-limit':
      case 'transcript.evicted':
        return;
    }
  }

  get queued(): number {
    return this.#queued.size;
  }

  /**
   * @returns running turns by provider. Those that have none yet are under undefined, which is always there: a sum
   *   over all is 0, not absent, in a process without turns.
   */
  runningByProvider(): Map<string | undefined, number> {
    const counts = new Map<string | undefined, number>([[undefined, 0]]);
    for (const turn of this.#running) counts.set(turn.provider, (counts.get(turn.provider) ?? 0) + 1);
    return counts;
  }
}
