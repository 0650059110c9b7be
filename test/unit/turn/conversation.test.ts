import { describe, expect, test } from '@jest/globals';
import type { CompiledRoute } from '../../../src/route/snapshot.ts';
import { ProviderFault } from '../../../src/provider/provider.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { aGroup, openTalk, user, type Json, type Talk } from './turn-setup.ts';

function limited(limits: Partial<CompiledRoute['limits']>): Talk {
  const route = aRoute();
  return openTalk({ group: aGroup({ ...route, limits: { ...route.limits, ...limits } }) });
}

function timed(timeouts: Partial<CompiledRoute['timeouts']>): Talk {
  const route = aRoute();
  return openTalk({ group: aGroup({ ...route, timeouts: { ...route.timeouts, ...timeouts } }) });
}

function kinds(talk: Talk): string[] {
  return talk.facts.map(({ kind }) => kind);
}

/** Everything that was opened or counted has been given back. */
function expectNothingLeft(talk: Talk): void {
  expect(talk.clock.pending).toBe(0);
  expect(talk.counts.bodiesHeld).toBe(0);
  expect(talk.transport.running).toEqual([]);
  expect(talk.conversation.isBusy).toBe(false);
}

describe('one turn', () => {
  test('its events go to the client as they came, and its facts are told in order', () => {
    const talk = openTalk();
    talk.ask({ input: [user('hi')] });
    expect(talk.conversation.isBusy).toBe(true);
    talk.transport.last
      .answer()
      .created('resp_1')
      .delta()
      .complete('resp_1', {
        usage: {
          input_tokens: 5,
          input_tokens_details: { cached_tokens: 2 },
          output_tokens: 7,
          output_tokens_details: { reasoning_tokens: 1 },
        },
      });
    expect(talk.types()).toEqual(['response.created', 'response.output_text.delta', 'response.completed']);
    expect(kinds(talk)).toEqual([
      'turn.queued',
      'turn.started',
      'attempt.started',
      'turn.first-event',
      'turn.first-output',
      'attempt.ended',
      'turn.ended',
    ]);
    expect(talk.ended()[0]).toMatchObject({
      index: 1,
      outcome: 'completed',
      events: 3,
      attempts: 1,
      provider: 'openai',
      route: 'ai/coding',
      responseId: 'resp_1',
      providerRequestId: 'req_1',
      continuation: 'none',
      errorType: undefined,
      usage: { inputTokens: 5, cachedTokens: 2, outputTokens: 7, reasoningTokens: 1 },
    });
    expect(talk.transport.last.state).toBe('released');
    expect(talk.counts.idle).toBe(1);
    expectNothingLeft(talk);
  });

  test('the request’s bytes are let go of with the first event, not before', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.answer();
    expect(talk.counts.bodiesHeld).toBe(1);
    talk.transport.last.created('r');
    expect(talk.counts.bodiesHeld).toBe(0);
  });

  test('headers in a frame’s metadata win over those of the handshake', () => {
    const talk = openTalk();
    talk.ask({ client_metadata: { session_id: 'frame', 'x-codex-ws-stream-request-start-ms': '1' } });
    expect(talk.transport.last.request.clientHeaders).toEqual([
      { name: 'user-agent', value: 'test' },
      { name: 'session-id', value: 'frame' },
    ]);
    expect(talk.transport.last.body['client_metadata']).toEqual({ session_id: 'frame' });
  });

  test('a turn state in the answer’s header goes before the first event, and does not commit the turn', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.answer('sticky');
    expect([talk.sent, talk.counts.bodiesHeld]).toEqual([[], 1]);
    talk.transport.last.created('r').delta();
    expect(talk.types()).toEqual(['response.metadata', 'response.created', 'response.output_text.delta']);
    expect(talk.sent[0]?.event).toEqual({
      type: 'response.metadata',
      headers: { 'x-codex-turn-state': 'sticky' },
    });
  });

  test('a turn state is left out where the turn fails before its first event', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.answer('sticky').end({ kind: 'finished' });
    expect(talk.types()).toEqual(['error provider_stream_ended']);
  });

  test('a provider’s keep-alives pass to clients that take them, and to no others', () => {
    for (const takesKeepalives of [true, false]) {
      const talk = openTalk({ takesKeepalives });
      talk.ask();
      talk.transport.last.answer().event({ type: 'keepalive' });
      expect(talk.types()).toEqual(takesKeepalives ? ['keepalive'] : []);
    }
  });

  test.each([
    ['response.incomplete', 'incomplete'],
    ['response.completed', 'completed'],
  ])('%s ends a turn as %s', (type, outcome) => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.created('r').event({ type, response: { id: 'r' } });
    expect(talk.ended()).toMatchObject([{ outcome }]);
    expectNothingLeft(talk);
  });

  test('response.failed passes as it came, and its code is counted when it is a known one', () => {
    for (const [code, errorType] of [
      ['rate_limit_exceeded', 'rate_limit_exceeded'],
      ['Some Text Of Theirs', '_OTHER'],
    ]) {
      const talk = openTalk();
      talk.ask();
      const event = { type: 'response.failed', response: { id: 'r', error: { code, message: 'm' } } };
      talk.transport.last.created('r').event(event);
      expect(talk.sent.at(-1)?.event).toEqual(event);
      expect(talk.ended()).toMatchObject([{ outcome: 'failed', errorType }]);
      expectNothingLeft(talk);
    }
  });
});

