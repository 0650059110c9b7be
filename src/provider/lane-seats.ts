/** Who rides on a WebSocket to a provider, lane by lane. */
import { laneOf } from './event-lane.ts';
import type { Rider } from './socket-rider.ts';

/** The place of one lane. */
export interface Seat {
  /**
   * `draining`: an abandoned response, whose events are dropped until its last one; no turn may sit there meanwhile.
   */
  occupant: Rider | 'draining' | undefined;
  /** The response that the provider has in memory for a turn that continues it here. */
  remembered: string | undefined;
  /** The last turn here ended with an `error`: its response may still have a `response.failed`, which is not the next one's. */
  isInDoubt: boolean;
}

/** The seats of one socket: one for each lane of a provider that has lanes, else a single one. */
export class LaneSeats {
  readonly #isShared: boolean;
  /** Of the default lane; the only one where there are no lanes. */
  readonly #first: Seat = { occupant: undefined, remembered: undefined, isInDoubt: false };
  readonly #seats = new Map<string, Seat>([['', this.#first]]);
  #taken = 0;

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** How many riders there are. */
  get taken(): number {
    return this.#taken;
  }

  isFree(lane: string): boolean {
    return this.#seatOf(lane)?.occupant === undefined;
  }

  /** A free seat remembers the response: with lanes, one lane may go on from what another has said. */
  remembers(responseId: string): boolean {
    for (const { occupant, remembered } of this.#seats.values()) {
      if (occupant === undefined && remembered === responseId) return true;
    }
    return false;
  }

  get remembersAny(): boolean {
    for (const { remembered } of this.#seats.values()) if (remembered !== undefined) return true;
    return false;
  }

  take(lane: string, rider: Rider): void {
    let seat = this.#seatOf(lane);
    if (seat === undefined) {
      seat = { occupant: undefined, remembered: undefined, isInDoubt: false };
      this.#seats.set(lane, seat);
    }
    seat.occupant = rider;
    this.#taken += 1;
  }

  isTakenBy(lane: string, rider: Rider): boolean {
    return this.#seatOf(lane)?.occupant === rider;
  }

  /** The rider leaves; its seat, or undefined if it had none any more. */
  leave(lane: string, rider: Rider): Seat | undefined {
    const seat = this.#seatOf(lane);
    if (seat?.occupant !== rider) return undefined;
    seat.occupant = undefined;
    this.#taken -= 1;
    return seat;
  }

  /** The seat to which an event belongs; undefined when its lane has none. Called for each event. */
  seatFor(payload: Buffer): Seat | undefined {
    if (!this.#isShared) return this.#first;
    const lane = laneOf(payload);
    return lane === '' ? this.#first : lane === undefined ? undefined : this.#seats.get(lane);
  }

  riders(): Rider[] {
    return [...this.#seats.values()].flatMap(({ occupant }) =>
      typeof occupant === 'object' ? occupant : [],
    );
  }

  /** Everybody leaves, and nothing is remembered. */
  clear(): void {
    for (const seat of this.#seats.values()) {
      seat.occupant = undefined;
      seat.remembered = undefined;
    }
    this.#taken = 0;
  }

  #seatOf(lane: string): Seat | undefined {
    return this.#isShared ? this.#seats.get(lane) : this.#first;
  }
}
