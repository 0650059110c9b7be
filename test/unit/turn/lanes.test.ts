/** Turns of one connection wait for those of their lane alone; how many run and wait has limits. */
import { describe, expect, test } from '@jest/globals';
import type { CompiledRoute } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { expectNothingLeft, kinds } from './talk-checks.ts';
import { aGroup, openTalk, user, type Talk } from './turn-setup.ts';

function limited(limits: Partial<CompiledRoute['limits']>): Talk {
  const route = aRoute();
  return openTalk({ group: aGroup({ ...route, limits: { ...route.limits, ...limits } }) });
}

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
