/** Frames of a client while a response runs, with a provider by hand: steers and interrupts that it takes. */
import { describe, expect, test } from '@jest/globals';
import { ProviderFault } from '../../../src/provider/provider.ts';
import type { AttemptEnd } from '../../../src/provider/provider.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { talkWith, user } from './turn-setup.ts';

const socket: Partial<CompiledProvider> = { transport: 'WebSocket' };
const lost: AttemptEnd = {
  kind: 'lost',
  isStale: false,
  fault: new ProviderFault('socket_closed', 'the provider closed', undefined, 1011),
};

describe('a steered turn', () => {
  const steer = Buffer.from('{"type":"response.steer","previous_response_id":"r1","input":"x"}');
  const accepted = { type: 'response.steer.accepted', steer: { id: 's', previous_response_id: 'r1' } };
  const capabilities = new Set(['Steer', 'Inject'] as const);
  const begun = () => {
    const talk = talkWith([{ transport: 'Auto', capabilities }]);
    talk.ask({ input: [user('one')] });
    talk.transport.last.answer().created('r1');
    expect(talk.conversation.tell('r1', steer, 'Steer')).toBe('told');
    return talk;
  };

  test('ends with its successor, and can be continued on its socket only', () => {
    const talk = begun();
    talk.transport.last.event(accepted).complete('r1');
    expect(talk.ended()).toEqual([]);
    talk.transport.last.created('r2').complete('r2');
    expect(talk.ended()).toMatchObject([{ outcome: 'completed', responseId: 'r2' }]);
    expect(talk.transport.last.releasedWith).toBe('r2');
    talk.ask({ previous_response_id: 'r2' });
    expect(talk.errors()).toMatchObject([{ error: { code: 'previous_response_not_found' } }]);
    expect(talk.transcripts.usedBytes).toBe(0);
  });

  test('counts the tokens of its response and of the successor', () => {
    const talk = begun();
    const usage = { input_tokens: 10, output_tokens: 3, output_tokens_details: { reasoning_tokens: 1 } };
    talk.transport.last.event(accepted).complete('r1', { usage });
    talk.transport.last.created('r2').complete('r2', { usage: { ...usage, input_tokens: 14 } });
    expect(talk.ended()).toMatchObject([
      { usage: { inputTokens: 24, outputTokens: 6, reasoningTokens: 2, cachedTokens: 0 } },
    ]);
  });

  const event = (what: string, id: string) => ({ type: `response.steer.${what}`, steer: { id } });
  const twice = () => {
    const talk = begun();
    expect(talk.conversation.tell('r1', steer, 'Steer')).toBe('told');
    talk.transport.last.event(event('accepted', 's1')).event(event('accepted', 's2')).complete('r1');
    return talk;
  };

  test('with two steers hears the successor of each, where its provider makes two', () => {
    const talk = twice();
    talk.transport.last.created('r2').complete('r2');
    expect(talk.ended()).toEqual([]);
    talk.transport.last.created('r3').complete('r3');
    expect(talk.ended()).toMatchObject([{ outcome: 'completed', responseId: 'r3' }]);
    expect(talk.transport.last.releasedWith).toBe('r3');
  });

  test('with two steers ends a second after the one successor that they lead to', () => {
    const talk = twice();
    talk.transport.last.created('r2').complete('r2');
    talk.clock.advance(1_001);
    expect(talk.ended()).toMatchObject([{ outcome: 'completed', responseId: 'r2' }]);
    expect(talk.transport.last.releasedWith).toBe('r2');
    expect(talk.types()).not.toContain('response.steer.failed');
  });

  test('is told of each of two steers that come to nothing', () => {
    const talk = twice();
    talk.transport.last.event({ type: 'error', error: { message: 'no' } });
    const failed = talk.sent.flatMap(({ event: one }) =>
      one?.['type'] === 'response.steer.failed' ? [one['steer']] : [],
    );
    expect(failed).toMatchObject([{ id: 's1' }, { id: 's2' }]);
    expect(talk.ended()).toMatchObject([{ outcome: 'completed' }]);
  });

  test('that has ended takes no more of them, and says that it has', () => {
    expect(twice().conversation.tell('r1', steer, 'Steer')).toBe('completed');
  });

  test('whose provider takes no more for a while says so, and so it does after sixty-four', () => {
    const talk = begun();
    talk.transport.last.isFull = true;
    expect(talk.conversation.tell('r1', steer, 'Steer')).toBe('full');
    talk.transport.last.isFull = false;
    for (let n = 1; n < 64; n++) expect(talk.conversation.tell('r1', steer, 'Steer')).toBe('told');
    expect(talk.conversation.tell('r1', steer, 'Inject')).toBe('full');
  });

  test('that waits for tool outputs ends at once: they come with the client’s next request', () => {
    const talk = begun();
    talk.transport.last.event(accepted).complete('r1').event({ type: 'response.steer.pending' });
    expect(talk.ended()).toMatchObject([{ outcome: 'completed' }]);
    expect(talk.transport.last.releasedWith).toBe('r1');
  });

  test('is not remembered without its steer, also where it ends before its successor comes', () => {
    const talk = begun();
    talk.transport.last.event(accepted).event(event('pending', 's')).complete('r1');
    expect(talk.ended()).toMatchObject([{ outcome: 'completed', responseId: 'r1' }]);
    expect(talk.transcripts.usedBytes).toBe(0);
    talk.ask({ previous_response_id: 'r1' });
    expect(talk.errors()).toMatchObject([{ error: { code: 'previous_response_not_found' } }]);
  });

  test('whose steer came too late ends with the refusal, and is remembered', () => {
    const talk = begun();
    talk.transport.last.complete('r1').event({ type: 'response.steer.failed', error: { code: 'x' } });
    expect(talk.ended()).toMatchObject([{ outcome: 'completed' }]);
    expect(talk.types().at(-1)).toBe('response.steer.failed');
    talk.ask({ previous_response_id: 'r1', input: [user('two')] });
    expect(talk.errors()).toEqual([]);
    expect(talk.transport.last.input).toEqual([user('one'), user('two')]);
  });

  test('whose steer nobody answers ends after five seconds, and its socket with it', () => {
    const talk = begun();
    talk.transport.last.complete('r1');
    talk.clock.advance(5_001);
    expect(talk.ended()).toMatchObject([{ outcome: 'completed' }]);
    expect(talk.transport.last.state).toBe('aborted');
  });

  test('whose provider is lost before the successor tells the client that nothing came of it', () => {
    const talk = begun();
    talk.transport.last.event(accepted).complete('r1').end(lost);
    expect(talk.types().at(-1)).toBe('response.steer.failed');
    expect(talk.sent.at(-1)?.event).toMatchObject({ error: { code: 'successor_creation_failed' } });
    expect(talk.ended()).toMatchObject([{ outcome: 'completed' }]);
  });

  test.each(['cut', 'disconnect'] as const)('ends at once when the connection does (%s)', (how) => {
    const talk = begun();
    talk.transport.last.event(accepted).complete('r1');
    talk.conversation[how]();
    expect(talk.transport.last.state).toBe('aborted');
    expect(talk.ended()).toHaveLength(1);
    expect(talk.types().filter((type) => type === 'response.failed')).toEqual([]);
  });
});

