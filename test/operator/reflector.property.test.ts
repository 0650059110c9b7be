/** Any changes and any faults in any order: in the end the copy is what the server has, and everybody was told. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Cut, Phase } from '../harness/fake-kube-faults.ts';
import { assertOnSockets, PROPERTY_TIMEOUT_MS } from '../harness/property-runs.ts';
import { until } from '../harness/wait-for.ts';
import { openReflection } from './reflection.ts';
import type { Reflection } from './reflection.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd');
const cut = fc.constantFrom<Cut>('reset', 'close', 'end', 'silence');
const phase = fc.constantFrom<Phase>('list', 'listNext', 'watch');

type Happening = readonly [name: string, happen: (on: Reflection) => void | Promise<void>];

/** With its name: a failure has to say what happened. */
function called(name: string, happen: Happening[1]): Happening {
  return [name, happen];
}

const rubbish = (line: string): Happening =>
  called(`watch: ${line}`, ({ kube }) => kube.watches.forEach((open) => open.raw(line)));

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, fc.nat(9))
      .map(([of, note]) => called(`put ${of} ${String(note)}`, (on) => on.put(of, note))),
  },
  { weight: 3, arbitrary: name.map((of) => called(`remove ${of}`, (on) => on.remove(of))) },
  { weight: 2, arbitrary: fc.constant(called('step', (on) => on.step())) },
  { weight: 1, arbitrary: fc.constant(called('compact', ({ kube }) => kube.compact())) },
  { weight: 1, arbitrary: fc.constant(called('bookmark', ({ kube }) => kube.bookmark())) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('{"type":', 'rubbish\n', '{"type":"ERROR","object":{"code":410}}\n')
      .map(rubbish),
  },
  { weight: 2, arbitrary: cut.map((how) => called(`watch: ${how}`, (on) => cutWatches(on, how))) },
  {
    weight: 3,
    arbitrary: fc.tuple(phase, cut, fc.nat(900)).map(([of, how, after]) =>
      called(`${of}: ${how} after ${String(after)}`, ({ kube }) => {
        kube.fail({ phase: of }, { kind: 'cut', how, after });
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(phase, fc.constantFrom(401, 410, 429, 500)).map(([of, status]) =>
      called(`${of}: ${String(status)}`, ({ kube }) => {
        kube.fail({ phase: of }, { kind: 'status', status });
      }),
    ),
  },
);

function cutWatches({ kube }: Reflection, how: Cut): void {
  for (const watch of kube.watches) {
    if (how === 'reset') watch.reset();
    else if (how === 'close') watch.close();
    else if (how === 'end') watch.end();
    else watch.silence();
  }
}

test(
  'after any changes and faults the copy is that of the server, and nothing was told twice',
  async () => {
    const happenings = fc.array(happening, { maxLength: 40 });
    await assertOnSockets(
      happenings,
      async (all) => {
        await using reflection = await openReflection({ routes: 3 });
        reflection.reflector.start();
        for (const [, happen] of all) await happen(reflection);
        reflection.kube.heal();
        await until(() => reflection.kube.requests.length > 0, 'the first list');
        await reflection.settle().catch((error: unknown) => {
          throw new Error(`${String(error)}; after ${all.map(([what]) => what).join(', ')}`);
        });
        expect(reflection.repeats()).toEqual([]);
      },
      60,
    );
  },
  PROPERTY_TIMEOUT_MS,
);
