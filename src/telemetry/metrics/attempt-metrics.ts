/** Counts attempts at providers, and errors of both sides. */
import type { AttemptRecord } from '../../turn/facts.ts';
import { isFailed } from '../is-failed.ts';
import { LABEL_OTHER } from '../names.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { type CounterInstrument, type Meter, secondsBetween } from './meter.ts';

/** Registers the metrics of attempts. @returns what takes an attempt that ended */
export function attemptMetrics(
  meter: Meter,
  errors: CounterInstrument<'side' | 'error_type'>,
): (attempt: AttemptRecord) => void {
  const attempts = meter.counter(CATALOGUE.attempts);
  const duration = meter.histogram(CATALOGUE.attemptDuration);
  const connect = meter.histogram(CATALOGUE.providerConnect);
  return (attempt) => {
    const { provider, transport, result = 'error', errorType, startedAt, endedAt, dial, trace } = attempt;
    const error = isFailed({ result }) ? (errorType ?? LABEL_OTHER) : '';
    attempts.add({ provider, transport, result, error_type: error });
    duration.observe({ provider, transport, result }, secondsBetween(startedAt, endedAt), trace);
    if (error !== '' && result !== 'fallback') errors.add({ side: 'provider', error_type: error });
    if (dial !== undefined && dial.errorType === undefined) {
      connect.observe({ provider, transport }, secondsBetween(dial.startedAt, dial.endedAt));
    }
  };
}
