/** However requests are lost and delayed, processes stand still and calendars jump: never two leaders, and in the end one. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { PROPERTY_TIMEOUT_MS, runs } from '../../harness/property-runs.ts';
import { LeaseWorld, type Weather } from './lease-world.ts';

type Step =
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'weather'; readonly who: number; readonly weather: Weather }
  | { readonly kind: 'stop'; readonly who: number; readonly ms: number }
  | { readonly kind: 'calendar'; readonly who: number; readonly wallMs: number }
  | { readonly kind: 'release'; readonly who: number };

const who = fc.nat(2);
const weather: fc.Arbitrary<Weather> = fc.oneof(
  fc.record({ kind: fc.constant('fair' as const) }),
  fc.record({ kind: fc.constant('slow' as const), thereMs: fc.nat(12_000), backMs: fc.nat(12_000) }),
  fc.record({ kind: fc.constantFrom('deaf' as const, 'mute' as const) }),
  fc.record({
    kind: fc.constant('refusing' as const),
    status: fc.constantFrom(401, 403, 409, 429, 500, 504),
  }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(9000) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('weather' as const), who, weather }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stop' as const), who, ms: fc.nat(30_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('calendar' as const), who, wallMs: fc.nat(4e12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), who }) },
);

async function take(world: LeaseWorld, at: Step): Promise<void> {
  if (at.kind === 'advance') return world.advance(at.ms);
  const contender = world.contenders[at.who];
  if (contender === undefined) return;
  switch (at.kind) {
    case 'weather':
      contender.weather = at.weather;
      return;
    case 'stop':
      return contender.stop(at.ms);
    case 'calendar':
      contender.wallMs = at.wallMs;
      return;
    case 'release':
      void contender.lease.release();
  }
}

test(
  'there are never two leaders, and when all is well again there is one',
  async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new LeaseWorld();
      for (const name of ['a', 'b', 'c']) world.contender(name).start();
      for (const at of steps) await take(world, at);
      for (const contender of world.contenders) contender.weather = { kind: 'fair' };
      world.contender('fresh').start();
      // What is still on its way or stands still (30 s), the lease duration, two looks with their requests.
      await world.advance(30_000 + 15_000 + 2 * 6_000);
      expect(world.leaders).toHaveLength(1);
      for (const contender of world.contenders)
        expect(contender.began).toBeGreaterThanOrEqual(contender.lost);
    });
    await fc.assert(property, runs(60));
  },
  PROPERTY_TIMEOUT_MS,
);
