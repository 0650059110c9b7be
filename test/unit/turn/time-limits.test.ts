/** How long a turn may take, by a clock by hand: until its first event, between two, and as a whole. */
import { describe, expect, test } from '@jest/globals';
import type { CompiledRoute } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { expectNothingLeft } from './talk-checks.ts';
import { aGroup, openTalk, type Talk } from './turn-setup.ts';

function timed(timeouts: Partial<CompiledRoute['timeouts']>): Talk {
  const route = aRoute();
  return openTalk({ group: aGroup({ ...route, timeouts: { ...route.timeouts, ...timeouts } }) });
}

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
