/** One client of a load: a turn, a pause, the next turn, and what it took to bring each to its end. */
import { setTimeout as delay } from 'node:timers/promises';

/** Why an attempt at a turn did not bring its end. */
export interface Retry {
  /** `performance.now()`. */
  readonly at: number;
  /** `connect`: nobody took the request. `turn`: it was under way. */
  readonly during: 'connect' | 'turn';
  /** `503`, `ECONNREFUSED`, `close 1006`, `error websocket_connection_limit_reached`. */
  readonly why: string;
}

export type Attempt =
  | { readonly kind: 'completed' }
  | {
      readonly kind: 'failed';
      readonly during: Retry['during'];
      readonly why: string;
      /** What the server asked for. */
      readonly waitMs?: number;
    };

/** A kind of client: how it asks, and what its library does by itself when that fails. */
export interface LoadClient {
  readonly kind: 'websocket' | 'http';
  /** Before the first retry; twice as long before each further one. */
  readonly firstRetryMs: number;
  /** Connections that were closed between two turns, which costs nothing. */
  readonly idleCloses: number;
  /** Whether it does not try again after these failures; its user has an error then. */
  givesUp(retries: readonly Retry[]): boolean;
  /** Whether these are something that its user hears of. */
  isShown(retries: readonly Retry[]): boolean;
  /** Asks once. Never rejects. */
  attempt(text: string): Promise<Attempt>;
  /** Drops its connections. */
  close(): void;
}

/** A turn, from the first attempt to the last. Times are of `performance.now()`. */
export interface TurnRecord {
  /** Unique; the provider knows it by that too. */
  readonly id: string;
  readonly kind: LoadClient['kind'];
  readonly startedAt: number;
  readonly endedAt: number;
  readonly retries: readonly Retry[];
  readonly outcome: 'completed' | 'lost';
  /** Its user was told of a retry, or of the loss. */
  readonly isShown: boolean;
}

export interface SessionOptions {
  readonly client: LoadClient;
  readonly name: string;
  /** How long the turn of this number shall take, in seconds. */
  readonly secondsOf: (turn: number) => number;
  /** Between the end of a turn and the next one. */
  readonly pauseMsOf: (turn: number) => number;
  readonly onTurn: (record: TurnRecord) => void;
}

/** Ends after the turn that runs, once it is told to. */
export class Session {
  /** Since when a turn runs; undefined: none does. */
  runningSince: number | undefined;
  /** Turns that have begun. */
  turns = 0;
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get idleCloses(): number {
    return this.#options.client.idleCloses;
  }

  /** One turn after the other; resolves after {@link stop}. */
  async run(): Promise<void> {
    const { pauseMsOf, onTurn, client } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.turns += 1;
      onTurn(await this.#turn(this.turns));
      await delay(pauseMsOf(this.turns), undefined, { signal }).catch(() => undefined);
    }
    client.close();
  }

  /** Lets the turn that runs end. */
  stop(): void {
    this.#stopping.abort();
  }

  async #turn(turn: number): Promise<TurnRecord> {
    const { client, name, secondsOf } = this.#options;
    const { kind, firstRetryMs } = client;
    const id = `${name}-${String(turn)}`;
    const text = `${id}: take ${secondsOf(turn).toFixed(1)} seconds`;
    const startedAt = performance.now();
    this.runningSince = startedAt;
    const retries: Retry[] = [];
    let attempt = await client.attempt(text);
    while (attempt.kind === 'failed') {
      const { during, why, waitMs = firstRetryMs * 2 ** retries.length } = attempt;
      retries.push({ at: performance.now(), during, why });
      if (client.givesUp(retries)) break;
      await delay(waitMs);
      attempt = await client.attempt(text);
    }
    this.runningSince = undefined;
    const isLost = attempt.kind === 'failed';
    return {
      id,
      kind,
      startedAt,
      endedAt: performance.now(),
      retries,
      outcome: isLost ? 'lost' : 'completed',
      isShown: isLost || client.isShown(retries),
    };
  }
}

interface SeenEvent {
  readonly type?: string;
  readonly error?: { readonly code?: string };
  readonly response?: { readonly error?: { readonly code?: string } };
}

/** What an event says of the turn; undefined: not its end. */
export function toAttempt(text: string): Attempt | undefined {
  const event = JSON.parse(text) as SeenEvent;
  const failed = (code = 'without a code'): Attempt => ({
    kind: 'failed',
    during: 'turn',
    why: `${event.type ?? ''} ${code}`,
  });
  switch (event.type) {
    case 'response.completed':
      return { kind: 'completed' };
    case 'error':
      return failed(event.error?.code);
    case 'response.failed':
    case 'response.incomplete':
      return failed(event.response?.error?.code);
    default:
      return undefined;
  }
}
