/** Metrics to be tested, and the turns that they hear of. */
import { afterEach } from '@jest/globals';
import { FrameCounts } from '../../../src/client/facts.ts';
import { type Metrics, type MetricsOptions, openMetrics } from '../../../src/telemetry/metrics/metrics.ts';
import type { AttemptRecord, TurnRecord } from '../../../src/turn/facts.ts';
import { parseText } from './exposition-parser.ts';
import { attemptRecord, turnRecord } from './records.ts';

/** What a scraper says that wants exemplars. */
export const OPENMETRICS = 'application/openmetrics-text; version=1.0.0';

export const plainGauges: MetricsOptions['gauges'] = {
  connections: () => 2,
  connectionsLimit: () => 10,
  queuedBytes: () => ({ client_send: 1, inbound: 2, lane_queue: 3, answer: 4 }),
  transcriptBytes: () => 4096,
  ready: () => true,
  draining: () => false,
};

const opened: Metrics[] = [];

afterEach(() => {
  for (const metrics of opened.splice(0)) metrics.close();
});

/** Closed after the test. */
export function open(over: Partial<MetricsOptions> = {}): Metrics {
  const metrics = openMetrics({
    version: '0.1.0',
    gauges: plainGauges,
    frameCounts: new FrameCounts(2),
    eventNames: ['response.created', 'response.completed'],
    ...over,
  });
  opened.push(metrics);
  return metrics;
}

/** The samples of a scrape, `name{labels}` to value. */
export async function scrape(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  return parseText((await metrics.text()).body).samples;
}

/** A turn and its attempt, from queue to end. */
export function play(
  metrics: Metrics,
  over: Partial<TurnRecord> = {},
  attemptOver: Partial<AttemptRecord> = {},
): void {
  const turn = turnRecord(over);
  const attempt = attemptRecord({ provider: turn.provider ?? 'none', ...attemptOver });
  metrics.turnFacts({ kind: 'turn.queued', turn });
  metrics.turnFacts({ kind: 'turn.started', turn });
  metrics.turnFacts({ kind: 'attempt.started', turn, attempt });
  metrics.turnFacts({ kind: 'turn.first-event', turn });
  metrics.turnFacts({ kind: 'turn.first-output', turn });
  metrics.turnFacts({ kind: 'attempt.ended', turn, attempt });
  metrics.turnFacts({ kind: 'turn.ended', turn });
}
