/**
 * The experiment of this folder: a socket on which nothing is said, a turn on a socket in whose middle nothing is
 * said, and the same turn over plain HTTP. Begun through a proxy, they are either cut by it or woken in the end.
 */
import { connect, type TestClient } from '../../harness/connect.ts';
import { until, within } from '../../harness/wait-for.ts';
import { postTurn, type HttpTurn } from './http-turn.ts';
import { SILENT_TEXT, type PinglessBridge, type SilentModel } from './pingless-bridge.ts';
import { headersOf, type WayIn } from './way-in.ts';

/** Milliseconds of silence after which each was cut. */
export interface Lives {
  readonly idleSocket: number;
  readonly turn: number;
  readonly httpTurn: number;
}

/** What was heard after the silence: each is `completed` when all was, or what came instead. */
export interface Woken {
  /** A new turn on the socket that had been silent. */
  readonly idleSocket: string;
  readonly turn: string;
  readonly httpTurn: string;
}

/** A turn takes milliseconds; this is for a machine that does much else. */
const hearMs = 30_000;

export interface Silence extends AsyncDisposable {
  /** Resolves when the proxy has cut each of these. @throws Error that names who still lives after so long. */
  cut<Name extends keyof Lives>(names: readonly Name[], timeoutMs: number): Promise<Pick<Lives, Name>>;
  /** Ends the silence and hears what comes. */
  wake(): Promise<Woken>;
}

/** Opens the three; resolves when each has said its last for now. @throws what kept one of them from that: none is left open. */
export async function beginSilence(way: WayIn, bridge: PinglessBridge): Promise<Silence> {
  await using begun = new AsyncDisposableStack();
  const idle = begun.use(await beginIdleSocket(way));
  const turn = begun.use(await beginTurn(way, bridge.silentModel()));
  const httpTurn = begun.use(await beginHttpTurn(way, bridge.silentModel()));
  const open = begun.move();
  const ends = { idleSocket: idle.gone, turn: turn.gone, httpTurn: httpTurn.gone };
  return {
    async cut(names, timeoutMs) {
      const entries = names.map(async (name) => [
        name,
        await within(ends[name], `${name} to be cut`, timeoutMs),
      ]);
      return Object.fromEntries(await Promise.all(entries)) as Pick<Lives, (typeof names)[number]>;
    },
    async wake() {
      const [idleSocket, onSocket, overHttp] = await Promise.all([idle.wake(), turn.wake(), httpTurn.wake()]);
      return { idleSocket, turn: onSocket, httpTurn: overHttp };
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

interface Sleeper extends AsyncDisposable {
  /** How long it had been silent when it was cut, in milliseconds. Pending while it lives. */
  readonly gone: Promise<number>;
  wake(): Promise<string>;
}

async function beginIdleSocket(way: WayIn): Promise<Sleeper> {
  await using opened = new AsyncDisposableStack();
  const client = opened.use(await connectTo(way));
  const runTurn = (): Promise<string> => {
    client.create({ model: 'm', input: 'hi' });
    return ending(client);
  };
  const first = await runTurn(); // it has been used, as a client's has
  if (first !== 'completed') throw new Error(`the first turn of the idle socket: ${first}`);
  return sleeper(client.closed, runTurn, opened.move());
}

async function beginTurn(way: WayIn, { model, wake }: SilentModel): Promise<Sleeper> {
  await using opened = new AsyncDisposableStack();
  const client = opened.use(await connectTo(way));
  opened.defer(wake);
  client.create({ model, input: 'hi' });
  await client.next('response.output_text.delta', { timeoutMs: hearMs });
  const hear = (): Promise<string> => {
    wake();
    return ending(client);
  };
  return sleeper(client.closed, hear, opened.move());
}

async function beginHttpTurn(way: WayIn, { model, wake }: SilentModel): Promise<Sleeper> {
  await using opened = new AsyncDisposableStack();
  const turn: HttpTurn = opened.adopt(await postTurn(way, { model, input: 'hi' }), (each) => each.abort());
  opened.defer(wake);
  const hasBegun = (): boolean => turn.text().includes(SILENT_TEXT.before);
  let end = '';
  void turn.end.then((how) => (end = how));
  await until(() => hasBegun() || end !== '', 'the beginning of the answer over HTTP', hearMs);
  if (!hasBegun())
    throw new Error(`the answer over HTTP, a ${String(turn.status)}, was ${end} before it began`);
  const hear = async (): Promise<string> => {
    wake();
    const how = await within(turn.end, 'the end of the turn over HTTP', hearMs);
    return how === 'whole' && turn.text().includes('event: response.completed') ? 'completed' : how;
  };
  return sleeper(turn.end, hear, opened.move());
}

function connectTo(way: WayIn): Promise<TestClient> {
  return connect(`${way.url}/responses`, { headers: headersOf(way), timeoutMs: hearMs });
}

function sleeper(end: Promise<unknown>, wake: Sleeper['wake'], opened: AsyncDisposableStack): Sleeper {
  const since = performance.now();
  return {
    gone: end.then(() => performance.now() - since),
    wake,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** How a turn ended, or why nothing was heard of it. */
async function ending(client: TestClient): Promise<string> {
  const events = await client.events({ timeoutMs: hearMs }).catch((error: unknown) => String(error));
  return typeof events === 'string' ? events : String(events.at(-1)?.['type']).replace('response.', '');
}
