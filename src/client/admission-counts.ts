/** How many connections (and HTTP requests under way) there are: in all, per group, per client. */
import type { RouteGroup } from '../route/snapshot.ts';

/** A place that was taken. */
export interface Place {
  /** Gives it back. May be called twice. */
  leave(): void;
}

export type PlaceRefused = 'process' | 'group' | 'client';

export class AdmissionCounts {
  /** Most connections of the process (`--max-connections`). */
  readonly maxConnections: number;
  #total = 0;
  readonly #perGroup = new Map<string, number>();
  readonly #perClient = new Map<string, number>();

  constructor(maxConnections: number) {
    this.maxConnections = maxConnections;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Takes a place, or says which limit is reached.
   * @param clientKey Names the client within the process; undefined for anonymous ones, who share no limit.
   */
  enter(group: RouteGroup, clientKey: string | undefined): Place | PlaceRefused {
    const groupKey = groupKeyOf(group);
    const { maxConnections, maxConnectionsPerClient } = group.limits;
    if (this.#total >= this.maxConnections) return 'process';
    if (maxConnections !== undefined && (this.#perGroup.get(groupKey) ?? 0) >= maxConnections) return 'group';
    const ofClient = clientKey === undefined ? undefined : `${groupKey} ${clientKey}`;
    if (ofClient !== undefined && (this.#perClient.get(ofClient) ?? 0) >= maxConnectionsPerClient)
      return 'client';
    this.#total++;
    change(this.#perGroup, groupKey, 1);
    if (ofClient !== undefined) change(this.#perClient, ofClient, 1);
    let isTaken = true;
    return {
      leave: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#total--;
        change(this.#perGroup, groupKey, -1);
        if (ofClient !== undefined) change(this.#perClient, ofClient, -1);
      },
    };
  }
}

/** Names a group over the life of the process, also when its routes change. */
export function groupKeyOf(group: RouteGroup): string {
  return `${group.hostname}${group.path}`;
}

function change(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
