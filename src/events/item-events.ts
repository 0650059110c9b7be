/**
 * Events made from things that are already whole: for providers that answer without streaming, or leave events
 * out. Sequence numbers are the caller's affair.
 */
import { isJsonObject, type JsonObject } from '../json/json-object.ts';

/** Most items and parts of them that one response may have: each becomes up to four events. Real ones have hundreds. */
const MAX_PIECES = 10_000;

/** More items and parts than are told one by one? */
export function hasTooManyPieces(output: unknown): boolean {
  if (!Array.isArray(output)) return false;
  const parts = output.map((item) => (isJsonObject(item) ? partsOf(item).length : 0));
  return parts.reduce((sum, count) => sum + count, parts.length) > MAX_PIECES;
}

/** Longest id of a response or an item: it is repeated in every event. The longest known have some 300 characters. */
const MAX_ID_CHARS = 1_024;

/** Is this an id to go by? */
export function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_CHARS;
}

/**
 * All events of one finished output item, in the order in which they would have been streamed.
 *
 * Strict readers (the accumulators of the official SDKs) would take `output_item.added` and `output_item.done`
 * alone. Text and tool arguments come as one delta besides, because simple clients print deltas and nothing else.
 * A delta is always the whole text, so `done` equals what was streamed.
 *
 * @param item A finished item; its `id` is used as `item_id`.
 * @param outputIndex Its place in the response's `output`.
 */
export function toItemEvents(item: JsonObject, outputIndex: number): JsonObject[] {
  const place = { item_id: item['id'], output_index: outputIndex };
  const done = { type: 'response.output_item.done', output_index: outputIndex, item };
  switch (item['type']) {
    case 'message':
      return [
        added({ ...item, status: 'in_progress', content: [] }, outputIndex),
        ...partsOf(item).flatMap((part, index) => toPartEvents(part, { ...place, content_index: index })),
        done,
      ];
    case 'function_call':
      return [
        added({ ...item, status: 'in_progress', arguments: '' }, outputIndex),
        ...toArgumentEvents('function_call_arguments', 'arguments', item['arguments'], place),
        done,
      ];
    case 'custom_tool_call':
      return [
        added({ ...item, status: 'in_progress', input: '' }, outputIndex),
        ...toArgumentEvents('custom_tool_call_input', 'input', item['input'], place),
        done,
      ];
    default:
      return [added(item, outputIndex), done];
  }
}

/** `response.output_item.added` for an item. */
export function added(item: JsonObject, outputIndex: number): JsonObject {
  return { type: 'response.output_item.added', output_index: outputIndex, item };
}

function partsOf(item: JsonObject): JsonObject[] {
  const content = item['content'];
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

function toPartEvents(part: JsonObject, place: JsonObject): JsonObject[] {
  const begin = (empty: JsonObject) => ({ type: 'response.content_part.added', ...place, part: empty });
  const end = { type: 'response.content_part.done', ...place, part };
  const text = part['text'];
  if (part['type'] === 'output_text' && typeof text === 'string') {
    const logprobs = Array.isArray(part['logprobs']) ? part['logprobs'] : [];
    return [
      begin({ type: 'output_text', text: '', annotations: [] }),
      { type: 'response.output_text.delta', ...place, delta: text, logprobs },
      { type: 'response.output_text.done', ...place, text, logprobs },
      end,
    ];
  }
  const refusal = part['refusal'];
  if (part['type'] === 'refusal' && typeof refusal === 'string') {
    return [
      begin({ type: 'refusal', refusal: '' }),
      { type: 'response.refusal.delta', ...place, delta: refusal },
      { type: 'response.refusal.done', ...place, refusal },
      end,
    ];
  }
  return [begin(part), end];
}

function toArgumentEvents(event: string, field: string, value: unknown, place: JsonObject): JsonObject[] {
  if (typeof value !== 'string') {
    return [];
  }
  return [
    { type: `response.${event}.delta`, ...place, delta: value },
    { type: `response.${event}.done`, ...place, [field]: value },
  ];
}

/**
 * The `response.created` that a response would have begun with: everything it says of itself, without its result.
 * Fields that the schema always has are filled in when the provider left them out.
 */
export function toCreatedEvent(response: JsonObject): JsonObject {
  const { output_text: _text, usage: _usage, completed_at: _completedAt, ...rest } = response;
  return {
    type: 'response.created',
    response: {
      ...toCompleteResponse(rest),
      status: 'in_progress',
      error: null,
      incomplete_details: null,
      output: [],
      usage: null,
    },
  };
}

/** A response object with all fields that the schema always has; what is there wins. */
export function toCompleteResponse(response: JsonObject): JsonObject {
  return {
    object: 'response',
    created_at: 0,
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: '',
    parallel_tool_calls: true,
    temperature: null,
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    ...response,
    output: Array.isArray(response['output']) ? response['output'] : [],
  };
}

/** Items without an id, or with one of absurd length, get one that is stable for the response: strict readers refuse a message without. */
export function withItemId(item: JsonObject, responseId: string, outputIndex: number): JsonObject {
  if (isId(item['id'])) {
    return item;
  }
  return { ...item, id: `item_${responseId}_${outputIndex}` };
}