describe('what fails', () => {
  test('before the response exists is an error; after that it is the response’s own ending', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.end({
      kind: 'lost',
      fault: new ProviderFault('connect_failed', 'no', 'ECONNREFUSED'),
    });
    expect(talk.errors()).toMatchObject([
      { status: 502, error: { code: 'provider_unreachable', message: 'no.' } },
    ]);
    expect(talk.ended()).toMatchObject([
      { outcome: 'provider_error', errorType: 'ECONNREFUSED', status: 502 },
    ]);

    talk.ask();
    talk.transport.last
      .created('resp_2')
      .item(user('x'))
      .end({ kind: 'lost', fault: new ProviderFault('connection_lost', 'gone', 'ECONNRESET') });
    expect(talk.sent.at(-1)?.event).toMatchObject({
      type: 'response.failed',
      sequence_number: 3,
      response: {
        id: 'resp_2',
        status: 'failed',
        model: 'm',
        error: { code: 'provider_connection_lost', message: 'gone.' },
        output: [user('x')],
      },
    });
    expect(talk.errors()).toHaveLength(1);
    expectNothingLeft(talk);
  });

  test('a stream that ends without a terminal event is a failure, not an end', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.answer().end({ kind: 'finished' });
    expect(talk.errors()).toMatchObject([
      {
        status: 502,
        error: {
          code: 'provider_stream_ended',
          message: 'Provider openai ended its stream without a terminal event.',
        },
      },
    ]);
    expect(talk.ended()).toMatchObject([{ outcome: 'provider_error', errorType: 'upstream_stream_ended' }]);
    expectNothingLeft(talk);
  });

  test('a refusal of the provider is carried over', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.refuse(429, { code: 'rate_limit_exceeded', message: 'slow', type: 't' });
    expect(talk.errors()).toMatchObject([{ status: 429, headers: { 'retry-after': '5' } }]);
    expect(talk.ended()).toMatchObject([
      { outcome: 'failed', errorType: 'rate_limit_exceeded', status: 429 },
    ]);
    expectNothingLeft(talk);
  });

  test('an error event ends the turn, with a status that clients do not ignore', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.answer().event({ type: 'error', code: 'rate_limit_exceeded', message: 'm' });
    expect(talk.errors()).toMatchObject([{ status: 429, error: { code: 'rate_limit_exceeded' } }]);
    expect(talk.transport.last.state).toBe('aborted');

    talk.ask();
    talk.transport.last.created('r').event({ type: 'error', error: { code: 'server_error', message: 'm' } });
    expect(talk.sent.at(-1)?.event).toMatchObject({
      type: 'response.failed',
      response: { id: 'r', error: { code: 'server_error', message: 'm' } },
    });
    expectNothingLeft(talk);
  });

  test('a model that nobody serves costs no attempt, and the next turn runs', () => {
    const talk = openTalk({
      group: aGroup(
        aRoute({ match: { models: ['gpt-*'], headers: [] }, providers: [aProvider({ models: ['gpt-5*'] })] }),
      ),
    });
    talk.ask({ model: 'claude' });
    talk.ask({ model: 'gpt-4' });
    talk.ask({ model: 'gpt-5.5' });
    expect(talk.errors().map(({ status, error }) => [status, error.code, error.param])).toEqual([
      [404, 'model_not_found', 'model'],
      [404, 'model_not_found', 'model'],
    ]);
    expect(talk.ended()).toMatchObject([
      { outcome: 'rejected', model: 'other', attempts: 0 },
      { outcome: 'rejected', model: 'gpt-*', attempts: 0 },
    ]);
    expect(talk.transport.attempts).toHaveLength(1);
  });

  test('what an attempt says after its turn has ended is not heard', () => {
    const talk = openTalk();
    talk.ask();
    const { request } = talk.transport.last;
    talk.transport.last.created('r').complete('r');
    const before = talk.sent.length;
    talk.transport.last.state = 'running'; // as if the transport broke its promise
    talk.transport.last.delta().complete('r').end({ kind: 'finished' });
    expect(request).toBeDefined();
    expect(talk.sent).toHaveLength(before);
    expect(talk.ended()).toHaveLength(1);
  });
});

