import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { chooseAttempt } from '../../../src/turn/choose-attempt.ts';
import { HealthBook } from '../../../src/turn/health.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { manualClock } from '../../harness/clock.ts';
import { runs } from '../../harness/property-runs.ts';

/** Mulberry32: the same draws in every run. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Drawn {
  readonly provider: CompiledProvider;
  readonly isResting: boolean;
  readonly isTried: boolean;
}

const aDrawn = fc.record({
  priority: fc.nat(2),
  weight: fc.nat(3),
  isChatGpt: fc.boolean(),
  isResting: fc.boolean(),
  isTried: fc.boolean(),
});

const someDrawn: fc.Arbitrary<readonly Drawn[]> = fc.array(aDrawn, { maxLength: 6 }).map((all) =>
  all
    .toSorted((a, b) => a.priority - b.priority)
    .map(({ priority, weight, isChatGpt, ...rest }, index) => ({
      provider: aProvider({ name: `p${index}`, priority, weight, dialect: isChatGpt ? 'ChatGPT' : 'OpenAI' }),
      ...rest,
    })),
);

/** Whose name may come out, said another way: by ruling out, one rule after the other. Undefined: nobody's. */
function eligible(
  all: readonly Drawn[],
  isChatGpt: boolean,
  pinned: string | undefined,
): readonly (string | undefined)[] {
  const logins = all.filter(({ provider }) => provider.dialect === 'ChatGPT');
  const others = all.filter(({ provider }) => provider.dialect !== 'ChatGPT');
  const mine = logins.length > 0 && others.length > 0 ? (isChatGpt ? logins : others) : all;
  const open = mine.filter(({ isTried }) => !isTried);
  const awake = open.filter(({ isResting }) => !isResting);
  const weighty = awake.filter(({ provider }) => provider.weight > 0);
  for (const set of [weighty, awake]) {
    const best = Math.min(...set.map(({ provider }) => provider.priority));
    const tier = set
      .filter(({ provider }) => provider.priority === best)
      .map(({ provider }) => provider.name);
    if (pinned !== undefined && tier.includes(pinned)) return [pinned];
    if (tier.length > 0) return tier;
  }
  return [(open.find(({ provider }) => provider.weight > 0) ?? open[0])?.provider.name];
}

describe('whatever the tiers, weights and rests', () => {
  test('a turn goes to one of those who may be asked, and to the pinned one if that is among them', () => {
    fc.assert(
      fc.property(
        someDrawn,
        fc.boolean(),
        fc.option(fc.nat(5), { nil: undefined }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (all, isChatGpt, pin, draw) => {
          const pinned = pin === undefined ? undefined : `p${pin}`;
          const chosen = chooseAttempt(aRoute({ providers: all.map(({ provider }) => provider) }), 'm', {
            health: {
              isResting: (_route, { name }) => all.some((one) => one.provider.name === name && one.isResting),
            },
            tried: new Set(all.filter(({ isTried }) => isTried).map(({ provider }) => provider.name)),
            pinned,
            isChatGpt,
            random: () => draw,
          });
          expect(eligible(all, isChatGpt, pinned)).toContain(chosen?.name);
        },
      ),
      runs(2_000),
    );
  });

  test.each([[[1, 1]], [[9, 1]], [[1, 2, 3]], [[1, 0, 4]], [[100, 1, 50, 7]]])(
    'weights %p hold within two percent of a hundred thousand turns',
    (weights) => {
      const providers = weights.map((weight, index) => aProvider({ name: `p${index}`, weight }));
      const route = aRoute({ providers });
      const random = seeded(8);
      const counts = new Map<string, number>();
      const choice = {
        health: new HealthBook(manualClock(), () => undefined),
        tried: new Set<string>(),
        pinned: undefined,
        isChatGpt: false,
        random,
      };
      for (let i = 0; i < 100_000; i++) {
        const name = chooseAttempt(route, 'm', choice)?.name ?? '';
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, weight] of weights.entries()) {
        const share = (counts.get(`p${index}`) ?? 0) / 100_000;
        expect(Math.abs(share - weight / total)).toBeLessThan(0.02);
      }
    },
  );
});

type Step =
  | { readonly kind: 'fail' | 'answer' | 'choose' }
  | { readonly kind: 'rest'; readonly ms: number }
  | { readonly kind: 'wait'; readonly ms: number };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Step>({ kind: 'fail' }, { kind: 'answer' }, { kind: 'choose' }),
  fc.record({ kind: fc.constant('rest' as const), ms: fc.nat(30_000) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(30_000) }),
);

describe('whatever happens to a provider', () => {
  const provider = aProvider({ health: { consecutiveFailures: 2, ejectionMs: 1_000, maxEjectionMs: 8_000 } });
  const route = aRoute({ providers: [provider] });

  test('its rests are announced before its returns, take their turns, and never last longer than the longest', () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
        const clock = manualClock();
        const story: string[] = [];
        const lengths: number[] = [];
        const book = new HealthBook(clock, (fact) => {
          story.push(fact.kind);
          if (fact.kind === 'provider.ejected') lengths.push(fact.forMs);
        });
        for (const step of steps) {
          if (step.kind === 'fail') book.failed(route, provider, 'ServerError');
          else if (step.kind === 'answer') book.answered(route, provider);
          else if (step.kind === 'choose') book.chosen(route, provider);
          else if (step.kind === 'rest') book.restFor(route, provider, step.ms);
          else if (step.kind === 'wait') clock.advance(step.ms);
          const [line] = book.list();
          expect(line?.restsForMs ?? 0).toBeLessThanOrEqual(8_000);
          expect(line?.isResting ?? false).toBe((line?.restsForMs ?? 0) > 0);
        }
        expect(lengths.every((ms) => ms > 0 && ms <= 8_000)).toBe(true);
        // one return at most for each rest, and none before the first
        expect(story.join(' ')).not.toMatch(/^provider\.returned|provider\.returned provider\.returned/);
        // left alone, everybody is asked again in the end
        clock.advance(20_000);
        expect(book.isResting(route, provider)).toBe(false);
      }),
      runs(500),
    );
  });
});
