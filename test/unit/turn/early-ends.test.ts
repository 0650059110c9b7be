/** Turns that end before their provider is done: the client interrupts or goes away, or the drain cuts them. */
import { describe, expect, test } from '@jest/globals';
import { aRoute } from '../../harness/compiled-route.ts';
import { expectNothingLeft, kinds } from './talk-checks.ts';
import { aGroup, openTalk, user, type Talk } from './turn-setup.ts';

describe('interrupt', () => {
  test('stops the provider and ends the response as interrupted', () => {
    const talk = openTalk();
    talk.ask();
    talk.transport.last.created('r').item(user('kept')).delta(7);
    talk.interrupt('r');
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
    talk.interrupt('r');
    talk.ask({ previous_response_id: 'r', input: [user('2')] });
    expect(talk.transport.last.input).toEqual([user('1'), user('kept'), user('2')]);
  });

  test('where nothing is remembered its id is blank, as in every other ending', () => {
    const talk = openTalk({
      group: aGroup(aRoute({ continuation: { mode: 'Stateless', maxBytesPerConnection: 1 << 20 } })),
    });
    talk.ask();
    talk.transport.last.created('r');
    talk.interrupt('r');
    expect(talk.sent.at(-1)?.event).toMatchObject({ type: 'response.incomplete', response: { id: '' } });
  });

  test.each([undefined, 'another', 'r_queued', ''])('of %j is late, and ignored', (id) => {
    const talk = openTalk();
    talk.ask();
    talk.ask();
    talk.transport.last.created('r');
    talk.interrupt(id);
    expect(talk.transport.last.state).toBe('running');
    expect(talk.types()).toEqual(['response.created']);
  });

  test('of a response that has ended is ignored', () => {
    const talk = openTalk();
    talk.turn('r', 'x');
    const before = talk.sent.length;
    talk.interrupt('r');
    expect(talk.sent).toHaveLength(before);
  });

  test('finds its response in whichever lane it runs, and lets that lane go on', () => {
    const talk = openTalk();
    talk.ask({ stream_id: 'a' });
    talk.ask({ stream_id: 'b' });
    talk.ask({ stream_id: 'b', input: 'next' });
    talk.transport.attempts[0]!.created('ra');
    talk.transport.attempts[1]!.created('rb');
    talk.interrupt('rb');
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
