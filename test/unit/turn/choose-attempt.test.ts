import { describe, expect, test } from '@jest/globals';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { chooseAttempt, isMoveToHealth, type AttemptChoice } from '../../../src/turn/choose-attempt.ts';
import { HealthBook } from '../../../src/turn/health.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { manualClock } from '../../harness/clock.ts';

function named(name: string, changes: Partial<CompiledProvider> = {}): CompiledProvider {
  return aProvider({ name, ...changes });
}

function choose(
  providers: readonly CompiledProvider[],
  { resting = [], ...changes }: Partial<AttemptChoice> & { readonly resting?: readonly string[] } = {},
  model = 'm',
): string | undefined {
  const choice: AttemptChoice = {
    health: { isResting: (_route, { name }) => resting.includes(name) },
    tried: new Set(),
    pinned: undefined,
    isChatGpt: false,
    random: () => 0,
    ...changes,
  };
  return chooseAttempt(aRoute({ providers }), model, choice)?.name;
}

const A = named('a');
const B = named('b');
const SECOND = named('second', { priority: 1 });

describe('the next provider', () => {
  test('is of the best tier', () => {
    expect(choose([A, SECOND], { random: () => 0.99 })).toBe('a');
  });

  test('is of the next tier when the best one rests', () => {
    expect(choose([A, B, SECOND], { resting: ['a', 'b'] })).toBe('second');
  });

  test('is one of its tier that does not rest', () => {
    expect(choose([A, B, SECOND], { resting: ['a'] })).toBe('b');
  });

  test('is one that the turn has not asked', () => {
    expect(choose([A, B, SECOND], { tried: new Set(['a']) })).toBe('b');
    expect(choose([A, B, SECOND], { tried: new Set(['a', 'b']) })).toBe('second');
    expect(choose([A, B, SECOND], { tried: new Set(['a', 'b', 'second']) })).toBeUndefined();
  });

  test('has the model', () => {
    const gpt = named('gpt', { models: ['gpt-*'] });
    expect(choose([gpt, B], {}, 'qwen')).toBe('b');
    expect(choose([gpt], {}, 'qwen')).toBeUndefined();
  });

  test('is the first in order when all rest', () => {
    expect(choose([A, B, SECOND], { resting: ['a', 'b', 'second'], random: () => 0.99 })).toBe('a');
    expect(choose([A, SECOND], { resting: ['a', 'second'], tried: new Set(['a']) })).toBe('second');
  });
});

describe('weights', () => {
  const three = [named('x', { weight: 1 }), named('y', { weight: 2 }), named('z', { weight: 1 })];

  test.each([
    [0, 'x'],
    [0.2499, 'x'],
    [0.25, 'y'],
    [0.7499, 'y'],
    [0.75, 'z'],
    [0.999999, 'z'],
    [1, 'z'], // what no generator should give
  ])('share out what is drawn: %p goes to %s', (draw, expected) => {
    expect(choose(three, { random: () => draw })).toBe(expected);
  });

  test('of those that rest count for nothing', () => {
    expect(choose(three, { random: () => 0.4, resting: ['y'] })).toBe('x');
    expect(choose(three, { random: () => 0.6, resting: ['y'] })).toBe('z');
  });

  test('of 0 are for when nobody else is there', () => {
    const idle = named('idle', { weight: 0 });
    expect(choose([idle, A], { random: () => 0 })).toBe('a');
    expect(choose([idle, A, SECOND], { resting: ['a'] })).toBe('second');
    expect(choose([idle, A, SECOND], { resting: ['a', 'second'] })).toBe('idle');
    expect(choose([idle, A], { resting: ['a', 'idle'] })).toBe('a');
    expect(choose([idle, named('idle-too', { weight: 0 })], {})).toBe('idle');
  });
});

