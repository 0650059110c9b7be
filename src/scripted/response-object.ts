/** The response object as the public API sends it in response.created, in_progress and the terminal events. */
import type { RequestBody } from './recorded-request.ts';
import { modelOf } from './request-view.ts';
import type { JsonObject } from './script.ts';

/** What is known of a response before its first event. */
export interface ResponseFacts {
  /** The request's number: it is in every id, so that ids are the same in every run. */
  readonly number: number;
  readonly responseId: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly body: RequestBody;
  /** The body with the whole conversation as its input. Left out: the body. */
  readonly context?: RequestBody;
  /** Bytes of the request's body: the input tokens are counted from them. */
  readonly requestBytes: number;
}

/** The parts that change while a response runs. */
export interface ResponseProgress {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly output: readonly JsonObject[];
  readonly usage: JsonObject | null;
  readonly error: JsonObject | null;
  readonly incompleteReason: string | undefined;
}

/** All fields that the public API's schema calls required, and those that it echoes from the request. */
export function responseObject(facts: ResponseFacts, progress: ResponseProgress): JsonObject {
  const { body } = facts;
  const ended = progress.status !== 'in_progress';
  return {
    id: facts.responseId,
    object: 'response',
    created_at: facts.createdAt,
    status: progress.status,
    background: false,
    ...(ended ? { completed_at: facts.createdAt } : {}),
    error: progress.error,
    incomplete_details:
      progress.incompleteReason === undefined ? null : { reason: progress.incompleteReason },
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    metadata: body['metadata'] ?? {},
    model: modelOf(body),
    output: progress.output,
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body['previous_response_id'] ?? null,
    prompt_cache_key: body['prompt_cache_key'] ?? null,
    reasoning: body['reasoning'] ?? { effort: null, summary: null },
    service_tier: 'default',
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? 1,
    text: body['text'] ?? { format: { type: 'text' } },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body.tools ?? [],
    top_p: body['top_p'] ?? 1,
    truncation: body['truncation'] ?? 'disabled',
    usage: progress.usage,
    user: null,
  };
}

/** Four bytes a token: no tokenizer, but the same numbers in every run, and larger for more text. */
const bytesPerToken = 4;

/** The usage object of a response that read and wrote so many bytes. All five numbers, as strict clients want. */
export function countedUsage(inputBytes: number, outputBytes: number, reasoningBytes: number): JsonObject {
  const input = Math.ceil(inputBytes / bytesPerToken);
  const reasoning = Math.ceil(reasoningBytes / bytesPerToken);
  const output = Math.ceil(outputBytes / bytesPerToken) + reasoning;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