describe('lanes', () => {
  test('within a lane turns are first in, first out and never overlap', () => {
    const talk = openTalk();
    for (const text of ['1', '2', '3']) talk.ask({ input: [user(text)] });
    expect(talk.transport.attempts).toHaveLength(1);
    talk.transport.last.say('r1', 'a');
    expect(talk.transport.attempts).toHaveLength(2);
    talk.transport.last.say('r2', 'b');
    talk.transport.last.say('r3', 'c');
    expect(talk.transport.attempts.map(({ input }) => input)).toEqual([
      [user('1')],
      [user('2')],
      [user('3')],
    ]);
    expect(talk.ended().map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(talk.counts.idle).toBe(1);
    expectNothingLeft(talk);
  });

  test('lanes do not wait for each other, and events go to the lane that asked', () => {
    const talk = openTalk();
    talk.ask({ stream_id: 'a' });
    talk.ask({ stream_id: 'b' });
    talk.ask();
    const [a, b, main] = talk.transport.attempts;
    b!.created('rb');
    main!.say('rm', 'x');
    a!.created('ra').complete('ra');
    b!.complete('rb');
    expect(talk.types('a')).toEqual(['response.created', 'response.completed']);
    expect(talk.types('b')).toEqual(['response.created', 'response.completed']);
    expect(talk.ended().map(({ lane }) => lane)).toEqual(['default', 'named', 'named']);
  });

  test('no more turns run than may, and lanes get their turn in the order in which they became ready', () => {
    const talk = limited({ maxTurnsInFlight: 2 });
    for (const lane of ['a', 'b', 'c', 'd', 'c']) talk.ask({ stream_id: lane, input: lane });
    expect(talk.transport.attempts).toHaveLength(2);
    talk.transport.attempts[1]!.say('rb', '');
    expect(talk.transport.attempts.map(({ input }) => input)).toEqual(['a', 'b', 'c']);
    talk.transport.attempts[0]!.say('ra', '');
    talk.transport.attempts[2]!.say('rc', '');
    expect(talk.transport.attempts.map(({ input }) => input)).toEqual(['a', 'b', 'c', 'd', 'c']);
  });

  test('a queue that is full refuses the next turn and changes nothing', () => {
    const talk = limited({ maxQueuedTurns: 2 });
    expect([1, 2, 3].map(() => talk.ask())).toEqual([undefined, undefined, undefined]);
    expect(talk.ask()).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      error: {
        code: 'queue_full',
        message:
          '2 turns are waiting on this connection (limits.maxQueuedTurns); send the next one when one of them has ended.',
      },
    });
    expect(talk.ask({ stream_id: 'new' })?.error.code).toBe('queue_full');
    expect(talk.conversation.turns).toBe(3);
    expect(kinds(talk).filter((kind) => kind === 'turn.queued')).toHaveLength(3);
    talk.transport.last.say('r1', '');
    expect(talk.ask()).toBeUndefined();
  });

  test('one named lane more than may be is refused; the default lane is always there', () => {
    const talk = limited({ maxLanes: 2 });
    talk.ask({ stream_id: 'a' });
    talk.ask({ stream_id: 'b' });
    expect(talk.ask({ stream_id: 'c' })).toMatchObject({
      status: 400,
      error: { code: 'websocket_stream_limit_reached', param: 'stream_id' },
    });
    expect(talk.ask()).toBeUndefined();
    expect(talk.ask({ stream_id: 'a' })).toBeUndefined();
  });

  test('bytes of waiting requests are known while they wait', () => {
    const talk = openTalk();
    talk.ask({ input: 'x'.repeat(1000) });
    expect(talk.conversation.queuedBytes).toBe(0);
    talk.ask({ input: 'x'.repeat(1000) });
    expect(talk.conversation.queuedBytes).toBeGreaterThan(1000);
    talk.conversation.disconnect();
    expect(talk.conversation.queuedBytes).toBe(0);
  });

  test('a thousand refused turns in a row start one after another without deep recursion', () => {
    const talk = limited({ maxQueuedTurns: 10_000 });
    talk.ask();
    for (let n = 0; n < 5_000; n++) talk.ask({ previous_response_id: 'unknown' });
    talk.transport.last.complete('r');
    expect(talk.ended()).toHaveLength(5_001);
    expectNothingLeft(talk);
  });
});

