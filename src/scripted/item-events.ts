/** The events of one output item each, without numbers. Every `done` equals its deltas joined. */
import type { JsonObject, TextStep } from './script.ts';

/** Where an item stands in its response. */
export interface Place {
  readonly id: string;
  /** `output_index`. */
  readonly index: number;
}

export interface ItemEvents {
  readonly opening: readonly JsonObject[];
  /** Lazy: a long text is never held as events. */
  readonly deltas: Iterable<JsonObject>;
  /** Before each delta. */
  readonly delayMs: number;
  readonly closing: readonly JsonObject[];
  /** Undefined: the item is never done. */
  readonly done: { readonly output_index: number; readonly item: JsonObject } | undefined;
}

/** An assistant message with one text part. */
export function messageEvents(step: TextStep, place: Place): ItemEvents {
  const whole = step.text.repeat(step.repeat ?? 1);
  const part = { item_id: place.id, output_index: place.index, content_index: 0 };
  const textPart = (text: string): JsonObject => ({
    type: 'output_text',
    text,
    annotations: [],
    logprobs: [],
  });
  const item = (status: string, content: readonly JsonObject[]): JsonObject => ({
    id: place.id,
    type: 'message',
    status,
    role: 'assistant',
    ...(step.phase === undefined ? {} : { phase: step.phase }),
    content,
  });
  return {
    opening: [
      { type: 'response.output_item.added', output_index: place.index, item: item('in_progress', []) },
      { type: 'response.content_part.added', ...part, part: textPart('') },
    ],
    deltas: mapped(piecesOf(step), (delta) => ({
      type: 'response.output_text.delta',
      ...part,
      delta,
      logprobs: [],
    })),
    delayMs: step.delayMs ?? 0,
    closing: [
      { type: 'response.output_text.done', ...part, text: whole, logprobs: [] },
      { type: 'response.content_part.done', ...part, part: textPart(whole) },
    ],
    done:
      step.unfinished === true
        ? undefined
        : { output_index: place.index, item: item('completed', [textPart(whole)]) },
  };
}

export interface Call {
  readonly name: string;
  readonly callId: string;
  readonly namespace: string | undefined;
  /** The arguments or the input. */
  readonly spoken: string;
}

/** A call of a function tool. */
export function functionCallEvents(call: Call, place: Place): ItemEvents {
  return callEvents(call, place, 'function_call', 'arguments', 'response.function_call_arguments');
}

/** A call of a custom (free text) tool. */
export function customCallEvents(call: Call, place: Place): ItemEvents {
  return callEvents(call, place, 'custom_tool_call', 'input', 'response.custom_tool_call_input');
}

function callEvents(call: Call, place: Place, type: string, field: string, eventBase: string): ItemEvents {
  const item = (status: string, spoken: string): JsonObject => ({
    id: place.id,
    type,
    status,
    call_id: call.callId,
    name: call.name,
    ...(call.namespace === undefined ? {} : { namespace: call.namespace }),
    [field]: spoken,
  });
  const where = { item_id: place.id, output_index: place.index };
  return {
    opening: [
      { type: 'response.output_item.added', output_index: place.index, item: item('in_progress', '') },
    ],
    deltas: call.spoken === '' ? [] : [{ type: `${eventBase}.delta`, ...where, delta: call.spoken }],
    delayMs: 0,
    closing: [{ type: `${eventBase}.done`, ...where, [field]: call.spoken }],
    done: { output_index: place.index, item: item('completed', call.spoken) },
  };
}

/** A reasoning item with one summary part. */
export function reasoningEvents(
  reasoning: { summary: string; encrypted?: string },
  place: Place,
): ItemEvents {
  const where = { item_id: place.id, output_index: place.index, summary_index: 0 };
  const { summary } = reasoning;
  const item = (parts: readonly JsonObject[]): JsonObject => ({
    id: place.id,
    type: 'reasoning',
    summary: parts,
    ...(reasoning.encrypted === undefined ? {} : { encrypted_content: reasoning.encrypted }),
  });
  return {
    opening: [
      { type: 'response.output_item.added', output_index: place.index, item: item([]) },
      {
        type: 'response.reasoning_summary_part.added',
        ...where,
        part: { type: 'summary_text', text: '' },
      },
    ],
    deltas: mapped(words(summary), (delta) => ({
      type: 'response.reasoning_summary_text.delta',
      ...where,
      delta,
    })),
    delayMs: 0,
    closing: [
      { type: 'response.reasoning_summary_text.done', ...where, text: summary },
      {
        type: 'response.reasoning_summary_part.done',
        ...where,
        part: { type: 'summary_text', text: summary },
      },
    ],
    done: { output_index: place.index, item: item([{ type: 'summary_text', text: summary }]) },
  };
}

/** The deltas of a text: cut by bytes if that is asked for, else one per repetition, else one per word. */
export function* piecesOf(step: TextStep): Generator<string> {
  const { text, repeat = 1, chunkBytes } = step;
  if (chunkBytes !== undefined) yield* byBytes(text.repeat(repeat), chunkBytes);
  else if (repeat > 1) for (let said = 0; said < repeat; said += 1) yield text;
  else yield* words(text);
}

/** Cuts between characters: a delta is JSON text and cannot hold half of one. Slices: texts have many MiB. */
function* byBytes(text: string, chunkBytes: number): Generator<string> {
  let start = 0;
  let pieceBytes = 0;
  for (let at = 0; at < text.length;) {
    const character = text.codePointAt(at) ?? 0;
    const bytes = utf8Bytes(character);
    if (at > start && pieceBytes + bytes > chunkBytes) {
      yield text.slice(start, at);
      start = at;
      pieceBytes = 0;
    }
    pieceBytes += bytes;
    at += bytes === 4 ? 2 : 1;
  }
  if (start < text.length) yield text.slice(start);
}

/** As UTF-8 has it; half of a surrogate pair becomes U+FFFD, of three bytes. */
function utf8Bytes(character: number): 1 | 2 | 3 | 4 {
  if (character < 0x80) return 1;
  if (character < 0x800) return 2;
  return character < 0x1_0000 ? 3 : 4;
}

function* words(text: string): Generator<string> {
  for (const [word] of text.matchAll(/\s*\S+(?:\s+$)?|\s+$/g)) yield word;
}

function* mapped<From, To>(from: Iterable<From>, to: (value: From) => To): Generator<To> {
  for (const value of from) yield to(value);
}
