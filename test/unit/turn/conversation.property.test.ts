import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ProviderFault } from '../../../src/provider/provider.ts';
import type { CompiledProvider, ContinuationMode } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { assistant, type FakeAttempt } from './fake-transport.ts';
import { aGroup, openTalk, user, type Talk } from './turn-setup.ts';

/** One thing that may happen to a connection, at any moment. */
type Step =
  | {
      readonly do: 'ask';
      readonly lane: number;
      readonly continues: number;
      readonly warmup: boolean;
      readonly model: string;
    }
  | { readonly do: 'provider'; readonly attempt: number; readonly says: Saying }
  | { readonly do: 'interrupt'; readonly attempt: number }
  | { readonly do: 'pause' | 'resume' | 'disconnect' | 'cut' }
  | { readonly do: 'time'; readonly ms: number };

type Saying =
  | 'answer'
  | 'state'
  | 'created'
  | 'delta'
  | 'item'
  | 'keepalive'
  | 'complete'
  | 'incomplete'
  | 'failed'
  | 'error'
  | 'finish'
  | 'refuse'
  | 'lose'
  | 'stale'
  | 'no WebSocket'
  | 'forgotten';

const LANES = [undefined, 'a', 'b', 'c'];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('ask'),
      lane: fc.nat(LANES.length - 1),
      continues: fc.nat(4),
      warmup: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
      model: fc.oneof({ weight: 8, arbitrary: fc.constant('m') }, fc.constant('nobody')),
    }),
  },
  {
    weight: 24,
    arbitrary: fc.record({
      do: fc.constant('provider'),
      attempt: fc.nat(5),
      says: fc.constantFrom<Saying>(
        ...(['answer', 'state', 'created', 'created', 'delta', 'item', 'keepalive', 'complete'] as const),
        ...(['complete', 'incomplete', 'failed', 'error', 'finish', 'refuse', 'lose'] as const),
        ...(['stale', 'no WebSocket', 'forgotten'] as const),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('interrupt'), attempt: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('time'), ms: fc.constantFrom(1, 1_000, 4_000, 30_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('disconnect', 'cut') }) },
) as fc.Arbitrary<Step>;

function say(attempt: FakeAttempt, id: string, says: Saying): void {
  switch (says) {
    case 'answer':
      return void attempt.answer();
    case 'state':
      return void attempt.answer('sticky');
    case 'created':
      return void attempt.created(id);
    case 'delta':
      return void attempt.delta();
    case 'item':
      return void attempt.item(assistant('x'.repeat(200)));
    case 'keepalive':
      return void attempt.event({ type: 'keepalive' });
    case 'complete':
      return void attempt.complete(id);
    case 'incomplete':
      return void attempt.event({ type: 'response.incomplete', response: { id } });
    case 'failed':
      return void attempt.event({
        type: 'response.failed',
        response: { id, error: { code: 'server_error' } },
      });
    case 'error':
      return void attempt.event({ type: 'error', code: 'server_error', message: 'm' });
    case 'finish':
      return void attempt.end({ kind: 'finished' });
    case 'refuse':
      return void attempt.refuse(500, { message: 'm' });
    case 'no WebSocket':
      return void attempt.end({
        kind: 'refused',
        phase: attempt.request.transport === 'websocket' ? 'upgrade' : 'request',
        status: 404,
        httpVersion: '1.1',
        headers: {},
        body: Buffer.alloc(0),
      });
    case 'forgotten':
      return void attempt.event({ type: 'error', error: { code: 'previous_response_not_found' } });
    case 'lose':
    case 'stale':
      return void attempt.end({
        kind: 'lost',
        isStale: says === 'stale',
        fault: new ProviderFault('connection_lost', 'lost'),
      });
  }
}

const TERMINALS = new Set(['response.completed', 'response.incomplete', 'response.failed']);

/** Whom the route has, and how they are reached. */
type Reach = 'one' | 'several' | 'sockets';

const PROVIDERS: Readonly<Record<Reach, readonly CompiledProvider[]>> = {
  one: [aProvider()],
  several: [
    aProvider({ name: 'a', transport: 'Auto', capabilities: new Set(['Lanes', 'Interrupt']) }),
    aProvider({ name: 'b', priority: 1 }),
  ],
  sockets: [
    aProvider({ name: 'a', transport: 'WebSocket' }),
    aProvider({ name: 'b', transport: 'WebSocket', weight: 0 }),
  ],
};

class Play {
  readonly talk: Talk;
  /** Accepted requests of each lane, and the lane of each. */
  accepted = new Map<string, number>();
  acceptedTurns = 0;
  acceptedWarmups = 0;
  sentWhenGone: number | undefined;
  isCut = false;

  constructor(mode: ContinuationMode, maxBytes: number, reach: Reach = 'one') {
    const route = aRoute({
      providers: PROVIDERS[reach],
      match: { models: ['m'], headers: [] },
      continuation: { mode, maxBytesPerConnection: maxBytes },
      timeouts: { connectMs: 1_000, firstEventMs: 5_000, idleMs: 6_000, turnDeadlineMs: 60_000 },
    });
    const limits = { ...route.limits, maxQueuedTurns: 3, maxTurnsInFlight: 2, maxLanes: 2 };
    this.talk = openTalk({ group: aGroup({ ...route, limits }), takesKeepalives: true, processBytes: 3_000 });
  }

  run(step: Step): void {
    const { conversation, clock, transport } = this.talk;
    switch (step.do) {
      case 'ask':
        return this.#ask(step);
      case 'provider': {
        const attempt = transport.running[step.attempt % Math.max(1, transport.running.length)];
        if (attempt === undefined) return;
        say(attempt, idOf(this.talk, attempt), step.says);
        const { request, releasedWith } = attempt;
        const isKept = request.transport === 'websocket' && releasedWith !== undefined;
        if (isKept) transport.held.add(`${request.provider.name}:${releasedWith}`);
        return;
      }
      case 'interrupt': {
        const attempt = transport.attempts[step.attempt % Math.max(1, transport.attempts.length)];
        return this.talk.interrupt(attempt && idOf(this.talk, attempt));
      }
      case 'pause':
        return conversation.pause();
      case 'resume':
        return conversation.resume();
      case 'time':
        return clock.advance(step.ms);
      case 'disconnect':
        if (!this.isCut) this.sentWhenGone ??= this.talk.sent.length;
        return conversation.disconnect();
      case 'cut':
        if (this.sentWhenGone === undefined) this.isCut = true;
        return conversation.cut();
    }
  }

  #ask({ lane, continues, warmup, model }: Extract<Step, { do: 'ask' }>): void {
    const streamId = LANES[lane];
    const known = this.talk.sent.flatMap(({ event }) => {
      const id = (event?.['response'] as { id?: string } | undefined)?.id;
      return TERMINALS.has(String(event?.['type'])) && id ? [id] : [];
    });
    const previous = continues === 0 ? undefined : (known.at(-continues) ?? 'unknown');
    const refused = this.talk.ask({
      model,
      input: [user('x'.repeat(100))],
      ...(streamId && { stream_id: streamId }),
      ...(previous && { previous_response_id: previous }),
      ...(warmup && { generate: false }),
    });
    if (refused !== undefined) return;
    if (warmup) this.acceptedWarmups++;
    else this.acceptedTurns++;
    const key = streamId ?? '';
    this.accepted.set(key, (this.accepted.get(key) ?? 0) + 1);
  }

  /** Endings that the lane's client has heard. */
  endingsOf(lane: string): number {
    return this.talk.sent.filter(
      (one) => one.lane === lane && (one.error !== undefined || TERMINALS.has(String(one.event?.['type']))),
    ).length;
  }

  finish(how: 'disconnect' | 'cut' | 'complete'): void {
    const { conversation, transport } = this.talk;
    conversation.resume();
    if (how === 'complete') {
      for (let guard = 0; transport.running.length > 0 && guard < 200; guard++) {
        const attempt = transport.running[0]!;
        say(attempt, idOf(this.talk, attempt), 'complete');
      }
    }
    this.run({ do: how === 'cut' ? 'cut' : 'disconnect' });
  }
}

