/** Clients that take one turn after the other for as long as a test lasts, whatever happens, and count what comes of it. */
import { connect } from '../harness/connect.ts';
import { until } from '../harness/wait-for.ts';

export interface EndlessTurnsOptions {
  /** Of bridges, `http://HOST:PORT/v1`. */
  readonly urls: readonly string[];
  /** To each bridge. */
  readonly sockets?: number;
  /** Of the route. */
  readonly hostname: string;
}

/** A pause between two turns of one socket: these tests are about faults, not about load. */
const pauseMs = 40;
/** A turn of these takes a few milliseconds; this is for a machine that starts an API server beside it. */
const turnMs = 15_000;
/** Kept of the failures. */
const maxFailures = 50;

/** Ends its sockets. */
export class EndlessTurns implements AsyncDisposable {
  completed = 0;
  /** Of one turn, from its request to its end. */
  slowestMs = 0;
  /** What did not go as it should: a turn that failed, a socket that closed, one that could not be opened. */
  readonly failures: string[] = [];
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor({ urls, sockets = 2, hostname }: EndlessTurnsOptions) {
    const lanes = urls.flatMap((url) => Array.from({ length: sockets }, () => url));
    this.#running = Promise.all(lanes.map((url) => this.#lane(url, hostname)));
  }

  /** Waits until so many more turns were completed. */
  async more(turns: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.completed + turns;
    await until(() => this.completed >= goal, `${String(turns)} more turns`, timeoutMs);
  }

  /** Ends after the turns that run. May be called twice. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #lane(url: string, hostname: string): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#socket(url, hostname);
      } catch (error) {
        if (this.failures.length < maxFailures) this.failures.push(`${url}: ${String(error)}`);
        await pause();
      }
    }
  }

  async #socket(url: string, hostname: string): Promise<void> {
    await using client = await connect(`${url}/responses`, {
      headers: { host: hostname },
      timeoutMs: turnMs,
    });
    while (!this.#isOver) {
      const startedAt = performance.now();
      client.create({ model: 'gpt-5.5', input: 'Say hello' });
      const last = (await client.events({ timeoutMs: turnMs })).at(-1);
      if (last?.['type'] !== 'response.completed')
        throw new Error(`a turn ended with ${JSON.stringify(last)}`);
      client.frames.length = 0; // they would be all of a test's
      this.completed += 1;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, pauseMs);
  });
}

/** Whether one turn through a bridge completes. */
export async function turnSucceeds(url: string, hostname: string): Promise<boolean> {
  try {
    await using client = await connect(`${url}/responses`, { headers: { host: hostname } });
    client.create({ model: 'gpt-5.5', input: 'Say hello' });
    return (await client.events()).at(-1)?.['type'] === 'response.completed';
  } catch {
    return false; // refused: the route is not there yet
  }
}
