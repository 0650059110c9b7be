/**
 * The few events that the bridge writes itself: the answer to a warm-up, the ending of a response whose provider
 * cannot give one, refusals in their own event form. Everything else passes as the provider sent it.
 */
import type { ErrorAnswer } from './errors.ts';
import { toFailedError } from './retry-signals.ts';

/** What is known of a response whose events we have to write. */
export interface ResponseSketch {
  readonly id: string;
  readonly model: string;
  readonly createdAtS: number;
  readonly previousResponseId: string | undefined;
  /** Finished output items as JSON texts, in order. */
  readonly output: readonly Buffer[];
}

const ZERO_USAGE =
  '{"input_tokens":0,"input_tokens_details":{"cached_tokens":0},"output_tokens":0,' +
  '"output_tokens_details":{"reasoning_tokens":0},"total_tokens":0}';

/**
 * The two events that answer a warm-up. The Codex CLI waits for the second before its first real turn.
 * @param visibleId the id that the client shall refer to; blank in the mode `Stateless`.
 */
export function warmupEvents(sketch: ResponseSketch, visibleId: string): readonly [Buffer, Buffer] {
  const created = responseObject(sketch, 'in_progress', { usage: 'null' });
  const completed = responseObject({ ...sketch, id: visibleId }, 'completed', { usage: ZERO_USAGE });
  return [
    Buffer.from(`{"type":"response.created","sequence_number":0,"response":${created}}`),
    Buffer.from(`{"type":"response.completed","sequence_number":1,"response":${completed}}`),
  ];
}

/** The end of a response that was created and cannot go on; whether to try again is in its code (retry-signals.ts). */
export function failedEvent(sketch: ResponseSketch, sequence: number, answer: ErrorAnswer): Buffer {
  const error = JSON.stringify(toFailedError(answer));
  const response = responseObject(sketch, 'failed', { error });
  return Buffer.from(`{"type":"response.failed","sequence_number":${sequence},"response":${response}}`);
}

/** The answer to `response.interrupt`, in the form that lets Codex go on with this response's id (measured). */
export function interruptedEvent(sketch: ResponseSketch, sequence: number): Buffer {
  const response = responseObject(sketch, 'incomplete', { incomplete: '{"reason":"interrupted"}' });
  return Buffer.from(`{"type":"response.incomplete","sequence_number":${sequence},"response":${response}}`);
}

/** `x-codex-turn-state` of an HTTP answer, in the form in which Codex reads it on a socket (measured). */
export function turnStateEvent(turnState: string): Buffer {
  return Buffer.from(
    JSON.stringify({ type: 'response.metadata', headers: { 'x-codex-turn-state': turnState } }),
  );
}

/**
 * The keep-alive text. Any text frame stops Codex's idle timer; this is OpenAI's own name for it. It has no
 * sequence number, so it leaves no gap in the provider's.
 */
export const KEEPALIVE_EVENT = Buffer.from('{"type":"keepalive"}');

/**
 * Up to this size the input of a refused steer or inject is given back. More than a person types in one go;
 * without a limit a client could have us send as much as it likes.
 */
const MAX_ECHO_BYTES = 64 * 1024;

/** Why input for a response that runs comes to nothing. */
export type InputObstacle =
  /** Nobody here takes such input: its provider does not, or is reached over HTTP. */
  | 'unsupported'
  /** No response of this id runs here. */
  | 'not_found'
  /** It ran here, and has ended. */
  | 'completed'
  /** Too much of it waits for the provider already. */
  | 'full'
  /** The provider had taken it, and made nothing of it. */
  | 'abandoned';

/** A code of the API's, and our sentence. */
interface Told {
  readonly code: string;
  readonly message: string;
}

const INSTEAD_OF_STEERING = 'send it with a new response.create';
const INSTEAD_OF_INJECTING = 'send it with the next response.create';

const NOT_TAKEN_YET =
  'The provider has not taken what was sent to this response before; send it again when that was answered.';

const STEER_OBSTACLES: Readonly<Record<InputObstacle, Told>> = {
  unsupported: {
    code: 'steering_not_supported',
    message: `This response cannot be steered: its provider does not take that, or is reached over HTTP. Interrupt it and ${INSTEAD_OF_STEERING}.`,
  },
  not_found: {
    code: 'response_not_found',
    message: `No response of this id runs on this connection; ${INSTEAD_OF_STEERING}.`,
  },
  completed: {
    code: 'response_already_completed',
    message: `The response has ended; ${INSTEAD_OF_STEERING}.`,
  },
  full: {
    code: 'too_many_pending_steers',
    message: NOT_TAKEN_YET,
  },
  abandoned: {
    code: 'successor_creation_failed',
    message: `The provider did not go on with this input; ${INSTEAD_OF_STEERING}.`,
  },
};

