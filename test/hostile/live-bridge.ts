/** A bridge under attack: what must be true of it after every round, whatever was sent. */
import { doesNotMatch, equal, ok } from 'node:assert/strict';
import { eventTypeOf } from '../../src/events/event-type.ts';
import type { TestBridge } from '../harness/bridge.ts';
import { encodeFrame, Opcode, openRawWebSocket, type FrameReceived } from '../harness/raw-websocket.ts';
import { settled } from '../protocol/scene.ts';

/** Longest that anything may take: more than a busy machine needs, less than what hangs. */
export const MAX_WAIT_MS = 10_000;

/** Rounds before a bridge is replaced by a new one: its log is read whole each round. */
const MAX_ROUNDS = 25;

/** A bridge and what stands behind it; closed together. */
export interface Surroundings extends AsyncDisposable {
  readonly bridge: TestBridge;
}

export class LiveBridge<T extends Surroundings> implements AsyncDisposable {
  readonly #open: () => Promise<T>;
  #current: T;
  #rounds = 0;
  #mistakes = 0;

  private constructor(open: () => Promise<T>, current: T) {
    this.#open = open;
    this.#current = current;
  }

  static async start<T extends Surroundings>(open: () => Promise<T>): Promise<LiveBridge<T>> {
    return new LiveBridge(open, await open());
  }

  get current(): T {
    return this.#current;
  }

  get port(): number {
    return this.#current.bridge.port;
  }

  /** Everything was given back, none of it was a mistake of ours, and a turn goes through. */
  async check(): Promise<void> {
    const { bridge } = this.#current;
    await goodTurn(bridge.port);
    await settled(bridge, MAX_WAIT_MS);
    const mistakes = bridge.logs().filter(({ event }) => event === 'bridge.mistake');
    const before = this.#mistakes; // a round that failed is looked at again, input by input
    this.#mistakes = mistakes.length;
    equal(mistakes.length, before, `a mistake of the bridge: ${JSON.stringify(mistakes.at(-1))}`);
    const samples = await (await fetch(`${bridge.opsUrl}/metrics`)).text();
    doesNotMatch(samples, / (?:NaN|[-+]?Inf(?:inity)?)$/m);
    this.#rounds += 1;
    if (this.#rounds % MAX_ROUNDS !== 0) return;
    await this.#current[Symbol.asyncDispose]();
    this.#current = await this.#open();
    this.#mistakes = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current[Symbol.asyncDispose]();
  }
}

/** The model of turns that nobody disturbs. */
export const GOOD_MODEL = 'good';

async function goodTurn(port: number): Promise<void> {
  const frames = await answersTo(port, [createFrame(GOOD_MODEL)], 1);
  equal(endsAmong(frames)[0]?.name, 'response.completed');
}

/** A request for a response, as a frame. */
export function createFrame(model: string): Buffer {
  const text = JSON.stringify({ type: 'response.create', model, input: 'hi' });
  return encodeFrame({ opcode: Opcode.text, payload: Buffer.from(text) });
}

const END_ROLES: ReadonlySet<string> = new Set(['completed', 'incomplete', 'failed', 'error']);

/** The ends of answers among frames: terminal events, and errors. */
function endsAmong(frames: readonly FrameReceived[]): { readonly name: string }[] {
  return frames
    .filter(({ opcode }) => opcode === Opcode.text)
    .map(({ payload }) => eventTypeOf(payload))
    .filter(({ role }) => END_ROLES.has(role));
}

/** Writes to a new socket and waits until so many answers have ended; there may be no more, and no close. */
export async function answersTo(
  port: number,
  pieces: readonly Buffer[],
  count: number,
): Promise<readonly FrameReceived[]> {
  await using socket = await openRawWebSocket(port);
  await socket.write(pieces);
  await socket.until(
    (all) => endsAmong(all).length >= count || all.some(({ opcode }) => opcode === Opcode.close),
  );
  const frames = socket.frames();
  ok(!frames.some(({ opcode }) => opcode === Opcode.close), 'the bridge closed the connection');
  equal(endsAmong(frames).length, count, 'every request has one answer');
  return frames;
}
