/** Counts what turns announce. */
import type { AttemptRecord, TurnFact, TurnFactListener, TurnRecord } from '../../turn/facts.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { type CounterInstrument, type HistogramInstrument, type Meter, secondsBetween } from './meter.ts';
import { CONTINUATION_RESULTS, LABEL_NONE, LABEL_OTHER, OUTCOME_CLASSES } from '../names.ts';
import { TurnsInFlight } from './turns-in-flight.ts';

/** Below this many output tokens, a speed says more about chunking than about the model. */
const MIN_SPEED_TOKENS = 16;

/** Registers the metrics of turns, attempts and tokens. @returns the listener that feeds them */
export function turnMetrics(meter: Meter): TurnFactListener {
  const inFlight = turnGauges(meter);
  const atStart = startMetrics(meter);
  const atEnd = endMetrics(meter);
  const onUsage = tokenMetrics(meter);
  const onAttempt = attemptMetrics(meter, atEnd.errors);
  const warmups = meter.counter(CATALOGUE.warmups);
  const evictions = meter.counter(CATALOGUE.transcriptEvictions);

  return (fact: TurnFact) => {
    inFlight.hear(fact);
    switch (fact.kind) {
      case 'turn.queued':
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
        onUsage(fact.turn);
        return;
      case 'warmup.answered':
        warmups.add({ route: fact.route });
        return;
      case 'bridge.mistake': // counted as the outcome of its turn
        return;
      case 'transcript.evicted':
        evictions.add({});
        return;
    }
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
    started: (turn: TurnRecord) => {
      started.add({ route: turn.route ?? LABEL_NONE, ...providerAndModel(turn) });
      queue.observe({}, secondsBetween(turn.receivedAt, turn.startedAt));
    },
    firstEvent: (turn: TurnRecord) => {
      const labels = { ...providerAndModel(turn), transport: turn.transport };
      firstEvent.observe(labels, secondsBetween(turn.receivedAt, turn.firstEventAt));
    },
    firstOutput: (turn: TurnRecord) => {
      const labels = { ...providerAndModel(turn), transport: turn.transport };
      firstOutput.observe(labels, secondsBetween(turn.receivedAt, turn.firstOutputAt));
    },
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
  const ended = (turn: TurnRecord) => {
    // Only our bug ends a turn without an outcome; it must not vanish from the error rate.
    const outcome = turn.outcome ?? 'bridge_error';
    const labels = providerAndModel(turn);
    turns.add({ route: turn.route ?? LABEL_NONE, ...labels, transport: turn.transport, outcome });
    duration.observe(
      { ...labels, outcome_class: OUTCOME_CLASSES[outcome] },
      secondsBetween(turn.receivedAt, turn.endedAt),
    );
    if (turn.events > 1) gap.observe({ provider: labels.provider }, turn.maxGapMs / 1000);
    if (turn.attempts > 0) attempts.observe({}, turn.attempts);
    if (outcome === 'rejected') rejections.add({ reason: turn.errorType ?? LABEL_OTHER });
    if (turn.errorType !== undefined) errors.add({ side: 'client', error_type: turn.errorType });
    if (turn.continuation !== 'none') continuations.add({ result: turn.continuation });
  };
  return { ended, errors };
}

function tokenMetrics(meter: Meter): (turn: TurnRecord) => void {
  const input = meter.counter(CATALOGUE.inputTokens);
  const cached = meter.counter(CATALOGUE.inputCachedTokens);
  const output = meter.counter(CATALOGUE.outputTokens);
  const reasoning = meter.counter(CATALOGUE.outputReasoningTokens);
  const withoutUsage = meter.counter(CATALOGUE.turnsWithoutUsage);
  const speed = meter.histogram(CATALOGUE.outputSpeed);
  return (turn) => {
    const labels = providerAndModel(turn);
    if (turn.usage === undefined) {
      if (turn.outcome === 'completed' || turn.outcome === 'incomplete') withoutUsage.add(labels);
      return;
    }
    input.add(labels, turn.usage.inputTokens);
    cached.add(labels, turn.usage.cachedTokens);
    output.add(labels, turn.usage.outputTokens);
    reasoning.add(labels, turn.usage.reasoningTokens);
    if (turn.outcome !== 'completed' || turn.usage.outputTokens < MIN_SPEED_TOKENS) return;
    const streaming =
      turn.firstOutputAt === undefined ? undefined : secondsBetween(turn.firstOutputAt, turn.endedAt);
    if (streaming !== undefined && streaming > 0) speed.observe(labels, turn.usage.outputTokens / streaming);
  };
}

function attemptMetrics(
  meter: Meter,
  errors: CounterInstrument<'side' | 'error_type'>,
): (attempt: AttemptRecord) => void {
  const attempts = meter.counter(CATALOGUE.attempts);
  const duration: HistogramInstrument<'provider' | 'transport' | 'result'> = meter.histogram(
    CATALOGUE.attemptDuration,
  );
  return ({ provider, transport, result = 'error', errorType, startedAt, endedAt }) => {
    const error = result === 'error' ? (errorType ?? LABEL_OTHER) : '';
    attempts.add({ provider, transport, result, error_type: error });
    duration.observe({ provider, transport, result }, secondsBetween(startedAt, endedAt));
    if (error !== '') errors.add({ side: 'provider', error_type: error });
  };
}

function providerAndModel(turn: TurnRecord): { provider: string; model: string } {
  return { provider: turn.provider ?? LABEL_NONE, model: turn.model };
}