const INJECT_OBSTACLES: Readonly<Record<Exclude<InputObstacle, 'abandoned'>, Told>> = {
  unsupported: {
    code: 'injection_not_supported',
    message: `This response takes no input while it answers: its provider does not, or is reached over HTTP; ${INSTEAD_OF_INJECTING}.`,
  },
  not_found: {
    code: 'response_not_found',
    message: `No response of this id runs on this connection; ${INSTEAD_OF_INJECTING}.`,
  },
  completed: {
    code: 'response_already_completed',
    message: `The response has ended; ${INSTEAD_OF_INJECTING}.`,
  },
  full: {
    code: 'slow_down',
    message: NOT_TAKEN_YET,
  },
};

/**
 * `response.steer` that comes to nothing: refused in its own event form, a small input given back.
 * @param steerId the name under which the provider had accepted it
 */
export function steerFailedEvent(
  previousResponseId: string | undefined,
  input: Buffer | undefined,
  why: InputObstacle = 'unsupported',
  steerId?: string,
): Buffer {
  const { given, note } = echoOf(input);
  const error = errorOf(STEER_OBSTACLES[why], note);
  const id = JSON.stringify(previousResponseId ?? null);
  const own = steerId === undefined ? '' : `"id":${JSON.stringify(steerId)},`;
  return Buffer.from(
    `{"type":"response.steer.failed","sequence_number":0,"error":${error},` +
      `"steer":{${own}"previous_response_id":${id},"input":${given}}}`,
  );
}

/** `response.inject` that comes to nothing. */
export function injectFailedEvent(
  responseId: string | undefined,
  input: Buffer | undefined,
  why: keyof typeof INJECT_OBSTACLES = 'unsupported',
): Buffer {
  const { given, note } = echoOf(input);
  const error = errorOf(INJECT_OBSTACLES[why], note);
  const id = JSON.stringify(responseId ?? null);
  return Buffer.from(
    `{"type":"response.inject.failed","sequence_number":0,"response_id":${id},"input":${given},"error":${error}}`,
  );
}

function errorOf({ code, message }: Told, note: string): string {
  return JSON.stringify({ type: 'invalid_request_error', code, message: `${message}${note}` });
}

/** The input as JSON text to paste, and what to say of it in the message. */
function echoOf(input: Buffer | undefined): { readonly given: string; readonly note: string } {
  if (input === undefined) return { given: 'null', note: '' };
  if (input.length > MAX_ECHO_BYTES) {
    const note = ` The input is not given back: it has ${input.length} bytes, more than ${MAX_ECHO_BYTES}.`;
    return { given: 'null', note };
  }
  const given = input.toString('utf8');
  // frames are read only as far as needed, so what is pasted has to be looked at: an event of ours is valid JSON
  if (!isJson(given)) return { given: 'null', note: ' The input is not given back: it is not valid JSON.' };
  return { given, note: '' };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // that is the answer
  }
}

const OPEN_BRACE = 0x7b;

/**
 * Puts a lane's name into an event: the one change that a passing event may need. One copy. White space before the
 * object is left out.
 */
export function withStreamId(event: Buffer, streamId: string): Buffer {
  const head = `{"stream_id":"${streamId}",`; // its characters need no escapes (response-create.ts)
  const brace = event.indexOf(OPEN_BRACE);
  if (brace < 0) return event; // no object: nothing that could carry a name
  const tagged = Buffer.allocUnsafe(head.length + event.length - brace - 1);
  tagged.write(head, 0, 'latin1');
  event.copy(tagged, head.length, brace + 1);
  return tagged;
}

interface Ending {
  readonly usage?: string;
  readonly error?: string;
  readonly incomplete?: string;
}

function responseObject(sketch: ResponseSketch, status: string, ending: Ending): string {
  const output = sketch.output.map((item) => item.toString('utf8')).join(',');
  return (
    `{"id":${JSON.stringify(sketch.id)},"object":"response","created_at":${sketch.createdAtS},` +
    `"status":"${status}","error":${ending.error ?? 'null'},"incomplete_details":${ending.incomplete ?? 'null'},` +
    `"instructions":null,"metadata":{},"model":${JSON.stringify(sketch.model)},"output":[${output}],` +
    `"parallel_tool_calls":true,"previous_response_id":${JSON.stringify(sketch.previousResponseId ?? null)},` +
    `"temperature":null,"tool_choice":"auto","tools":[],"top_p":null,"usage":${ending.usage ?? 'null'}}`
  );
}