describe('interrupt', () => {
  test('stops the provider and ends the response as interrupted', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.created('r').item(user('kept')).delta(7);
    talk.conversation.interrupt('r');
    expect(talk.transport.last.state).toBe('aborted');
    expect(talk.sent.at(-1)?.event).toMatchObject({
      type: 'response.incomplete',
      sequence_number: 8,
      response: { id: 'r', incomplete_details: { reason: 'interrupted' }, output: [user('kept')] },
    });
    expect(talk.ended()).toMatchObject([{ outcome: 'cancelled', errorType: undefined }]);
    expectNothingLeft(talk);
  });

  test('the interrupted response can be continued, with its finished items', () => {
    const talk = openTalk();
    talk.ask({ input: [user('1')] });
    talk.transport.last.created('r').item(user('kept')).delta();
    talk.conversation.interrupt('r');
    talk.ask({ previous_response_id: 'r', input: [user('2')] });
    expect(talk.transport.last.input).toEqual([user('1'), user('kept'), user('2')]);
  });

  test('where nothing is remembered its id is blank, as in every other ending', () => {
    const talk = openTalk({
      group: aGroup(aRoute({ continuation: { mode: 'Stateless', maxBytesPerConnection: 1 << 20 } })),
    });
    talk.ask();
    talk.transport.last.created('r');
    talk.conversation.interrupt('r');
    expect(talk.sent.at(-1)?.event).toMatchObject({ type: 'response.incomplete', response: { id: '' } });
  });

  test.each([undefined, 'another', 'r_queued', ''])('of %j is late, and ignored', (id) => {
    const talk = openTalk();
    talk.ask();
    talk.ask();
    talk.transport.last.created('r');
    talk.conversation.interrupt(id);
    expect(talk.transport.last.state).toBe('running');
    expect(talk.types()).toEqual(['response.created']);
  });

  test('of a response that has ended is ignored', () => {
    const talk = openTalk();
    talk.turn('r', 'x');
    const before = talk.sent.length;
    talk.conversation.interrupt('r');
    expect(talk.sent).toHaveLength(before);
  });

  test('finds its response in whichever lane it runs, and lets that lane go on', () => {
    const talk = openTalk();
    talk.ask({ stream_id: 'a' });
    talk.ask({ stream_id: 'b' });
    talk.ask({ stream_id: 'b', input: 'next' });
    talk.transport.attempts[0]!.created('ra');
    talk.transport.attempts[1]!.created('rb');
    talk.conversation.interrupt('rb');
    expect(talk.types('b')).toEqual(['response.created', 'response.incomplete']);
    expect(talk.transport.last.input).toBe('next');
    expect(talk.transport.attempts[0]!.state).toBe('running');
  });
});

