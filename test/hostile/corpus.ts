/** What the fuzzer begins with: the recorded conversations of a real client, and forms that they do not have. */
import { captureNames, loadCapture, type CaptureStep } from '../fixtures/captures/load-capture.ts';

type JsonObject = Record<string, unknown>;

/** Longer texts are cut: what matters is their place, and small inputs are many. */
const MAX_TEXT_CHARS = 120;
/** Of a list as well. */
const MAX_ITEMS = 4;

const steps: readonly CaptureStep[] = captureNames.flatMap((name) => loadCapture(name).steps);

/** Frames that a client sends. */
export const clientFrames: readonly JsonObject[] = [
  ...distinct(steps.flatMap((step) => (step.step === 'send' ? [shortened(step.frame) as JsonObject] : []))),
  { type: 'response.create', model: 'm', input: 'hi', stream_id: 'lane-1' },
  { type: 'response.create', model: 'm', generate: false, input: [] },
  { type: 'response.create', response: { model: 'm', input: 'hi', client_metadata: { session_id: 's' } } },
  { type: 'response.create', model: 'm', previous_response_id: 'resp_0', input: 'hi', background: true },
  {
    type: 'response.create',
    model: 'm',
    input: 'hi',
    prompt_cache_options: { prewarm: true },
    client_metadata: {
      'x-codex-turn-state': 's',
      ws_request_header_traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'x-codex-turn-metadata': '{"turn":"ü"}',
      thread_id: 't',
    },
  },
  { type: 'response.interrupt', response_id: 'resp_0' },
  { type: 'response.steer', previous_response_id: 'resp_0', input: [{ type: 'message' }] },
  { type: 'response.inject', response_id: 'resp_0', input: [{ type: 'message' }] },
  { type: 'response.processed', response_id: 'resp_0' },
  { type: 'response.append', input: [] },
  { type: 'session.update' },
];

/** Events that a provider sends. */
export const providerEvents: readonly JsonObject[] = [
  ...distinct(
    steps.flatMap((step) =>
      step.step === 'hear' ? step.events.map((event) => shortened(event) as JsonObject) : [],
    ),
  ),
  { type: 'response.done', response: { id: 'r', status: 'completed', output: [] } },
  { type: 'error', status: 429, error: { code: 'rate_limit_exceeded', message: 'try again in 2 s' } },
  { type: 'response.metadata', headers: { 'openai-model': 'x', 'x-codex-turn-state': 's' } },
  { type: 'response.incomplete', response: { id: 'r', incomplete_details: { reason: 'max_output_tokens' } } },
  { type: 'response.failed', response: { id: 'r', error: { code: 'server_is_overloaded', message: 'no' } } },
  { error: { message: 'no', code: 500 } },
  { type: 'ping' },
];

/** Whole answers in JSON, and the bodies of errors. */
export const jsonAnswers: readonly JsonObject[] = [
  {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    model: 'm',
    output: [
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'hi', annotations: [], logprobs: [] }],
      },
      { type: 'function_call', id: 'fc_1', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'c', name: 'f', input: 'x' },
      { type: 'message', content: [{ type: 'refusal', refusal: 'no' }] },
      { type: 'reasoning', summary: [], encrypted_content: 'x' },
    ],
    usage: {
      input_tokens: 1,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 1,
      total_tokens: 2,
    },
  },
  {
    object: 'response',
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [],
  },
  { object: 'response', status: 'failed', error: { code: 'server_error', message: 'no' }, output: [] },
  { error: { message: 'no', type: 'invalid_request_error', code: 'x', param: 'model' } },
  { error: 'no', status: 429 },
  { error: { message: 'Please try again in 20s', code: 429, plan: { reset: [1, 2, { at: 3 }] } } },
  { message: 'no', code: 'x', type: 'y' },
  { detail: 'Not found' },
];

/** Event streams: all forms in which an event may be written. */
export const streams: readonly Buffer[] = [
  toStream(providerEvents.slice(0, 6), (json) => `event: x\ndata: ${json}\n\n`),
  toStream(providerEvents.slice(6, 12), (json) => `data:${json}\r\n\r\n`),
  toStream(
    providerEvents.slice(-6),
    (json) => `: comment\rid: 1\rdata: ${json.replaceAll(',"', ',\rdata: "')}\r\r`,
  ),
  Buffer.from(
    'data: {"type":"response.created","response":{"id":"r"},"sequence_number":9007199254740991}\n\n' +
      'data: {"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1e999,"output_tokens":-1}}}\n\n',
  ),
  Buffer.from('\uFEFFdata: {"type":"ü"}\n\nretry: 1\ndata\ndata:\n\ndata: [DONE]\n\ndata: {"type":"error"}'),
];

function toStream(events: readonly JsonObject[], write: (json: string) => string): Buffer {
  return Buffer.from(events.map((event) => write(JSON.stringify(event))).join(''));
}

/** Heads of a client's handshakes. */
export const handshakeHeaders: readonly Readonly<Record<string, string>>[] = steps
  .flatMap((step) => (step.step === 'open' ? [step.headers] : []))
  .slice(0, 4);

/** As bytes. */
export function toBytes(values: readonly unknown[]): Buffer[] {
  return values.map((value) => Buffer.from(JSON.stringify(value)));
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT_CHARS);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shortened(each)]));
}

/** One for each set of keys, two levels deep: hundreds of deltas teach nothing more than one. */
function distinct(values: readonly JsonObject[]): JsonObject[] {
  const byShape = new Map(values.map((value) => [shapeOf(value), value]));
  return [...byShape.values()];
}

function shapeOf(value: JsonObject): string {
  const inner = Object.entries(value).map(([key, each]) => [
    key,
    typeof each === 'object' && each !== null ? Object.keys(each) : typeof each,
  ]);
  return JSON.stringify([value['type'], inner]);
}
