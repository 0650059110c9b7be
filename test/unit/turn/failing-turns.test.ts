/** A turn that fails, by its provider or by a mistake of ours: what the client hears, and that nothing else fails. */
import { describe, expect, test } from '@jest/globals';
import { ProviderFault } from '../../../src/provider/provider.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { expectNothingLeft, kinds } from './talk-checks.ts';
import { aGroup, openTalk, user, type Talk } from './turn-setup.ts';

describe('what fails', () => {
  test('before the response exists is an error; after that it is the response’s own ending', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.end({
      kind: 'lost',
      isStale: false,
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
      .end({
        kind: 'lost',
        isStale: false,
        fault: new ProviderFault('connection_lost', 'gone', 'ECONNRESET'),
      });
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
