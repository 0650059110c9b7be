/** After its rest a provider is tried by one turn: how that turn ends decides, and some ends decide nothing. */
import { describe, expect, test } from '@jest/globals';
import { ProviderFault } from '../../../src/provider/provider.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { talkWith } from './turn-setup.ts';

describe('a turn that tries a provider after its rest', () => {
  /** Three failures, and the rest is over: the turn that was asked last is the trial. */
  const onTrial = (changes: Partial<CompiledProvider> = {}) => {
    const talk = talkWith([{ auth: { type: 'Passthrough' }, ...changes }, {}]);
    for (let n = 0; n < 3; n++) {
      talk.ask({});
      talk.transport.last.refuse(503, { message: 'busy' });
      talk.transport.last.say(`r${n}`, 'ok');
    }
    talk.clock.advance(3_600_000);
    talk.ask({});
    expect(talk.transport.last.request.provider.name).toBe('a');
    return talk;
  };
  const isTriedNext = ({ providers }: ReturnType<typeof onTrial>): boolean =>
    !providers.health.isResting(aRoute(), aProvider({ name: 'a' }));

  test('keeps the others away until it was answered', () => {
    const talk = onTrial();
    expect(isTriedNext(talk)).toBe(false);
    talk.transport.last.created('r');
    expect(isTriedNext(talk)).toBe(true);
  });

  test('makes room for the next when its client leaves', () => {
    const talk = onTrial();
    talk.conversation.disconnect();
    expect(isTriedNext(talk)).toBe(true);
  });

  test('makes room for the next when its refusal says nothing of the provider', () => {
    const talk = onTrial();
    talk.transport.last.refuse(404, { message: 'what?' });
    expect(talk.errors()).toMatchObject([{ status: 404 }]);
    expect(isTriedNext(talk)).toBe(true);
    expect(talk.facts.filter(({ kind }) => kind === 'provider.returned')).toEqual([]);
  });

  test('makes room for the next when it goes on to another provider without a verdict on this one', () => {
    const talk = onTrial({ transport: 'WebSocket' });
    const fault = new ProviderFault('socket_closed', 'the provider closed', undefined, 1013);
    talk.transport.last.end({ kind: 'lost', isStale: false, fault });
    expect(talk.transport.last.request.provider.name).toBe('b');
    expect(isTriedNext(talk)).toBe(true);
  });

  test('has its answer when its client is beyond a limit of its own', () => {
    const talk = onTrial();
    talk.transport.last.refuse(429, { message: 'slow' }, { 'retry-after': '60' });
    expect(talk.facts.filter(({ kind }) => kind === 'provider.returned')).toHaveLength(1);
    expect(isTriedNext(talk)).toBe(true);
  });
});
