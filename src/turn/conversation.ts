/**
 * The turns of one connection: lanes, their queues, and how many may run at once.
 *
 * ```
 *   frame ─▶ lane "default"  [t5][t3]▶ t1 ┐
 *         ─▶ lane "a"            [t4]▶ t2 ├─▶ at most maxTurnsInFlight at a time
 *         ─▶ lane "b"                [t6] ┘   (lanes wait in the order in which they became ready)
 * ```
 * Within a lane turns are first in, first out and never overlap; between lanes there is no order. All counts are
 * bounded; a frame beyond a bound is refused and changes nothing.
 */
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import type { InputObstacle } from '../frames/server-events.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import type { ProviderSockets } from '../provider/provider.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import { rejected } from './failure.ts';
import { LaneMemory } from './lane-memory.ts';
import type { AskKind } from './open-asks.ts';
import type { ConnectionTranscripts } from './transcript.ts';
import type { TurnClient, TurnSink } from './turn-client.ts';
import { ProviderPins } from './provider-pins.ts';
import { newTurnRecord } from './turn-record.ts';
import { Turn } from './turn.ts';
import type { TurnTools } from './turn-parts.ts';

export interface ConversationParts {
  readonly tools: TurnTools;
  readonly client: TurnClient;
  readonly transcripts: ConnectionTranscripts;
  /** To providers; whoever opened them closes them. */
  readonly sockets: ProviderSockets;
  /** The group as it is now: a turn keeps what it started with, the next one may find another. */
  readonly group: () => RouteGroup;
  /** Where the events of a lane go. */
  readonly sinkFor: (streamId: string | undefined) => TurnSink;
  /** No turn runs or waits any more. Called after the last turn's ending was sent. */
  readonly onIdle: () => void;
}

/** One request, as a frame brought it. */
export interface TurnRequest {
  readonly create: ResponseCreate;
  /** Milliseconds of the monotonic clock, when the frame's last byte was there. */
  readonly receivedAt: number;
  /** The request's bytes are no longer held here. Called exactly once if the request is accepted. */
  readonly onBodyDone: () => void;
}

interface Lane {
  readonly name: string;
  running: Turn | undefined;
  readonly queue: Turn[];
}

const TOLD_AS = { sent: 'told', full: 'full', no: 'unsupported', over: 'completed' } as const;

/** The connection's default lane, as a key: lane names are never empty. */
const DEFAULT_LANE = '';