describe('response.interrupt for a provider that takes it', () => {
  const interruptible = () => {
    const talk = talkWith([{ ...socket, capabilities: new Set(['Interrupt'] as const) }]);
    talk.ask({});
    talk.transport.last.created('r1');
    talk.interrupt('r1');
    return talk;
  };

  test('is passed on once, and the provider’s ending is the client’s', () => {
    const talk = interruptible();
    talk.interrupt('r1');
    expect(talk.transport.last.frames).toHaveLength(1);
    talk.transport.last.event({ type: 'response.incomplete', response: { id: 'r1', status: 'incomplete' } });
    expect(talk.ended()).toMatchObject([{ outcome: 'cancelled' }]);
    expect(talk.transport.last.releasedWith).toBe('r1');
  });

  test('leaves no timer behind when the client goes away meanwhile', () => {
    const talk = interruptible();
    talk.conversation.disconnect();
    expect(talk.clock.pending).toBe(0);
    expect(talk.transport.last.state).toBe('aborted');
  });

  test('that is lost over it has interrupted the response too', () => {
    const talk = interruptible();
    talk.transport.last.end(lost);
    expect(talk.types().at(-1)).toBe('response.incomplete');
    expect(talk.ended()).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('that does not act on it within five seconds, we end the response', () => {
    const talk = interruptible();
    talk.clock.advance(4_900);
    expect(talk.ended()).toEqual([]);
    talk.clock.advance(200);
    expect(talk.transport.last.state).toBe('aborted');
    expect(talk.types().at(-1)).toBe('response.incomplete');
    expect(talk.ended()).toMatchObject([{ outcome: 'cancelled' }]);
  });
});
