/** Clients of several bridges that do one turn after another, and what their provider saw of each turn. */
import type { AnswerFunction } from '../../src/scripted/script.ts';
import { connect, type TestClient } from '../harness/connect.ts';
import { until } from '../harness/wait-for.ts';

/** Deltas of an answer; it takes the longer part of a second, so that each change meets many running turns. */
const DELTAS = 6;
const SHORTEST_DELAY_MS = 60;
/** Different for each: else turns that began together would always begin together. */
const DELAYS = 17;
const DELAY_STEP_MS = 5;
/** For one turn; a machine that does much else. */
const TURN_MS = 20_000;

/** A turn as it reached the provider. */
export interface Sighting {
  /** Name of its bridge. */
  readonly bridge: string;
  /** Its socket, among all. */
  readonly socket: string;
  /** `performance.now()`. */
  readonly at: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The provider's side: `answer` is its script. */
export class Sightings {
  readonly all: Sighting[] = [];

  readonly answer: AnswerFunction = ({ body, headers, number, startedAt: at }) => {
    const socket = String(body.model);
    this.all.push({ bridge: bridgeOf(socket), socket, at, headers });
    const delayMs = SHORTEST_DELAY_MS + (number % DELAYS) * DELAY_STEP_MS;
    return [{ text: 'word ', repeat: DELTAS, delayMs }];
  };

  /** The first turn of each bridge, from the `from`th of all on, that is meant. */
  async firstOfEach(
    bridges: readonly string[],
    from: number,
    isMeant: (headers: Sighting['headers']) => boolean,
    what: string,
  ): Promise<readonly Sighting[]> {
    const found = new Map<string, Sighting>();
    let next = from;
    const hasAll = (): boolean => {
      for (; next < this.all.length; next += 1) {
        const sighting = this.all[next]!;
        if (!found.has(sighting.bridge) && isMeant(sighting.headers)) found.set(sighting.bridge, sighting);
      }
      return bridges.every((name) => found.has(name));
    };
    await until(hasAll, `a turn of each bridge with ${what}`, 20_000);
    return bridges.map((name) => found.get(name)!);
  }
}

export interface SteadyTurns extends AsyncDisposable {
  /** Turns that ended as they should. */
  readonly completed: number;
  /** Everything else that happened to a turn or a socket. */
  readonly failures: readonly string[];
  /** Lets the running turns end. May be called twice. */
  close(): Promise<void>;
}

/** `http://HOST:PORT/v1` of each, by name. Its sockets say as the model who they are. */
export async function openSteadyTurns(
  bridges: ReadonlyMap<string, string>,
  socketsPerBridge: number,
): Promise<SteadyTurns> {
  let completed = 0;
  const closing = new AbortController();
  const failures: string[] = [];
  const turns = async (client: TestClient, model: string): Promise<void> => {
    while (!closing.signal.aborted) {
      client.create({ model, input: 'Say something' });
      const last = (await client.events({ timeoutMs: TURN_MS })).at(-1);
      if (last?.['type'] === 'response.completed') completed += 1;
      else failures.push(`${model}: ${JSON.stringify(last)}`);
      client.frames.length = 0; // thousands of turns
    }
  };
  const sockets = [...bridges].flatMap(([name, url]) =>
    Array.from({ length: socketsPerBridge }, (_, index) => ({ url, model: `${name}/${String(index)}` })),
  );
  const loops = sockets.map(async ({ url, model }) => {
    const client = await connect(`${url}/responses`, { timeoutMs: TURN_MS });
    const looping = turns(client, model).catch((error: unknown) => {
      failures.push(`${model}: ${String(error)}`);
    });
    return { client, looping };
  });
  const opened = await Promise.all(loops);
  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.all(opened.map(({ looping }) => looping));
    for (const { client } of opened) client.terminate();
  };
  return {
    get completed() {
      return completed;
    },
    failures,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function bridgeOf(socket: string): string {
  return socket.slice(0, socket.indexOf('/'));
}
