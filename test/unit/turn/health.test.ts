import { describe, expect, test } from '@jest/globals';
import type { TurnFact } from '../../../src/turn/facts.ts';
import { HealthBook } from '../../../src/turn/health.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { manualClock } from '../../harness/clock.ts';

const ROUTE = aRoute({ id: 'ai/coding' });
/** Three failures, ten seconds, at most a minute. */
const PROVIDER = aProvider({
  name: 'a',
  health: { consecutiveFailures: 3, ejectionMs: 10_000, maxEjectionMs: 60_000 },
});

function openBook() {
  const clock = manualClock(5_000);
  const facts: TurnFact[] = [];
  const book = new HealthBook(clock, (fact) => facts.push(fact));
  return {
    clock,
    facts,
    book,
    fail: (times: number) => {
      for (let i = 0; i < times; i++) book.failed(ROUTE, PROVIDER, 'ServerError');
    },
    answer: () => book.answered(ROUTE, PROVIDER),
    isResting: () => book.isResting(ROUTE, PROVIDER),
    rests: () => facts.flatMap((fact) => (fact.kind === 'provider.ejected' ? [fact.forMs] : [])),
  };
}

describe('a provider that fails', () => {
  test('rests after as many failures in a row as its route says, and not before', () => {
    const { fail, isResting, facts } = openBook();
    fail(2);
    expect(isResting()).toBe(false);
    fail(1);
    expect(isResting()).toBe(true);
    expect(facts).toEqual([
      { kind: 'provider.ejected', route: 'ai/coding', provider: 'a', why: 'failures', forMs: 10_000 },
    ]);
  });

  test('does not rest when an answer came in between', () => {
    const { fail, answer, isResting } = openBook();
    fail(2);
    answer();
    fail(2);
    expect(isResting()).toBe(false);
  });

  test('rests for exactly as long as was announced', () => {
    const { clock, fail, isResting } = openBook();
    fail(3);
    clock.advance(9_999);
    expect(isResting()).toBe(true);
    clock.advance(1);
    expect(isResting()).toBe(false);
  });

  test('is announced once for a rest, however many turns were under way', () => {
    const { clock, fail, isResting, rests } = openBook();
    fail(50);
    expect(isResting()).toBe(true);
    clock.advance(9_999);
    expect(isResting()).toBe(true);
    expect(rests()).toEqual([10_000]);
  });

  test('rests again at the first failure after a rest, each time twice as long, up to the longest', () => {
    const { clock, fail, rests } = openBook();
    fail(3);
    for (const ms of [10_000, 20_000, 40_000, 60_000]) {
      clock.advance(ms);
      fail(1);
    }
    expect(rests()).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  test('never rests longer than the longest, though the first rest is longer', () => {
    const { book, rests, fail } = openBook();
    const provider = aProvider({
      health: { consecutiveFailures: 1, ejectionMs: 90_000, maxEjectionMs: 60_000 },
    });
    book.failed(ROUTE, provider, 'Timeout');
    expect(rests()).toEqual([60_000]);
    fail(0);
  });

  test('is not sent back to rest by a turn that was under way before the rest', () => {
    const { book, clock, fail, isResting } = openBook();
    const before = clock.now();
    clock.advance(1_000);
    fail(3);
    clock.advance(10_000);
    book.failed(ROUTE, PROVIDER, 'Timeout', before);
    expect(isResting()).toBe(false);
    book.failed(ROUTE, PROVIDER, 'Timeout', clock.now());
    expect(isResting()).toBe(true);
  });

  test('does not keep another from its work, nor one of that name in another route', () => {
    const { book, fail } = openBook();
    fail(3);
    expect(book.isResting(ROUTE, aProvider({ name: 'b' }))).toBe(false);
    expect(book.isResting(aRoute({ id: 'ai/other' }), PROVIDER)).toBe(false);
  });

  test('rests on when a route is read anew', () => {
    const { book, fail } = openBook();
    fail(3);
    expect(book.isResting(aRoute({ id: 'ai/coding' }), aProvider({ name: 'a' }))).toBe(true);
  });
});

describe('a provider after its rest', () => {
  test('is tried by one turn, while the others go elsewhere', () => {
    const { book, clock, fail, isResting, answer } = openBook();
    fail(3);
    clock.advance(10_000);
    book.chosen(ROUTE, PROVIDER);
    expect(isResting()).toBe(true);
    answer();
    expect(isResting()).toBe(false);
  });

  test('is tried by the next turn, when the first one has heard nothing for ten seconds', () => {
    const { book, clock, fail, isResting } = openBook();
    fail(3);
    clock.advance(10_000);
    book.chosen(ROUTE, PROVIDER);
    clock.advance(9_999);
    expect(isResting()).toBe(true);
    clock.advance(1);
    expect(isResting()).toBe(false);
    book.chosen(ROUTE, PROVIDER);
    expect(isResting()).toBe(true);
  });

  test('is tried by the next turn at once when the first one says nothing in the end', () => {
    const { book, clock, fail, isResting } = openBook();
    fail(3);
    clock.advance(10_000);
    book.chosen(ROUTE, PROVIDER);
    book.undecided(ROUTE, PROVIDER, clock.now());
    expect(isResting()).toBe(false);
    book.chosen(ROUTE, PROVIDER);
    expect(isResting()).toBe(true);
  });

  test('stays on trial when a turn that was under way before says nothing', () => {
    const { book, clock, fail, isResting } = openBook();
    const before = clock.now();
    fail(3);
    clock.advance(10_000);
    book.chosen(ROUTE, PROVIDER);
    book.undecided(ROUTE, PROVIDER, before);
    expect(isResting()).toBe(true);
  });

  test('loses neither failures nor a rest by a turn that says nothing', () => {
    const { book, clock, fail, isResting } = openBook();
    fail(2);
    book.undecided(ROUTE, PROVIDER, clock.now());
    fail(1);
    book.undecided(ROUTE, PROVIDER, clock.now());
    expect(isResting()).toBe(true);
  });

  test('has returned with its first answer, which is announced once', () => {
    const { clock, facts, fail, answer } = openBook();
    fail(3);
    clock.advance(10_000);
    answer();
    answer();
    expect(facts.slice(1)).toEqual([{ kind: 'provider.returned', route: 'ai/coding', provider: 'a' }]);
  });

  test('has all its failures again once it has answered', () => {
    const { clock, fail, answer, isResting, rests } = openBook();
    fail(3);
    clock.advance(10_000);
    answer();
    fail(2);
    expect(isResting()).toBe(false);
    fail(1);
    expect(rests()).toEqual([10_000, 20_000]);
  });

  test('begins anew with a short rest after it has answered for as long as it rested', () => {
    const { clock, fail, answer, rests } = openBook();
    fail(3);
    clock.advance(10_000);
    answer();
    clock.advance(9_999);
    answer();
    fail(3);
    clock.advance(20_000);
    answer();
    clock.advance(20_000);
    answer();
    fail(3);
    expect(rests()).toEqual([10_000, 20_000, 10_000]);
  });

  test('does not return while it rests, whatever turns under way still hear', () => {
    const { fail, answer, isResting, facts } = openBook();
    fail(3);
    answer();
    expect(isResting()).toBe(true);
    expect(facts).toHaveLength(1);
  });
});

describe('a connection that is no turn’s', () => {
  test('ends a trial where connections were what failed', () => {
    const { book, clock, facts, isResting } = openBook();
    for (let n = 0; n < 3; n++) book.failed(ROUTE, PROVIDER, 'ConnectFailure');
    clock.advance(10_000);
    book.chosen(ROUTE, PROVIDER);
    book.reached(ROUTE, PROVIDER, clock.now());
    expect(isResting()).toBe(false);
    expect(facts.map(({ kind }) => kind)).toEqual(['provider.ejected', 'provider.returned']);
  });

  test('says nothing of a provider that fails its turns, and gives a trial back', () => {
    const { book, clock, fail, isResting, facts } = openBook();
    fail(2);
    book.reached(ROUTE, PROVIDER, clock.now());
    fail(1);
    expect(isResting()).toBe(true);
    clock.advance(10_000);
    book.chosen(ROUTE, PROVIDER);
    book.reached(ROUTE, PROVIDER, clock.now());
    expect(isResting()).toBe(false);
    expect(facts).toHaveLength(1);
  });

  test('puts nobody into the book', () => {
    const { book } = openBook();
    book.reached(ROUTE, PROVIDER, 0);
    expect(book.list()).toEqual([]);
  });
});

describe('a provider that asks to be left alone', () => {
  test('is, for as long as it asked', () => {
    const { book, clock, isResting, facts } = openBook();
    book.restFor(ROUTE, PROVIDER, 2_500);
    expect(facts).toEqual([
      { kind: 'provider.ejected', route: 'ai/coding', provider: 'a', why: 'retry_after', forMs: 2_500 },
    ]);
    clock.advance(2_499);
    expect(isResting()).toBe(true);
    clock.advance(1);
    expect(isResting()).toBe(false);
  });

  test('is asked again after the longest rest, whatever it says', () => {
    const { book, clock, isResting, rests } = openBook();
    book.restFor(ROUTE, PROVIDER, 86_400_000);
    expect(rests()).toEqual([60_000]);
    clock.advance(60_000);
    expect(isResting()).toBe(false);
  });

  test('was not ill: afterwards one failure does not send it back', () => {
    const { book, clock, fail, isResting } = openBook();
    book.restFor(ROUTE, PROVIDER, 1_000);
    clock.advance(1_000);
    fail(1);
    expect(isResting()).toBe(false);
  });

  test('keeps the failures that it had', () => {
    const { book, clock, fail, rests } = openBook();
    fail(2);
    book.restFor(ROUTE, PROVIDER, 1_000);
    clock.advance(1_000);
    fail(1);
    expect(rests()).toEqual([1_000, 10_000]);
  });

  test('rests for the longer of two times, and is announced once', () => {
    const { book, clock, isResting, rests } = openBook();
    book.restFor(ROUTE, PROVIDER, 5_000);
    book.restFor(ROUTE, PROVIDER, 9_000);
    book.restFor(ROUTE, PROVIDER, 1_000);
    clock.advance(8_999);
    expect(isResting()).toBe(true);
    clock.advance(1);
    expect(isResting()).toBe(false);
    expect(rests()).toEqual([5_000]);
  });

  test('and was on trial stays on trial', () => {
    const { book, clock, fail, rests } = openBook();
    fail(3);
    clock.advance(10_000);
    book.restFor(ROUTE, PROVIDER, 1_000);
    clock.advance(1_000);
    fail(1);
    expect(rests()).toEqual([10_000, 1_000, 20_000]);
  });

  test.each([0.001, 1, 999])('for %p milliseconds rests for a second: not every turn announces it', (ms) => {
    const { book, clock, isResting, rests } = openBook();
    for (let turn = 0; turn < 100; turn++) {
      if (!isResting()) book.restFor(ROUTE, PROVIDER, ms);
      clock.advance(100);
    }
    expect(rests()).toEqual(Array.from({ length: 10 }, () => 1_000));
  });

  test.each([0, -1, NaN])('for %p milliseconds does not rest', (ms) => {
    const { book, facts } = openBook();
    book.restFor(ROUTE, PROVIDER, ms);
    expect(facts).toEqual([]);
  });
});

describe('the book', () => {
  test('lists everybody who failed, rested or answered', () => {
    const { book, clock, fail } = openBook();
    book.answered(ROUTE, aProvider({ name: 'b' }));
    fail(3);
    clock.advance(4_000);
    expect(book.list()).toEqual([
      { route: 'ai/coding', provider: 'b', isResting: false, restsForMs: 0, lastCause: undefined },
      { route: 'ai/coding', provider: 'a', isResting: true, restsForMs: 6_000, lastCause: 'ServerError' },
    ]);
  });

  test('forgets routes that are gone, and providers that a route no longer has', () => {
    const { book } = openBook();
    for (const name of ['a', 'b', 'c']) book.answered(ROUTE, aProvider({ name }));
    book.answered(aRoute({ id: 'ai/gone' }), PROVIDER);
    book.keepOnly([
      aRoute({
        id: 'ai/coding',
        providers: [PROVIDER],
        unusableProviders: [{ ...aProvider({ name: 'b' }) }],
      }),
    ]);
    expect(book.list().map(({ route, provider }) => `${route} ${provider}`)).toEqual([
      'ai/coding a',
      'ai/coding b',
    ]);
    book.keepOnly([]);
    expect(book.list()).toEqual([]);
  });
});
