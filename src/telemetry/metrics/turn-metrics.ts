/** Counts what turns announce. */
import type { TurnFact, TurnFactListener, TurnRecord } from '../../turn/facts.ts';
import { attemptMetrics } from './attempt-metrics.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { type Meter, secondsBetween } from './meter.ts';
import {
  CONTINUATION_RESULTS,
  JUDGED_OUTCOMES,
  LABEL_NONE,
  LABEL_OTHER,
  OUTCOME_CLASSES,
  OVERHEAD_PHASES,
} from '../names.ts';
import { tokenMetrics } from './token-metrics.ts';
import { TurnsInFlight } from './turns-in-flight.ts';

/**
 * So many tuples of a snapshot are shown with 0 before their first turn: seven lines each, thirteen where a turn may
 * take either transport. A configuration with more than that would fill a scrape with zeros; the series of its further
 * tuples begin with their first turn.
 */
const MAX_PREPARED_TUPLES = 100;

/** What a snapshot can label a turn with. */
export interface TurnLabels {
  /** `namespace/name` */
  readonly route: string;
  readonly provider: string;
  /** As TurnRecord.model would have it. */
  readonly model: string;
  /** Those that it may travel by. */
  readonly transports: readonly ('http' | 'websocket')[];
}

export interface TurnMetrics {
  readonly facts: TurnFactListener;
  /** Shows the series of these turns with 0, so that rates and alerts see the first failure. */
  initialise(labels: readonly TurnLabels[]): void;
  /** Takes how long an event took from its provider's bytes to its client's socket. */
  observeEventLatency(seconds: number): void;
}

/** Registers the metrics of turns, attempts and tokens. */
export function turnMetrics(meter: Meter): TurnMetrics {
  const inFlight = turnGauges(meter);
  const atStart = startMetrics(meter);
  const atEnd = endMetrics(meter);
  const onAttempt = attemptMetrics(meter, atEnd.errors);
  const warmups = meter.counter(CATALOGUE.warmups);
  const evictions = meter.counter(CATALOGUE.transcriptEvictions);
  const frameSize = meter.histogram(CATALOGUE.frameSize).series({});
  const overhead = meter.histogram(
    CATALOGUE.overhead,
    OVERHEAD_PHASES.map((phase) => ({ phase })),
  );
  const eventLatency = overhead.series({ phase: 'event' });

  const facts = (fact: TurnFact): void => {
    inFlight.hear(fact);
    switch (fact.kind) {
      case 'turn.queued':
        frameSize.observe(fact.turn.requestBytes, undefined);
        return;
      case 'attempt.started':
        return;
      case 'turn.started':
        atStart.started(fact.turn);
        return;
      case 'turn.first-event':
        atStart.firstEvent(fact.turn);
        return;
      case 'turn.first-output':
        atStart.firstOutput(fact.turn);
        return;
      case 'attempt.ended':
        onAttempt(fact.attempt);
        return;
      case 'turn.ended':
        atEnd.ended(fact.turn);
        overhead.observe({ phase: 'request' }, toSeconds(fact.turn.overheadMs));
        return;
      case 'warmup.answered':
        warmups.add({ route: fact.route });
        frameSize.observe(fact.turn.requestBytes, undefined);
        return;
      case 'turn.failover':
      case 'turn.failover-denied':
      case 'turn.transport-fallback':
      case 'provider.ejected':
      case 'provider.returned':
      case 'provider.rate-limit':
      case 'bridge.mistake': // counted as the outcome of its turn
        return;
      case 'transcript.evicted':
        evictions.add({});
        return;
    }
  };
  return {
    facts,
    initialise: (labels) => {
      const some = labels.slice(0, MAX_PREPARED_TUPLES);
      atStart.prepare(some);
      atEnd.prepare(some);
      warmups.prepare(some.map(({ route }) => ({ route })));
    },
    observeEventLatency: (seconds) => {
      if (seconds >= 0 && seconds < Infinity) eventLatency.observe(seconds, undefined);
    },
  };
}

function turnGauges(meter: Meter): TurnsInFlight {
  const inFlight = new TurnsInFlight();
  meter.readGauge(CATALOGUE.turnsActive, () =>
    [...inFlight.runningByProvider()].map(([provider, value]) => ({
      labels: { provider: provider ?? LABEL_NONE },
      value,
    })),
  );
  meter.readGauge(CATALOGUE.turnQueueDepth, () => [{ labels: {}, value: inFlight.queued }]);
  return inFlight;
}

function startMetrics(meter: Meter) {
  const started = meter.counter(CATALOGUE.turnsStarted);
  const queue = meter.histogram(CATALOGUE.turnQueue);
  const firstEvent = meter.histogram(CATALOGUE.timeToFirstEvent);
  const firstOutput = meter.histogram(CATALOGUE.timeToFirstOutput);
  return {
    prepare: (labels: readonly TurnLabels[]) => started.prepare(labels),
    started: (turn: TurnRecord) => {
      started.add(labelsOf(turn));
      queue.observe({}, secondsBetween(turn.receivedAt, turn.startedAt));
    },
    firstEvent: (turn: TurnRecord) =>
      firstEvent.observe(labelsOf(turn), secondsBetween(turn.receivedAt, turn.firstEventAt)),
    firstOutput: (turn: TurnRecord) =>
      firstOutput.observe(labelsOf(turn), secondsBetween(turn.receivedAt, turn.firstOutputAt), turn.trace),
  };
}

function endMetrics(meter: Meter) {
  const turns = meter.counter(CATALOGUE.turns);
  const duration = meter.histogram(CATALOGUE.turnDuration);
  const gap = meter.histogram(CATALOGUE.streamGap);
  const attempts = meter.histogram(CATALOGUE.turnAttempts);
  const rejections = meter.counter(CATALOGUE.turnRejections);
  const errors = meter.counter(CATALOGUE.errors);
  const continuations = meter.counter(
    CATALOGUE.continuations,
    CONTINUATION_RESULTS.map((result) => ({ result })),
  );
  const onUsage = tokenMetrics(meter);
  const ended = (turn: TurnRecord): void => {
    // Only our bug ends a turn without an outcome; it must not vanish from the error rate.
    const outcome = turn.outcome ?? 'bridge_error';
    const labels = { ...labelsOf(turn), outcome, outcome_class: OUTCOME_CLASSES[outcome] };
    turns.add(labels);
    duration.observe(labels, secondsBetween(turn.receivedAt, turn.endedAt), turn.trace);
    if (turn.events > 1) gap.observe(labels, turn.maxGapMs / 1000);
    if (turn.attempts > 0) attempts.observe({}, turn.attempts);
    if (outcome === 'rejected') rejections.add({ reason: turn.errorType ?? LABEL_OTHER });
    if (turn.errorType !== undefined) errors.add({ side: 'client', error_type: turn.errorType });
    if (turn.continuation !== 'none') continuations.add({ result: turn.continuation });
    onUsage(turn, labels);
  };
  const prepare = (all: readonly TurnLabels[]): void => {
    turns.prepare(
      all.flatMap(({ route, provider, model, transports }) =>
        transports.flatMap((transport) =>
          JUDGED_OUTCOMES.map((outcome) => ({ route, provider, model, transport, outcome })),
        ),
      ),
    );
  };
  return { ended, errors, prepare };
}

/** Each metric takes those of the labels that it has. */
function labelsOf(turn: TurnRecord) {
  return {
    route: turn.route ?? LABEL_NONE,
    provider: turn.provider ?? LABEL_NONE,
    model: turn.model,
    transport: turn.transport,
  };
}

function toSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