describe('the client goes away', () => {
  test.each<[string, (talk: Talk) => void]>([
    ['before any turn', () => undefined],
    ['while the provider is asked', (talk) => void talk.ask()],
    [
      'while events stream',
      (talk) => {
        talk.ask();
        talk.transport.last.created('r').delta();
      },
    ],
    [
      'while turns wait, some of them continuing others',
      (talk) => {
        talk.turn('r0', 'x');
        talk.ask({ previous_response_id: 'r0' });
        talk.ask({ previous_response_id: 'r0' });
        talk.ask({ generate: false, previous_response_id: 'r0' });
      },
    ],
    [
      'while it is not reading',
      (talk) => {
        talk.ask();
        talk.conversation.pause();
      },
    ],
    ['after its turn', (talk) => void talk.turn('r', 'x')],
  ])('%s: every turn ends without a word, and nothing is left', (_, arrange) => {
    const talk = openTalk();
    arrange(talk);
    const before = talk.sent.length;
    talk.conversation.disconnect();
    talk.conversation.disconnect();
    expect(talk.sent).toHaveLength(before);
    const queued = kinds(talk).filter((kind) => kind === 'turn.queued');
    expect(talk.ended()).toHaveLength(queued.length);
    expect(talk.budget.usedBytes).toBe(0);
    expectNothingLeft(talk);
  });

  test('its running and waiting turns are counted as disconnected', () => {
    const talk = openTalk();
    talk.ask();
    talk.ask();
    talk.conversation.disconnect();
    expect(talk.ended().map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
      ['disconnected', 1],
      ['disconnected', 0],
    ]);
    expect(talk.counts.idle).toBe(0);
  });

  test('a frame that is read after that is refused, and held by nobody', () => {
    const talk = openTalk();
    talk.conversation.disconnect();
    expect(talk.ask()?.error.code).toBe('websocket_connection_limit_reached');
    expect(kinds(talk)).toEqual([]);
    expectNothingLeft(talk);
  });
});

describe('the drain’s deadline', () => {
  test('before the first finished item the client is told to open another connection', () => {
    const talk = openTalk();
    talk.ask({ stream_id: 'a' });
    talk.ask({ stream_id: 'a' });
    talk.ask({ stream_id: 'b' });
    talk.transport.attempts[0]!.created('ra').delta();
    talk.conversation.cut();
    talk.conversation.cut();
    expect(talk.types().filter((type) => type.startsWith('error'))).toEqual(
      Array.from({ length: 3 }, () => 'error websocket_connection_limit_reached'),
    );
    expect(talk.ended().map(({ outcome, errorType }) => [outcome, errorType])).toEqual(
      Array.from({ length: 3 }, () => ['drained', 'server_draining']),
    );
    expect(talk.budget.usedBytes).toBe(0);
    expectNothingLeft(talk);
  });

  test.each(['Transcript', 'Stateless', 'Provider'] as const)(
    'after the first finished item the response is failed, in mode %s too',
    (mode) => {
      const talk = openTalk({
        group: aGroup(aRoute({ continuation: { mode, maxBytesPerConnection: 1 << 20 } })),
      });
      talk.ask();
      talk.transport.last.created('r').item(user('x'));
      talk.conversation.cut();
      expect(talk.sent.at(-1)?.event).toMatchObject({
        type: 'response.failed',
        response: { id: 'r', error: { code: 'server_draining' } },
      });
      expect(talk.transport.last.state).toBe('aborted');
      expectNothingLeft(talk);
    },
  );

  test('a request that comes after it is told the same', () => {
    const talk = openTalk();
    talk.conversation.cut();
    expect(talk.ask()?.error.code).toBe('websocket_connection_limit_reached');
    expectNothingLeft(talk);
  });
});