function idOf(talk: Talk, attempt: FakeAttempt): string {
  return `resp_${talk.transport.attempts.indexOf(attempt)}`;
}

/** Within a lane an ending is followed by the beginning of another turn or by nothing. */
function overlaps(talk: Talk, lane: string): boolean {
  const mine = talk.sent.filter((one) => one.lane === lane);
  return mine.some((one, n) => {
    const isCreated = one.event?.['type'] === 'response.created';
    const before = mine[n - 1]?.event;
    const id = (one.event?.['response'] as { id?: string } | undefined)?.id;
    const idBefore = (before?.['response'] as { id?: string } | undefined)?.id;
    return isCreated && before?.['type'] === 'response.created' && id !== idBefore;
  });
}

/** What is not as it should be when all is over. */
function complaints(play: Play): string[] {
  const { talk } = play;
  const count = (kind: string): number => talk.facts.filter((fact) => fact.kind === kind).length;
  const endings = [...play.accepted].map(([lane, turns]) => [turns, play.endingsOf(lane)] as const);
  // a warm-up is no turn, unless it is refused: then it was queued and ended, and never started
  const refusedWarmups = talk.ended().length - play.acceptedTurns;
  const started = talk.ended().filter(({ startedAt }) => startedAt !== undefined).length - refusedWarmups;
  const attempts = talk.transport.attempts.filter(({ body }) => body['generate'] !== false).length;
  const checks: Record<string, boolean> = {
    'an ended fact for each turn that was queued': count('turn.ended') === count('turn.queued'),
    'no turn ended twice': new Set(talk.ended()).size === count('turn.ended'),
    'a turn for each request, and for no warm-up but refused ones':
      refusedWarmups >= 0 && refusedWarmups + count('warmup.answered') <= play.acceptedWarmups,
    'a started fact for each turn that started': count('turn.started') === started,
    'an outcome for each turn': talk
      .ended()
      .every(({ outcome, endedAt }) => outcome && endedAt !== undefined),
    'a started fact for each attempt of a turn': count('attempt.started') === attempts,
    'an ended fact for each attempt of a turn': count('attempt.ended') === attempts,
    'one ending to the client for each turn, none after it went away':
      play.sentWhenGone === undefined
        ? endings.every(([turns, heard]) => heard === turns)
        : endings.every(([turns, heard]) => heard <= turns) && talk.sent.length === play.sentWhenGone,
    'turns of a lane one after another': ![...play.accepted.keys()].some((lane) => overlaps(talk, lane)),
    'no mistake of ours': count('bridge.mistake') === 0,
    'no timer': talk.clock.pending === 0,
    'no request held': talk.counts.bodiesHeld === 0,
    'no attempt running': talk.transport.running.length === 0,
    'no transcript counted': talk.budget.usedBytes === 0 && talk.transcripts.usedBytes === 0,
    'nothing busy': !talk.conversation.isBusy && talk.conversation.queuedBytes === 0,
  };
  return Object.keys(checks).filter((name) => checks[name] !== true);
}