export class Conversation {
  readonly #parts: ConversationParts;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready: Lane[] = [];
  readonly #pins = new ProviderPins();
  #running = 0;
  #queued = 0;
  #turns = 0;
  #isPaused = false;
  #isStarting = false;
  #isClosed = false;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  get isBusy(): boolean {
    return this.#running + this.#queued > 0;
  }

  /** Bytes of requests that wait; walked when somebody asks. */
  get queuedBytes(): number {
    let sum = 0;
    for (const { queue } of this.#lanes.values()) for (const { record } of queue) sum += record.requestBytes;
    return sum;
  }

  /** Turns so far, warm-ups not counted. */
  get turns(): number {
    return this.#turns;
  }

  /** Accepts a request into its lane, or says why not; then nothing was changed. */
  request(request: TurnRequest): ErrorAnswer | undefined {
    if (this.#isClosed) {
      return refusal(
        'websocket_connection_limit_reached',
        'This connection is about to close; open a new one and send the whole input.',
      );
    }
    const { limits } = this.#parts.group();
    const { create } = request;
    const name = create.streamId ?? DEFAULT_LANE;
    const known = this.#lanes.get(name);
    if (known === undefined && name !== DEFAULT_LANE && this.#namedLanes() >= limits.maxLanes) {
      return refusal(
        'websocket_stream_limit_reached',
        `This connection has ${limits.maxLanes} lanes already (limits.maxLanes); use one of them again or open another connection.`,
        'stream_id',
      );
    }
    if (this.#queued >= limits.maxQueuedTurns) {
      return refusal(
        'queue_full',
        `${limits.maxQueuedTurns} turns are waiting on this connection (limits.maxQueuedTurns); send the next one when one of them has ended.`,
      );
    }
    const lane = known ?? { name, running: undefined, queue: [] };
    this.#lanes.set(name, lane);
    if (!create.isWarmup) this.#turns++;
    const turn = this.#newTurn(lane, request);
    lane.queue.push(turn);
    this.#queued++;
    if (lane.running === undefined && lane.queue.length === 1) this.#ready.push(lane);
    this.#startReady();
    return undefined;
  }

  /** `response.interrupt`, as it came. An id that no running turn has is late, and ignored. */
  interrupt(responseId: string | undefined, frame: Buffer): void {
    this.#turnOf(responseId)?.interrupt(frame);
  }

  /** `response.steer` or `response.inject`, as it came: passed on, or why not. */
  tell(
    responseId: string | undefined,
    frame: Buffer,
    capability: AskKind,
  ): 'told' | Exclude<InputObstacle, 'abandoned'> {
    const turn = this.#turnOf(responseId);
    if (turn !== undefined) return TOLD_AS[turn.tell(frame, capability)];
    const providers = this.#parts.group().routes.flatMap((route) => route.providers);
    // where nobody ever takes it a client need not look for another response
    if (!providers.some(({ capabilities }) => capabilities.has(capability))) return 'unsupported';
    return responseId !== undefined && this.#pins.isLatest(responseId) ? 'completed' : 'not_found';
  }

  /** The turn whose response has this id now. */
  #turnOf(responseId: string | undefined): Turn | undefined {
    if (responseId === undefined) return undefined;
    for (const { running } of this.#lanes.values()) if (running?.responseId === responseId) return running;
    return undefined;
  }

  /** Refuses the turns that wait; those that run go on. */
  rejectWaiting(answer: ErrorAnswer): void {
    for (const lane of this.#lanes.values()) {
      const waiting = lane.queue.splice(0);
      this.#queued -= waiting.length;
      for (const turn of waiting) turn.reject(rejected(answer));
    }
    if (!this.isBusy && !this.#isClosed) this.#parts.onIdle();
  }

  /** The client takes no more for now. */
  pause(): void {
    this.#isPaused = true;
    for (const { running } of this.#lanes.values()) running?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    for (const { running } of this.#lanes.values()) running?.resume();
  }

  /** The client is gone: every turn ends without a word, and everything remembered is let go. Final. */
  disconnect(errorType?: 'slow_consumer'): void {
    this.#endAll((turn) => turn.disconnect(errorType));
  }

  /** The drain's deadline: every turn is told to end now. Final. */
  cut(): void {
    this.#endAll((turn) => turn.cut());
  }

  #endAll(end: (turn: Turn) => void): void {
    if (this.#isClosed) return;
    this.#isClosed = true; // nothing starts any more
    for (const lane of this.#lanes.values()) {
      const waiting = lane.queue.splice(0);
      this.#queued -= waiting.length;
      if (lane.running !== undefined) end(lane.running);
      for (const turn of waiting) end(turn);
    }
    this.#parts.transcripts.clear();
  }

  #namedLanes(): number {
    return this.#lanes.size - (this.#lanes.has(DEFAULT_LANE) ? 1 : 0);
  }

  #newTurn(lane: Lane, request: TurnRequest): Turn {
    const { tools, client, transcripts, sockets, sinkFor } = this.#parts;
    const turn: Turn = new Turn(tools, {
      client,
      sink: sinkFor(request.create.streamId),
      create: request.create,
      record: newTurnRecord(client, request.create, this.#turns, request.receivedAt),
      tracePolicy: this.#parts.group().clients.trace,
      memory: new LaneMemory(transcripts, lane.name),
      lane: lane.name,
      pins: this.#pins,
      sockets,
      onBodyDone: request.onBodyDone,
      onEnded: () => this.#ended(lane, turn),
    });
    return turn;
  }

  /** The one place where turns start. Not entered twice: a turn may end while it starts. */
  #startReady(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      this.#startWhilePossible();
    } finally {
      this.#isStarting = false;
    }
    if (!this.isBusy && !this.#isClosed) this.#parts.onIdle();
  }

  #startWhilePossible(): void {
    while (!this.#isClosed && this.#running < this.#parts.group().limits.maxTurnsInFlight) {
      const lane = this.#ready.shift();
      if (lane === undefined) break;
      const turn = lane.queue.shift();
      if (turn === undefined) continue;
      this.#queued--;
      this.#running++;
      lane.running = turn;
      turn.start(this.#parts.group());
      if (this.#isPaused) turn.pause();
    }
  }

  #ended(lane: Lane, turn: Turn): void {
    if (lane.running !== turn) return; // it was waiting, and was taken out of the queue with all others
    lane.running = undefined;
    this.#running--;
    if (lane.queue.length > 0) this.#ready.push(lane);
    this.#startReady();
  }
}
