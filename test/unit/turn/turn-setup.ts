/** A connection's turns without a socket on either side: what the client sent and heard, and a provider by hand. */
import { Pseudonyms } from '../../../src/turn/pseudonyms.ts';
import type { EventType } from '../../../src/events/event-type.ts';
import { parseClientFrame } from '../../../src/frames/client-frame.ts';
import type { ErrorAnswer } from '../../../src/frames/errors.ts';
import type { ResponseCreate } from '../../../src/frames/response-create.ts';
import type { CompiledProvider, CompiledRoute, RouteGroup } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { Budget } from '../../../src/turn/budget.ts';
import { newProviderChoice } from '../../../src/turn/provider-choice.ts';
import { Conversation } from '../../../src/turn/conversation.ts';
import type { TurnFact, TurnRecord } from '../../../src/turn/facts.ts';
import { TranscriptStore } from '../../../src/turn/transcript.ts';
import type { TurnClient } from '../../../src/turn/turn-client.ts';
import { manualClock } from '../../harness/clock.ts';
import { FakeTransport, type FakeAttempt } from './fake-transport.ts';

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

/** What went to the client: an event of a response, or an error. */
export interface Sent {
  readonly lane: string;
  readonly event?: Json;
  readonly type?: EventType;
  /** The event's bytes, and whether the provider wrote the lane's name into them. */
  readonly payload?: Buffer;
  readonly isTagged?: boolean;
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
  const hear = (fact: TurnFact): void => {
    facts.push(fact);
    options.onFact?.(fact);
  };
  const providers = newProviderChoice(clock, hear, () => 0);
  const conversation = new Conversation({
    tools: {
      transport,
      providers,
      clock,
      facts: hear,
      pseudonyms: new Pseudonyms(Buffer.alloc(32)),
      propagation: 'auto',
      readsDetails: true,
    },
    client: options.client ?? CLIENT,
    transcripts,
    sockets: transport.sockets,
    group: () => group,
    sinkFor: (streamId) => {
      const lane = streamId ?? '';
      const send = (one: Sent): void => {
        options.beforeSending?.(one);
        sent.push(one);
      };
      return {
        takesKeepalives: options.takesKeepalives ?? false,
        event: (payload, type, isTagged = false) =>
          send({ lane, event: JSON.parse(payload.toString()) as Json, type, payload, isTagged }),
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
    providers,
    facts,
    sent,
    budget,
    store,
    transcripts,
    conversation,
    counts,
    ask,
    /** Sends `response.interrupt`. */
    interrupt(responseId: string | undefined): void {
      const frame = { type: 'response.interrupt', response_id: responseId };
      conversation.interrupt(responseId, Buffer.from(JSON.stringify(frame)));
    },
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

/** A route with these providers, in tiers of their own: a, b, c. */
export function talkWith(providers: readonly Partial<CompiledProvider>[], options: TalkOptions = {}): Talk {
  const named = providers.map((changes, n) => aProvider({ name: 'ab'[n] ?? 'c', priority: n, ...changes }));
  return openTalk({ group: aGroup(aRoute({ providers: named })), ...options });
}
