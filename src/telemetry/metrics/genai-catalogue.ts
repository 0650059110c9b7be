/**
 * Metrics under the names of the OpenTelemetry GenAI conventions, for dashboards that were made for them. The names
 * changed after v1.41 of the conventions; a process shows one set or the other. The numbers come from the same facts
 * as ours.
 */
import type { MetricDefinition } from './metric-definition.ts';

const CALL = [
  'gen_ai_operation_name',
  'gen_ai_provider_name',
  'gen_ai_request_model',
  'server_address',
] as const;

/** Labels of a call of a model. */
export type CallLabel = (typeof CALL)[number];

/** The list of the conventions ends at 81.92 s; a turn that reasons takes longer, so it is continued by doubling. */
const SECONDS_BUCKETS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68,
  655.36, 1310.72,
];
/** The list of the conventions: powers of four. */
const TOKEN_BUCKETS = Array.from({ length: 14 }, (_, power) => 4 ** power);

function seconds<L extends string>(
  name: string,
  labels: readonly L[],
  help: string,
): MetricDefinition<'histogram', L> {
  return { kind: 'histogram', name, labels, help, buckets: SECONDS_BUCKETS };
}

function tokens(name: string, help: string): MetricDefinition<'counter', CallLabel> {
  return {
    kind: 'counter',
    name: `gen_ai_client_inference_usage_${name}_tokens_total`,
    labels: CALL,
    help,
    buckets: [],
  };
}

const DURATION_HELP = 'From the first attempt at a provider to the end of the last, by GenAI conventions.';
const FIRST_CHUNK_HELP =
  'From the first attempt at a provider to the first event of the answer, by GenAI conventions.';

export const GENAI_LATEST = {
  duration: seconds('gen_ai_client_inference_duration_seconds', [...CALL, 'error_type'], DURATION_HELP),
  firstChunk: seconds('gen_ai_client_inference_time_to_first_chunk_seconds', CALL, FIRST_CHUNK_HELP),
  inputTokens: tokens('input', 'Input tokens, by GenAI conventions.'),
  outputTokens: tokens('output', 'Output tokens, by GenAI conventions.'),
  cacheReadTokens: tokens('cache_read_input', 'Input tokens read from a cache, by GenAI conventions.'),
  reasoningTokens: tokens('reasoning_output', 'Output tokens spent on reasoning, by GenAI conventions.'),
} as const;

export const GENAI_V1_41 = {
  duration: seconds('gen_ai_client_operation_duration_seconds', [...CALL, 'error_type'], DURATION_HELP),
  firstChunk: seconds('gen_ai_client_operation_time_to_first_chunk_seconds', CALL, FIRST_CHUNK_HELP),
  tokenUsage: {
    kind: 'histogram',
    name: 'gen_ai_client_token_usage',
    labels: [...CALL, 'gen_ai_token_type'],
    help: 'Tokens per call: input or output, by GenAI conventions.',
    buckets: TOKEN_BUCKETS,
  } satisfies MetricDefinition<'histogram', CallLabel | 'gen_ai_token_type'>,
} as const;