describe('time', () => {
  test('without a first event the turn ends at its limit, not before', () => {
    const talk = timed({ firstEventMs: 5_000 });
    talk.ask();
    talk.transport.last.answer();
    talk.clock.advance(4_999);
    expect(talk.errors()).toEqual([]);
    talk.clock.advance(1);
    expect(talk.errors()).toMatchObject([
      {
        status: 504,
        error: {
          code: 'first_event_timeout',
          message: 'The provider sent no event within 5 s (timeouts.firstEventSeconds).',
        },
      },
    ]);
    expect(talk.ended()).toMatchObject([
      { outcome: 'timeout', errorType: 'first_event_timeout', status: 504 },
    ]);
    expect(talk.transport.last.state).toBe('aborted');
    expectNothingLeft(talk);
  });

  test('silence between events counts from the last of them; a keep-alive is one', () => {
    const talk = timed({ idleMs: 5_000 });
    talk.ask();
    talk.transport.last.created('r');
    for (let n = 0; n < 5; n++) {
      talk.clock.advance(4_000);
      talk.transport.last.event(n === 3 ? { type: 'keepalive' } : { type: 'response.in_progress' });
    }
    talk.clock.advance(4_999);
    expect(talk.ended()).toEqual([]);
    talk.clock.advance(2);
    expect(talk.sent.at(-1)?.event).toMatchObject({
      type: 'response.failed',
      response: {
        id: 'r',
        error: {
          code: 'idle_timeout',
          message: 'The provider sent nothing for 5 s (timeouts.idleSeconds).',
        },
      },
    });
    expect(talk.ended()).toMatchObject([{ outcome: 'timeout', maxGapMs: 5_000 }]);
    expectNothingLeft(talk);
  });

  test('time in which we do not read is not the provider’s silence', () => {
    const talk = timed({ firstEventMs: 5_000, idleMs: 5_000 });
    talk.ask();
    talk.clock.advance(3_000);
    talk.conversation.pause();
    expect(talk.transport.last.isPaused).toBe(true);
    talk.clock.advance(60_000);
    talk.conversation.resume();
    expect(talk.transport.last.isPaused).toBe(false);
    talk.clock.advance(4_999);
    talk.transport.last.created('r');
    talk.conversation.pause();
    talk.clock.advance(60_000);
    talk.conversation.resume();
    talk.clock.advance(4_998);
    expect(talk.ended()).toEqual([]);
    talk.clock.advance(2);
    expect(talk.ended()).toMatchObject([
      { outcome: 'timeout', errorType: 'idle_timeout', pausedMs: 120_000 },
    ]);
    expectNothingLeft(talk);
  });

  test('the whole turn has a limit, whatever happens in it', () => {
    const talk = timed({ idleMs: 5_000, turnDeadlineMs: 20_000 });
    talk.ask();
    talk.transport.last.created('r');
    for (let n = 0; n < 4; n++) {
      talk.clock.advance(4_000);
      talk.transport.last.delta();
    }
    talk.conversation.pause();
    talk.clock.advance(4_000);
    expect(talk.sent.at(-1)?.event).toMatchObject({ response: { error: { code: 'turn_timeout' } } });
    expect(talk.ended()).toMatchObject([{ outcome: 'timeout', errorType: 'turn_timeout', pausedMs: 4_000 }]);
    expectNothingLeft(talk);
  });

  test('a turn that waits in its lane has no limits yet', () => {
    const talk = timed({ firstEventMs: 5_000, idleMs: 600_000, turnDeadlineMs: 600_000 });
    talk.ask();
    talk.transport.last.created('r');
    talk.ask();
    talk.clock.advance(60_000);
    talk.transport.last.complete('r');
    talk.clock.advance(4_999);
    expect(talk.ended()).toHaveLength(1);
    expect(talk.transport.running).toHaveLength(1);
  });

  test('a turn that starts while the client does not read starts paused', () => {
    const talk = openTalk();
    talk.ask();
    talk.ask();
    talk.conversation.pause();
    talk.transport.last.complete('r');
    expect(talk.transport.attempts.map(({ isPaused }) => isPaused)).toEqual([true, true]);
    talk.conversation.resume();
    expect(talk.transport.last.isPaused).toBe(false);
  });
});

