/** How full a snapshot is, as a number that an alert can compare. */
import { expect, test } from '@jest/globals';
import { openOperatorMetrics } from '../../../src/telemetry/operator/operator-metrics.ts';

test.each([
  ['Normal', 0],
  ['NearlyFull', 1],
  ['Full', 2],
] as const)(
  'a snapshot that is %s has the level %d, until the next one is compiled',
  async (level, value) => {
    const metrics = openOperatorMetrics({
      version: '1',
      revision: 'r',
      node: 'v24',
      queues: [],
      logStats: () => ({ lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 }),
    });
    const compiled = { kind: 'snapshot.compiled', secret: 'ns/s', routes: 1, bytes: 9, seconds: 0 } as const;
    metrics.facts({ ...compiled, leftOut: 0, level });
    const { body } = await metrics.text(undefined);
    metrics.facts({ ...compiled, leftOut: 0, level: 'Normal' });
    const { body: later } = await metrics.text(undefined);
    metrics.close();
    expect(body).toContain(`turnbridge_operator_snapshot_level{secret="ns/s"} ${value}\n`);
    expect(later).toContain('turnbridge_operator_snapshot_level{secret="ns/s"} 0\n');
  },
);