test.each<ContinuationMode>(['Transcript', 'Stateless', 'Provider'])(
  'in mode %s every accepted turn ends exactly once, whatever happens in whichever order, and nothing is left',
  (mode) => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.constantFrom(700, 1 << 20),
        fc.constantFrom('disconnect', 'cut', 'complete'),
        fc.constantFrom('one', 'several', 'sockets'),
        (steps, maxBytes, how, reach) => {
          const play = new Play(mode, maxBytes, reach);
          for (const one of steps) play.run(one);
          play.finish(how);
          expect(complaints(play)).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  },
);

test('between steps the counts keep their limits, and idle is told exactly when nothing runs', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const play = new Play('Transcript', 1 << 20);
      let wasBusy = false;
      let idleBefore = 0;
      for (const one of steps) {
        play.run(one);
        const { conversation, counts, transport } = play.talk;
        expect(transport.running.length).toBeLessThanOrEqual(2);
        expect(play.accepted.size - (play.accepted.has('') ? 1 : 0)).toBeLessThanOrEqual(2);
        const isOpen = play.sentWhenGone === undefined && !play.isCut;
        const becameIdle = isOpen && wasBusy && !conversation.isBusy;
        expect(counts.idle > idleBefore || !becameIdle).toBe(true);
        expect(isOpen || counts.idle === idleBefore).toBe(true);
        wasBusy = conversation.isBusy;
        idleBefore = counts.idle;
      }
      play.finish('disconnect');
      expect(complaints(play)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