describe('a mistake of ours', () => {
  const MISTAKE = new TypeError('a bug');

  function stumblingAt(type: string): Talk {
    return openTalk({
      beforeSending: ({ event }) => {
        if (event?.['type'] === type) throw MISTAKE;
      },
    });
  }

  test('of whoever listens to a turn does not keep the next one of its lane waiting', () => {
    const talk = openTalk({
      onFact: (fact) => {
        if (fact.kind === 'turn.ended' && fact.turn.index === 1) throw MISTAKE;
      },
    });
    talk.ask({ input: 'first' });
    talk.ask({ input: 'second' });
    talk.transport.attempts[0]!.complete('r1');
    expect(talk.transport.last.input).toBe('second');
    talk.transport.attempts[1]!.complete('r2');
    expect(talk.types()).toEqual(['response.completed', 'response.completed']);
    expectNothingLeft(talk);
  });

  test('ends its turn and no other, and is told to the log', () => {
    const talk = stumblingAt('response.created');
    talk.ask({ stream_id: 'a', input: 'first' });
    talk.ask({ stream_id: 'a', input: 'second' });
    talk.ask({ stream_id: 'b' });
    talk.transport.attempts[0]!.event({ type: 'response.created', response: {} });
    expect(talk.errors()).toMatchObject([{ status: 500, error: { code: 'internal_error' } }]);
    expect(talk.facts.find(({ kind }) => kind === 'bridge.mistake')).toMatchObject({ error: MISTAKE });
    expect(talk.ended()).toMatchObject([{ outcome: 'bridge_error', errorType: 'internal_error' }]);
    expect(talk.transport.attempts[0]!.state).toBe('aborted');
    talk.transport.attempts[1]!.complete('rb');
    talk.transport.attempts[2]!.complete('ra');
    expect(talk.transport.last.input).toBe('second');
    expect(talk.ended().map(({ outcome }) => outcome)).toEqual(['bridge_error', 'completed', 'completed']);
    expectNothingLeft(talk);
  });

  test('after the response was created is the response’s own ending', () => {
    const talk = stumblingAt('response.output_text.delta');
    talk.ask();
    talk.transport.last.created('r').delta();
    expect(talk.sent.at(-1)?.event).toMatchObject({
      type: 'response.failed',
      response: { id: 'r', error: { code: 'internal_error' } },
    });
    expectNothingLeft(talk);
  });

  test('in a warm-up ends it with an error', () => {
    const talk = stumblingAt('response.completed');
    talk.ask({ generate: false, input: [user('x')] });
    expect(talk.errors()).toMatchObject([{ status: 500 }]);
    expect(kinds(talk)).toEqual(['bridge.mistake', 'turn.queued', 'turn.ended']);
    expect(talk.ended()).toMatchObject([{ outcome: 'bridge_error' }]);
    talk.conversation.disconnect();
    expect(talk.budget.usedBytes).toBe(0);
    expectNothingLeft(talk);
  });

  test('in the last event of a turn ends it once, and leaves nothing', () => {
    const talk = stumblingAt('response.completed');
    talk.ask();
    talk.transport.last.created('r').complete('r');
    expect(talk.types()).toEqual(['response.created', 'response.failed']);
    expect(talk.ended()).toHaveLength(1);
    expectNothingLeft(talk);
    talk.conversation.disconnect();
    expect(talk.budget.usedBytes).toBe(0);
  });
});

describe('routes that change', () => {
  test('a turn keeps the route it started with; the next one finds the new one', () => {
    const talk = openTalk();
    talk.ask();
    talk.ask();
    talk.setGroup(aGroup(aRoute({ id: 'ai/new', providers: [aProvider({ name: 'other' })] })));
    talk.transport.last.created('r').complete('r');
    expect(talk.transport.attempts.map(({ request }) => request.provider.name)).toEqual(['openai', 'other']);
    expect(talk.ended()).toMatchObject([{ route: 'ai/coding' }]);
  });

  test('models are mapped to the provider’s name for them', () => {
    const talk = openTalk({
      group: aGroup(
        aRoute({ providers: [aProvider({ modelMapping: [{ from: 'gpt-*', to: 'vendor/gpt-*' }] })] }),
      ),
    });
    const members: Json = { model: 'gpt-5', tools: [{ a: 1 }], input: [] };
    talk.ask(members);
    expect(talk.transport.last.body).toEqual({ ...members, model: 'vendor/gpt-5', stream: true });
    expect(talk.facts.find((fact) => fact.kind === 'turn.started')).toMatchObject({
      turn: { model: 'gpt-*' },
    });
  });
});