describe('the provider that served the lane before', () => {
  test('is asked again', () => {
    expect(choose([A, B], { pinned: 'b' })).toBe('b');
  });

  test.each<[string, readonly CompiledProvider[], Partial<AttemptChoice> & { resting?: string[] }, string]>([
    ['is left when it rests', [A, B], { pinned: 'b', resting: ['b'] }, 'a'],
    ['is left when a better tier is well', [A, SECOND], { pinned: 'second' }, 'a'],
    ['is left when it takes no part', [A, named('b', { weight: 0 })], { pinned: 'b' }, 'a'],
    ['is left when the turn has asked it', [A, B], { pinned: 'b', tried: new Set(['b']) }, 'a'],
    ['is left when the route no longer has it', [A, B], { pinned: 'gone' }, 'a'],
    [
      'is kept in a tier that is the best one well',
      [A, SECOND, named('c', { priority: 1 })],
      { pinned: 'c', resting: ['a'] },
      'c',
    ],
  ])('%s', (_what, providers, choice, expected) => {
    expect(choose(providers, choice)).toBe(expected);
  });
});

describe('a ChatGPT login', () => {
  const chatgpt = named('chatgpt', { dialect: 'ChatGPT', priority: 1 });

  test('goes to the provider for logins only, and nobody else goes there', () => {
    expect(choose([A, chatgpt], { isChatGpt: true })).toBe('chatgpt');
    expect(choose([A, chatgpt], { isChatGpt: false })).toBe('a');
  });

  test.each<[string, Partial<AttemptChoice> & { resting?: string[] }]>([
    ['when that one was asked', { tried: new Set(['chatgpt']) }],
    ['when the other served the lane before', { tried: new Set(['chatgpt']), pinned: 'a' }],
    ['when that one rests', { tried: new Set(['chatgpt']), resting: ['chatgpt'] }],
  ])('never reaches another provider, not even %s', (_when, choice) => {
    expect(choose([A, chatgpt], { isChatGpt: true, ...choice })).toBeUndefined();
  });

  test('never reaches another provider because of the model', () => {
    const gpt = named('chatgpt', { dialect: 'ChatGPT', models: ['gpt-*'] });
    expect(choose([A, gpt], { isChatGpt: true }, 'qwen')).toBeUndefined();
  });

  test('goes on to another provider for logins', () => {
    const other = named('chatgpt-2', { dialect: 'ChatGPT' });
    expect(choose([A, chatgpt, other], { isChatGpt: true, tried: new Set(['chatgpt']) })).toBe('chatgpt-2');
  });

  test('goes where the route sends it, when that has no provider for logins alone', () => {
    expect(choose([A, B], { isChatGpt: true })).toBe('a');
    expect(choose([chatgpt], { isChatGpt: false })).toBe('chatgpt');
  });

  test('and other requests never share a failover', () => {
    expect(choose([A, chatgpt], { tried: new Set(['a']) })).toBeUndefined();
  });
});

describe('with a book of health', () => {
  const provider = named('a', {
    health: { consecutiveFailures: 1, ejectionMs: 1_000, maxEjectionMs: 1_000 },
  });
  const route = aRoute({ providers: [provider, B] });

  test('one turn tries the provider that has rested, and the others go elsewhere', () => {
    const clock = manualClock();
    const health = new HealthBook(clock, () => undefined);
    const choice = { health, tried: new Set<string>(), pinned: 'a', isChatGpt: false, random: () => 0 };
    const next = () => {
      const chosen = chooseAttempt(route, 'm', choice);
      if (chosen !== undefined) health.chosen(route, chosen);
      return chosen?.name;
    };
    health.failed(route, provider, 'Timeout');
    expect(next()).toBe('b');
    clock.advance(1_000);
    expect([next(), next(), next()]).toEqual(['a', 'b', 'b']);
    health.answered(route, provider);
    expect([next(), next()]).toEqual(['a', 'a']);
  });

  test('a move from a provider that rests to one that does not needs no budget', () => {
    const health = new HealthBook(manualClock(), () => undefined);
    expect(isMoveToHealth(route, provider, B, health)).toBe(false);
    health.failed(route, provider, 'Timeout');
    expect(isMoveToHealth(route, provider, B, health)).toBe(true);
    health.restFor(route, B, 500);
    expect(isMoveToHealth(route, provider, B, health)).toBe(false);
  });
});
