/** A connection's turns without a socket on either side: what the client sent and heard, and a provider by hand. */
import { Pseudonyms } from '../../../src/turn/pseudonyms.ts';
import { eventTypeOf, type EventType } from '../../../src/events/event-type.ts';
import { parseClientFrame } from '../../../src/frames/client-frame.ts';
import type { ErrorAnswer } from '../../../src/frames/errors.ts';
import type { ResponseCreate } from '../../../src/frames/response-create.ts';
import type {
  Attempt,
  AttemptEnd,
  AttemptListener,
  AttemptRequest,
  ProviderTransport,
  RelayAnswer,
} from '../../../src/provider/provider.ts';
import type { CompiledRoute, RouteGroup } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { Budget } from '../../../src/turn/budget.ts';
import { Conversation } from '../../../src/turn/conversation.ts';
import type { TurnFact, TurnRecord } from '../../../src/turn/facts.ts';
import { TranscriptStore } from '../../../src/turn/transcript.ts';
import type { TurnClient } from '../../../src/turn/turn-client.ts';
import { manualClock } from '../../harness/clock.ts';

export type Json = Record<string, unknown>;

export const CLIENT: TurnClient = {
  connectionId: 'c-1',
  kind: 'codex',
  tenant: 'anonymous',
  path: '/v1/responses',
  entry: 'websocket',
  headers: [
    { name: 'user-agent', value: 'test' },
    { name: 'session-id', value: 'handshake' },
  ],
  query: '',
  via: 'bridge-1',
};

/** Limits and clients are those of the first route. */
export function aGroup(...routes: readonly CompiledRoute[]): RouteGroup {
  const first = routes[0] ?? aRoute();
  return {
    hostname: '*',
    path: '/v1',
    clients: first.clients,
    limits: first.limits,
    routes: [first, ...routes.slice(1)],
  };
}

export function aCreate(members: Json = {}): ResponseCreate {
  const frame = parseClientFrame(
    Buffer.from(JSON.stringify({ type: 'response.create', model: 'm', ...members })),
  );
  if (frame.kind !== 'create') throw new Error(`not a request: ${JSON.stringify(frame)}`);
  return frame.create;
}

export function user(text: string): Json {
  return { type: 'message', role: 'user', content: text };
}

export function assistant(text: string): Json {
  return { type: 'message', id: `msg_${text}`, role: 'assistant', content: [{ type: 'output_text', text }] };
}

/** One attempt, answered by the test. Like the real one it says nothing once it was aborted or released. */
export class FakeAttempt implements Attempt {
  readonly request: AttemptRequest;
  readonly #listener: AttemptListener;
  isPaused = false;
  state: 'running' | 'aborted' | 'released' | 'ended' = 'running';

  constructor(request: AttemptRequest, listener: AttemptListener) {
    this.request = request;
    this.#listener = listener;
  }

  /** The request's body, parsed. */
  get body(): Json {
    const text = Buffer.concat(this.request.body).toString();
    if (Buffer.byteLength(text) !== this.request.bodyBytes) throw new Error('bodyBytes is wrong');
    return JSON.parse(text) as Json;
  }

  get input(): unknown {
    return this.body['input'];
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  abort(): void {
    if (this.state === 'running') this.state = 'aborted';
  }

  release(): void {
    if (this.state === 'running') this.state = 'released';
  }

  answer(turnState?: string): this {
    if (this.state === 'running') {
      this.#listener.onAnswer({
        status: 200,
        httpVersion: '1.1',
        headers: { 'x-request-id': 'req_1' },
        turnState,
      });
    }
    return this;
  }

  event(event: Json | Buffer): this {
    const payload = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event));
    if (this.state === 'running') this.#listener.onEvent(payload, eventTypeOf(payload));
    return this;
  }

  created(id: string): this {
    return this.event({
      type: 'response.created',
      sequence_number: 0,
      response: { id, status: 'in_progress' },
    });
  }

  delta(sequence = 1): this {
    return this.event({ type: 'response.output_text.delta', sequence_number: sequence, delta: 'x' });
  }

  item(item: Json, index = 0): this {
    return this.event({
      type: 'response.output_item.done',
      sequence_number: index + 2,
      output_index: index,
      item,
    });
  }

  complete(id: string, changes: Json = {}): this {
    const response = { id, status: 'completed', output: [], usage: null, ...changes };
    return this.event({ type: 'response.completed', sequence_number: 9, response });
  }

  /** A whole answer: one message. */
  say(id: string, text: string): this {
    return this.answer().created(id).item(assistant(text)).complete(id);
  }

  end(end: AttemptEnd): this {
    if (this.state === 'running') {
      this.state = 'ended';
      this.#listener.onEnd(end);
    }
    return this;
  }

  refuse(status: number, error: Json, headers: Record<string, string> = {}): this {
    return this.end({
      kind: 'refused',
      status,
      httpVersion: '1.1',
      headers,
      body: Buffer.from(JSON.stringify({ error })),
    });
  }
}

