/** Counts calls of models under the names of the GenAI conventions. */
import type {
  AttemptRecord,
  TokenUsage,
  TraceIds,
  TurnFact,
  TurnFactListener,
  TurnRecord,
} from '../../turn/facts.ts';
import { genaiProviderName, hostOf } from '../genai-provider.ts';
import { OUTCOME_CLASSES } from '../names.ts';
import { type CallLabel, GENAI_LATEST, GENAI_V1_41 } from './genai-catalogue.ts';
import type { Semconv } from '../names.ts';
import { type Meter, secondsBetween } from './meter.ts';
import type { Labels } from './series-guard.ts';

/** What the conventions call a responses turn. */
const OPERATION = 'chat';
/** `error.type` of a failure that has no name. */
const UNNAMED_ERROR = '_OTHER';
/** Origins are configuration: some dozens. Beyond so many they are worked out each time. */
const MAX_KNOWN_PROVIDERS = 500;

/** One call of a model: all attempts of a turn together. */
interface Call {
  readonly startedAt: number;
  last: AttemptRecord;
}

/** The instruments, of whichever names. */
interface CallMeter {
  ended(
    labels: Labels<CallLabel>,
    seconds: number | undefined,
    errorType: string,
    trace: TraceIds | undefined,
  ): void;
  firstChunk(labels: Labels<CallLabel>, seconds: number | undefined): void;
  used(labels: Labels<CallLabel>, usage: TokenUsage): void;
}

/**
 * Registers the metrics. @returns the listener that feeds them; it holds a record from `attempt.started` to
 * `turn.ended`, which always comes
 */
export function genaiMetrics(meter: Meter, semconv: Semconv): TurnFactListener {
  const instruments = semconv === 'latest' ? latestMeter(meter) : olderMeter(meter);
  const calls = new Map<TurnRecord, Call>();
  const nameOf = providerNames();

  const end = (turn: TurnRecord, { startedAt, last }: Call): void => {
    const labels = { gen_ai_operation_name: OPERATION, gen_ai_request_model: turn.model, ...nameOf(last) };
    const hasFailed = OUTCOME_CLASSES[turn.outcome ?? 'bridge_error'] === 'error';
    const seconds = secondsBetween(startedAt, last.endedAt ?? turn.endedAt);
    instruments.ended(labels, seconds, hasFailed ? (turn.errorType ?? UNNAMED_ERROR) : '', turn.trace);
    instruments.firstChunk(labels, secondsBetween(startedAt, last.firstEventAt));
    if (turn.usage !== undefined) instruments.used(labels, turn.usage);
  };

  return (fact: TurnFact) => {
    if (fact.kind === 'attempt.started') {
      const call = calls.get(fact.turn);
      if (call === undefined) calls.set(fact.turn, { startedAt: fact.attempt.startedAt, last: fact.attempt });
      else call.last = fact.attempt;
    } else if (fact.kind === 'turn.ended') {
      const call = calls.get(fact.turn);
      if (call === undefined) return;
      calls.delete(fact.turn);
      end(fact.turn, call);
    }
  };
}

/** Names by provider and origin, worked out once for each. */
function providerNames() {
  const known = new Map<string, Labels<'gen_ai_provider_name' | 'server_address'>>();
  return ({ provider, origin }: AttemptRecord) => {
    const key = `${provider} ${origin}`;
    let names = known.get(key);
    if (names === undefined) {
      names = { gen_ai_provider_name: genaiProviderName(provider, origin), server_address: hostOf(origin) };
      if (known.size < MAX_KNOWN_PROVIDERS) known.set(key, names);
    }
    return names;
  };
}

function latestMeter(meter: Meter): CallMeter {
  const duration = meter.histogram(GENAI_LATEST.duration);
  const firstChunk = meter.histogram(GENAI_LATEST.firstChunk);
  const input = meter.counter(GENAI_LATEST.inputTokens);
  const output = meter.counter(GENAI_LATEST.outputTokens);
  const cacheRead = meter.counter(GENAI_LATEST.cacheReadTokens);
  const reasoning = meter.counter(GENAI_LATEST.reasoningTokens);
  return {
    ended: (labels, seconds, errorType, trace) =>
      duration.observe({ ...labels, error_type: errorType }, seconds, trace),
    firstChunk: (labels, seconds) => firstChunk.observe(labels, seconds),
    used: (labels, usage) => {
      input.add(labels, usage.inputTokens);
      output.add(labels, usage.outputTokens);
      cacheRead.add(labels, usage.cachedTokens);
      reasoning.add(labels, usage.reasoningTokens);
    },
  };
}

function olderMeter(meter: Meter): CallMeter {
  const duration = meter.histogram(GENAI_V1_41.duration);
  const firstChunk = meter.histogram(GENAI_V1_41.firstChunk);
  const usage = meter.histogram(GENAI_V1_41.tokenUsage);
  return {
    ended: (labels, seconds, errorType, trace) =>
      duration.observe({ ...labels, error_type: errorType }, seconds, trace),
    firstChunk: (labels, seconds) => firstChunk.observe(labels, seconds),
    used: (labels, { inputTokens, outputTokens }) => {
      usage.observe({ ...labels, gen_ai_token_type: 'input' }, inputTokens);
      usage.observe({ ...labels, gen_ai_token_type: 'output' }, outputTokens);
    },
  };
}
