/**
 * How known services deviate from the public API, as far as their documentation and their users' reports say: what
 * they lack is refused or ignored as they do it, so that who relies on it gets a wrong conversation here, too.
 */
import type { RecordedRequest } from './recorded-request.ts';
import { isObject } from './request-view.ts';
import type {
  Answer,
  AnswerFunction,
  AnswerLike,
  JsonObject,
  PreviousIds,
  Quirk,
  Script,
  Step,
} from './script.ts';
import { toolCallAnswer } from './tool-call-answer.ts';
import type { WebSocketChoice } from './websocket-settings.ts';

/** The services of docs/providers.md. */
export const dialectNames = [
  'openai',
  'azure',
  'xai',
  'vllm',
  'ollama',
  'lm-studio',
  'llama-cpp',
  'openrouter',
  'groq',
] as const;
export type DialectName = (typeof dialectNames)[number];

/** With the backend that ChatGPT logins use. */
export type ServiceName = DialectName | 'chatgpt';

interface Dialect {
  readonly summary: string;
  readonly webSocket: WebSocketChoice;
  /** `refused`: with an error that says so. */
  readonly previousIds: PreviousIds | 'refused';
  readonly quirks?: readonly Quirk[];
  readonly headers?: (request: RecordedRequest) => Readonly<Record<string, string>>;
  /** Before everything else of an answer. */
  readonly first?: readonly Step[];
  /** It keeps nothing, and says so to who asks for it. */
  readonly refusesStore?: boolean;
  readonly responseId?: (request: RecordedRequest) => string;
  /** What becomes of the `error` of a refusal. */
  readonly error?: (error: JsonObject, status: number) => JsonObject;
}

/** One turn at a time, no lanes, and none of the frames that only one service has. */
const plainSocket = { lanes: false, steer: 'off', inject: false, interrupt: 'off' } as const;
const minuteMs = 60_000;

const padded = ({ number }: RecordedRequest): string => String(number).padStart(4, '0');

const dialects: Readonly<Record<ServiceName, Dialect>> = {
  openai: {
    summary: 'the public API: lanes, steering, 60 minutes for a socket, stored responses',
    webSocket: { interrupt: 'off', maxAgeMs: 60 * minuteMs },
    previousIds: 'kept',
  },
  azure: {
    summary: 'Azure: sockets with one response in flight, no stream_id, no steering',
    webSocket: { ...plainSocket, busy: 'refuse', inject: true, maxAgeMs: 60 * minuteMs },
    previousIds: 'kept',
    headers: (request) => ({ 'apim-request-id': `apim-${padded(request)}`, 'x-ms-region': 'Scripted' }),
  },
  xai: {
    summary: 'xAI: sockets for 25 minutes with a serial queue, no stream_id, errors without a type',
    webSocket: { ...plainSocket, maxAgeMs: 25 * minuteMs, errorsWithoutType: true },
    previousIds: 'kept',
  },
  vllm: {
    summary: 'vLLM: HTTP only; an id is unknown unless its store is switched on; [DONE] at the end',
    webSocket: 'off',
    previousIds: 'refused',
    quirks: ['done'],
    error: (error, status) => ({
      ...error,
      type: status === 404 ? 'NotFoundError' : error['type'],
      code: status,
    }),
  },
  ollama: {
    summary: 'Ollama: HTTP only; previous_response_id is ignored without a word',
    webSocket: 'off',
    previousIds: 'ignored',
  },
  'lm-studio': {
    summary: 'LM Studio: HTTP only; previous_response_id works',
    webSocket: 'off',
    previousIds: 'kept',
  },
  'llama-cpp': {
    summary: 'llama.cpp: HTTP only, stateless; no sequence numbers, a bare response at the beginning',
    webSocket: 'off',
    previousIds: 'refused',
    quirks: ['noSequence', 'bareCreated'],
    error: (error, status) => ({ ...error, code: status }),
  },
  openrouter: {
    summary:
      'OpenRouter: HTTP only, stateless; comments while it waits, numeric error codes, [DONE], gen- ids',
    webSocket: 'off',
    previousIds: 'refused',
    quirks: ['done'],
    first: [{ comment: 'OPENROUTER PROCESSING' }, { comment: 'OPENROUTER PROCESSING' }],
    headers: (request) => ({ 'x-generation-id': `gen-${padded(request)}` }),
    responseId: (request) => `gen-${padded(request)}`,
    error: ({ message }, status) => ({ code: status, message, metadata: { provider_name: 'Scripted' } }),
  },
  groq: {
    summary: 'Groq: HTTP only, stateless; an id is refused',
    webSocket: 'off',
    previousIds: 'refused',
  },
  chatgpt: {
    summary:
      'the backend of ChatGPT logins: rate limits first, an empty output at the end, storing is refused',
    webSocket: {
      lanes: false,
      maxAgeMs: 60 * minuteMs,
      headers: { 'x-codex-primary-used-percent': '12.5', 'x-codex-primary-window-minutes': '300' },
    },
    previousIds: 'checked',
    refusesStore: true,
    quirks: ['emptyOutput'],
    headers: () => ({
      'x-codex-primary-used-percent': '12.5',
      'x-codex-primary-window-minutes': '300',
      'x-codex-turn-state': 'scripted-turn-state',
    }),
  },
};

