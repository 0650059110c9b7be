/** Two hundred clients that go on for as long as a test lasts, whatever happens to the bridges. */
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../harness/wait-for.ts';
import { HttpClient } from './http-client.ts';
import { Session, type TurnRecord } from './session.ts';
import { SocketClient } from './socket-client.ts';

export interface SteadyLoadOptions {
  /** `http://HOST/v1/responses`. */
  readonly url: string;
  readonly clients: number;
}

/** One in so many speaks plain HTTP. */
const HTTP_SHARE = 8;

/** Of one turn; long ones are rarer, as they are in life. */
const SHORTEST_SECONDS = 1;
const LONGEST_SECONDS = 30;
/** Between two turns: a person, or a tool, takes its time. */
const LONGEST_PAUSE_MS = 4000;
/** Between the first turns of two clients. */
const STAGGER_MS = 20;
/** The longest turn, a pause, and retries; the rest is for a machine that does much else. */
const ROUND_MS = 120_000;

export class SteadyLoad implements AsyncDisposable {
  readonly records: TurnRecord[] = [];
  readonly sessions: readonly Session[];
  readonly #running: Promise<unknown>;

  constructor({ url, clients }: SteadyLoadOptions) {
    this.sessions = Array.from({ length: clients }, (_, index) => {
      const name = `c${String(index)}`;
      return new Session({
        client: index % HTTP_SHARE === 0 ? new HttpClient(url) : new SocketClient(url),
        name,
        secondsOf: (turn) =>
          SHORTEST_SECONDS + (LONGEST_SECONDS - SHORTEST_SECONDS) * spread(index, turn) ** 2,
        pauseMsOf: (turn) => LONGEST_PAUSE_MS * spread(turn, index + 1),
        onTurn: (record) => void this.records.push(record),
      });
    });
    this.#running = Promise.all(
      this.sessions.map(async (session, index) => {
        await delay(index * STAGGER_MS);
        await session.run();
      }),
    );
  }

  /** Turns under way. */
  get running(): number {
    return this.sessions.filter(({ runningSince }) => runningSince !== undefined).length;
  }

  get idleCloses(): number {
    return this.sessions.reduce((sum, { idleCloses }) => sum + idleCloses, 0);
  }

  /** Waits until all have begun, and more than half of them are in mid turn. */
  async steady(): Promise<void> {
    const isSteady = (): boolean =>
      this.running > this.sessions.length / 2 && this.sessions.every(({ turns }) => turns > 0);
    await until(isSteady, 'clients in mid turn', ROUND_MS);
  }

  /** Waits until every turn that runs now has ended. */
  async round(): Promise<void> {
    const now = performance.now();
    const isOver = (): boolean =>
      this.sessions.every(({ runningSince }) => runningSince === undefined || runningSince > now);
    await until(isOver, 'the end of all turns that run', ROUND_MS);
  }

  /** Lets all turns end. May be called twice. */
  async close(): Promise<void> {
    for (const session of this.sessions) session.stop();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** From 0 to 1, the same in each run: the fraction of multiples of two irrational numbers. */
function spread(one: number, other: number): number {
  return (one * 0.618_033_988_75 + other * 0.754_877_666_25) % 1;
}
