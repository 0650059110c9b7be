/** Counts tokens, as providers report them. */
import type { TurnRecord } from '../../turn/facts.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { type Meter, secondsBetween } from './meter.ts';
import type { Labels } from './series-guard.ts';

/** Below this many output tokens, a speed says more about chunking than about the model. */
const MIN_SPEED_TOKENS = 16;

/** Registers the metrics. @returns what takes a turn that ended */
export function tokenMetrics(meter: Meter): (turn: TurnRecord, labels: Labels<'provider' | 'model'>) => void {
  const input = meter.counter(CATALOGUE.inputTokens);
  const cached = meter.counter(CATALOGUE.inputCachedTokens);
  const cacheWrite = meter.counter(CATALOGUE.inputCacheWriteTokens);
  const output = meter.counter(CATALOGUE.outputTokens);
  const reasoning = meter.counter(CATALOGUE.outputReasoningTokens);
  const withoutUsage = meter.counter(CATALOGUE.turnsWithoutUsage);
  const speed = meter.histogram(CATALOGUE.outputSpeed);
  return ({ usage, outcome, firstOutputAt, endedAt }, labels) => {
    if (usage === undefined) {
      if (outcome === 'completed' || outcome === 'incomplete') withoutUsage.add(labels);
      return;
    }
    input.add(labels, usage.inputTokens);
    cached.add(labels, usage.cachedTokens);
    cacheWrite.add(labels, usage.cacheWriteTokens);
    output.add(labels, usage.outputTokens);
    reasoning.add(labels, usage.reasoningTokens);
    if (outcome !== 'completed' || usage.outputTokens < MIN_SPEED_TOKENS) return;
    const streaming = firstOutputAt === undefined ? undefined : secondsBetween(firstOutputAt, endedAt);
    if (streaming !== undefined && streaming > 0) speed.observe(labels, usage.outputTokens / streaming);
  };
}