export class FakeTransport implements ProviderTransport {
  readonly attempts: FakeAttempt[] = [];

  open(request: AttemptRequest, listener: AttemptListener): FakeAttempt {
    const attempt = new FakeAttempt(request, listener);
    this.attempts.push(attempt);
    return attempt;
  }

  get last(): FakeAttempt {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) throw new Error('no attempt was made');
    return attempt;
  }

  get running(): readonly FakeAttempt[] {
    return this.attempts.filter(({ state }) => state === 'running');
  }

  relay(): Promise<RelayAnswer> {
    throw new Error('a turn relays nothing');
  }

  async close(): Promise<void> {}
}

/** What went to the client: an event of a response, or an error. */
export interface Sent {
  readonly lane: string;
  readonly event?: Json;
  readonly type?: EventType;
  readonly error?: ErrorAnswer;
}

export interface TalkOptions {
  /** Changes with `setGroup`. */
  readonly group?: RouteGroup;
  readonly client?: TurnClient;
  readonly takesKeepalives?: boolean;
  readonly processBytes?: number;
  /** Hears each fact; may throw. */
  readonly onFact?: (fact: TurnFact) => void;
  /** Called before anything goes to the client; may throw. */
  readonly beforeSending?: (sent: Sent) => void;
}

/** A connection's conversation with everything that it touches. */
export function openTalk(options: TalkOptions = {}) {
  const clock = manualClock(1_000);
  const transport = new FakeTransport();
  const facts: TurnFact[] = [];
  const sent: Sent[] = [];
  const budget = new Budget('transcripts', options.processBytes ?? 1 << 24);
  const store = new TranscriptStore(budget, (connectionId, bytes) =>
    facts.push({ kind: 'transcript.evicted', connectionId, bytes }),
  );
  let group = options.group ?? aGroup(aRoute());
  const transcripts = store.open('c-1', () =>
    Math.max(...group.routes.map((route) => route.continuation.maxBytesPerConnection)),
  );
  const counts = { idle: 0, bodiesHeld: 0 };
  const conversation = new Conversation({
    tools: {
      transport,
      clock,
      facts: (fact) => {
        facts.push(fact);
        options.onFact?.(fact);
      },
      pseudonyms: new Pseudonyms(Buffer.alloc(32)),
      propagation: 'auto',
      readsDetails: true,
    },
    client: options.client ?? CLIENT,
    transcripts,
    group: () => group,
    sinkFor: (streamId) => {
      const lane = streamId ?? '';
      const send = (one: Sent): void => {
        options.beforeSending?.(one);
        sent.push(one);
      };
      return {
        takesKeepalives: options.takesKeepalives ?? false,
        event: (payload, type) => send({ lane, event: JSON.parse(payload.toString()) as Json, type }),
        refuse: (error) => send({ lane, error }),
      };
    },
    onIdle: () => void counts.idle++,
  });
  const ask = (members: Json = {}): ErrorAnswer | undefined => {
    counts.bodiesHeld++;
    const refused = conversation.request({
      create: aCreate(members),
      receivedAt: clock.now(),
      onBodyDone: () => void counts.bodiesHeld--,
    });
    if (refused !== undefined) counts.bodiesHeld--;
    return refused;
  };
  return {
    clock,
    transport,
    facts,
    sent,
    budget,
    store,
    transcripts,
    conversation,
    counts,
    ask,
    setGroup: (next: RouteGroup) => void (group = next),
    /** Asks in a lane and has the provider say it all. */
    turn(id: string, text: string, members: Json = {}): FakeAttempt {
      const refused = ask(members);
      if (refused !== undefined) throw new Error(refused.error.message);
      return transport.last.say(id, text);
    },
    /** Records of turns that have ended, in the order of their ends. */
    ended: (): readonly TurnRecord[] =>
      facts.filter((fact) => fact.kind === 'turn.ended').map((fact) => fact.turn),
    errors: (): readonly ErrorAnswer[] => sent.flatMap(({ error }) => (error === undefined ? [] : [error])),
    types: (lane?: string): readonly string[] =>
      sent
        .filter((one) => lane === undefined || one.lane === lane)
        .map(({ event, error }) =>
          error === undefined ? String(event?.['type']) : `error ${error.error.code}`,
        ),
  };
}

export type Talk = ReturnType<typeof openTalk>;
