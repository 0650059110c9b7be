import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decideSnapshot, nothingSeen } from '../../../src/config/snapshot-decision.ts';
import type { Sighting, SnapshotInput, SnapshotStanding } from '../../../src/config/snapshot-decision.ts';
import { runs } from '../../harness/property-runs.ts';

type Input = SnapshotInput<Sighting>;

const watch = (generation: number, version = `v${generation}`): Input => ({
  kind: 'watch.delivered',
  seen: { generation, version },
});
const file = (generation: number, version = `v${generation}`): Input => ({
  kind: 'file.shows',
  seen: { generation, version },
});
const down: Input = { kind: 'watch.interrupted' };

/** What is served after each input, and `!` where the watch was found to be behind. */
function story(...inputs: Input[]): string {
  let standing: SnapshotStanding<Sighting> = nothingSeen();
  return inputs
    .map((input) => {
      const decision = decideSnapshot(standing, input);
      standing = decision.standing;
      return `${standing.active?.version ?? '-'}${decision.taken ? '*' : ''}${decision.isWatchBehind ? '!' : ''}`;
    })
    .join(' ');
}

describe('the file counts', () => {
  test('before the watch has delivered anything', () => {
    expect(story(file(1), file(2), watch(2), watch(3))).toBe('v1* v2* v2 v3*');
  });

  test('before the watch has delivered anything, also when it could not even be opened', () => {
    expect(story(down, file(1), file(2))).toBe('- v1* v2*');
  });

  test('while the watch is down, if it is newer', () => {
    expect(story(watch(5), down, file(4), file(6))).toBe('v5* v5 v5 v6*');
  });

  test('as soon as the watch is down, if it was newer already', () => {
    expect(story(watch(5), file(6), down)).toBe('v5* v5! v6*');
  });

  test('no more as soon as the watch delivers again', () => {
    expect(story(watch(5), down, file(6), watch(7), file(6))).toBe('v5* v5 v6* v7* v7');
  });
});

describe('the file does not count', () => {
  test('while the watch delivers, but one that is newer tells that the watch may be dead', () => {
    expect(story(watch(5), file(6), watch(6))).toBe('v5* v5! v6*');
  });

  test('when it was overtaken meanwhile', () => {
    expect(story(watch(5), file(7), file(6), file(5), down)).toBe('v5* v5! v5! v5 v5');
  });

  test('against a Secret that was made anew, however high its own generation is', () => {
    expect(story(file(50), watch(1), down, file(50))).toBe('v50* v1* v1 v1');
    expect(story(watch(50), file(50), watch(1), down)).toBe('v50* v50 v1* v1');
  });
});

test('the watch is the authority: what it says counts, older generations too', () => {
  expect(story(watch(9), watch(3), file(2))).toBe('v9* v3* v3');
});

test('equal content is not served anew, and its generation counts', () => {
  expect(story(watch(1, 'same'), watch(2, 'same'), down, file(3, 'same'), file(2, 'other'))).toBe(
    'same* same same same same',
  );
});

describe('in any order of deliveries', () => {
  const version = fc.constantFrom('a', 'b', 'c', 'd');
  const seen = fc.record({ generation: fc.integer({ min: 1, max: 6 }), version });
  const inputs = fc.array(
    fc.oneof(
      seen.map((each): Input => ({ kind: 'watch.delivered', seen: each })),
      seen.map((each): Input => ({ kind: 'file.shows', seen: each })),
      fc.constant(down),
    ),
    { maxLength: 30 },
  );

  test('there is no way back to nothing, the watch decides while it delivers, and no file leads to an older generation', () => {
    fc.assert(
      fc.property(inputs, (all) => {
        let standing: SnapshotStanding<Sighting> = nothingSeen();
        let isDelivering = false;
        for (const input of all) {
          const before = standing.active;
          const { standing: next, taken } = decideSnapshot(standing, input);
          standing = next;
          const after = standing.active;
          isDelivering =
            input.kind === 'watch.delivered' || (isDelivering && input.kind !== 'watch.interrupted');
          const facts = {
            isLost: before !== undefined && after === undefined,
            isServedAnew: taken !== undefined,
            isIgnoredWatch: input.kind === 'watch.delivered' && after?.version !== input.seen.version,
            isFileAgainstWatch: input.kind === 'file.shows' && isDelivering && after !== before,
            isFileGoingBack:
              input.kind !== 'watch.delivered' && (after?.generation ?? 0) < (before?.generation ?? 0),
          };
          expect(facts).toEqual({
            isLost: false,
            isServedAnew: after?.version !== before?.version,
            isIgnoredWatch: false,
            isFileAgainstWatch: false,
            isFileGoingBack: false,
          });
        }
      }),
      runs(1000),
    );
  });

  test('of one Secret whose generation only grows, the newest that was seen while it counted is served', () => {
    // each step writes the next generation; then either way shows it, late or not at all
    const step = fc.record({
      isWatched: fc.boolean(),
      filesLag: fc.integer({ min: 0, max: 2 }),
      isInterrupted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        let standing: SnapshotStanding<Sighting> = nothingSeen();
        const take = (input: Input): void => void ({ standing } = decideSnapshot(standing, input));
        steps.forEach(({ isWatched, filesLag, isInterrupted }, index) => {
          const written = index + 1;
          const shown = Math.max(1, written - filesLag);
          if (isWatched) take(watch(written));
          take(file(shown));
          if (isInterrupted) take(down);
          const least = Math.max(isWatched ? written : 0, isInterrupted ? shown : 0);
          expect(standing.active?.generation ?? 0).toBeGreaterThanOrEqual(least);
        });
      }),
      runs(1000),
    );
  });
});
