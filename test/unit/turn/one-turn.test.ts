/** One turn, with a provider by hand: what the client hears, what is told of it, and whose route it takes. */
import { describe, expect, test } from '@jest/globals';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { expectNothingLeft, kinds } from './talk-checks.ts';
import { aGroup, openTalk, user, type Json } from './turn-setup.ts';

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
    expect(talk.transport.last.request).toHaveProperty('clientHeaders', [
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