/** Over a socket the backend says in an event what it says in headers over HTTP. */
const rateLimits: Step = {
  event: {
    type: 'codex.rate_limits',
    plan_type: 'plus',
    rate_limits: {
      allowed: true,
      limit_reached: false,
      primary: { used_percent: 12.5, window_minutes: 300 },
    },
  },
};

/** A script that answers as the service would; `answer` decides what is said. Left out: one tool call, then a text. */
export function dialectScript(name: ServiceName, answer: AnswerFunction = toolCallAnswer): Script {
  const { summary, webSocket, previousIds } = dialects[name];
  return {
    name: `as-${name}`,
    summary,
    webSocket,
    previousIds: previousIds === 'refused' ? 'ignored' : previousIds,
    rules: [{ answer: async (request) => laidOver(name, request, await answer(request)) }],
  };
}

/** The service's WebSockets: the option of openScriptedProvider. */
export function dialectWebSocket(name: ServiceName): WebSocketChoice {
  return dialects[name].webSocket;
}

function laidOver(name: ServiceName, request: RecordedRequest, like: AnswerLike): AnswerLike {
  const dialect = dialects[name];
  const previous = request.body['previous_response_id'];
  if (dialect.previousIds === 'refused' && typeof previous === 'string') return refused(name, previous);
  if (dialect.refusesStore === true && request.body['store'] === true)
    return { status: { code: 400, body: { detail: 'Store must be set to false' } } };
  if (typeof like === 'string') return like; // a built-in script speaks for itself
  const answer: Answer = isSteps(like) ? { steps: like } : like;
  const { status } = answer;
  if (status !== undefined)
    return { ...answer, status: { ...status, body: errorBody(dialect, status.body, status.code) } };
  const first = name === 'chatgpt' && request.via === 'websocket' ? [rateLimits] : (dialect.first ?? []);
  const responseId = answer.responseId ?? dialect.responseId?.(request);
  return {
    ...answer,
    quirks: [...new Set([...(dialect.quirks ?? []), ...(answer.quirks ?? [])])],
    headers: { ...dialect.headers?.(request), ...answer.headers },
    ...(responseId === undefined ? {} : { responseId }),
    steps: [...first, ...(answer.steps ?? [])],
  };
}

function isSteps(like: object): like is readonly Step[] {
  return Array.isArray(like);
}

/** What a service without a memory says to an id. */
function refused(name: ServiceName, id: string): Answer {
  const code = name === 'vllm' ? 404 : 400;
  const message =
    name === 'vllm' ? `Response with id '${id}' not found.` : 'previous_response_id is not supported here.';
  const error = {
    message,
    type: 'invalid_request_error',
    param: 'previous_response_id',
    code: 'unsupported_parameter',
  };
  return { status: { code, body: errorBody(dialects[name], { error }, code) } };
}

function errorBody({ error }: Dialect, body: unknown, status: number): unknown {
  if (error === undefined || !isObject(body) || !isObject(body['error'])) return body;
  return { ...body, error: error(body['error'], status) };
}
