/**
 * What a scripted provider is told to do: a script is a list of rules, a rule says when it applies and what is
 * answered, an answer is a list of steps. Only types; scripts.ts holds the built-in ones, parse-script.ts reads
 * them from a file.
 */
import type { RecordedRequest } from './recorded-request.ts';
import type { WebSocketChoice } from './websocket-settings.ts';

export type JsonObject = Record<string, unknown>;

/** Tried from first to last; the first rule that applies answers. When none does, `hello` answers. */
export interface Script {
  readonly name: string;
  /** One line for a list of scripts. */
  readonly summary?: string;
  readonly rules: readonly Rule[];
  /** How its WebSockets behave. Left out: as the provider that plays it says. */
  readonly webSocket?: WebSocketChoice;
  /** What `previous_response_id` means over HTTP. Left out: `ignored`. */
  readonly previousIds?: PreviousIds;
}

/**
 * `ignored`: the answer is given as if it were not there. `checked`: unknown ids are refused; known are those of
 * responses with `store: true`. `kept`: so, but known are all without `store: false`. On a WebSocket they are
 * always checked.
 */
export type PreviousIds = 'ignored' | 'checked' | 'kept';

export interface Rule {
  /** Left out: applies to every `POST …/responses`. */
  readonly when?: When;
  /** The rule is used at most this often, then passed over. Left out: for ever. */
  readonly times?: number;
  readonly answer: AnswerLike | AnswerFunction;
}

/** Steps alone, a whole answer, or the name of a built-in script. */
export type AnswerLike = Answer | readonly Step[] | string;

/** Decides by itself. Exceptions become an answer 500 that quotes them. */
export type AnswerFunction = (request: RecordedRequest) => AnswerLike | Promise<AnswerLike>;

/** Every condition named must hold. */
export interface When {
  /** The request's model; `*` stands for anything. */
  readonly model?: string;
  /** Text of the last user message. */
  readonly userText?: { readonly contains?: string; readonly regex?: string };
  /** `type` of the last input item, such as `function_call_output`; `message` for items without a type. */
  readonly lastItem?: string;
  /** The request's number among all requests to this provider, from 1. */
  readonly request?: number;
  /** Headers that must be there, names in any case; `*` stands for anything. */
  readonly header?: Readonly<Record<string, string>>;
  /** What `stream` in the request must be; a request without it counts as false. */
  readonly stream?: boolean;
  /**
   * End of the path, such as `/models` or `/responses/compact`, `*` standing for anything. Left out:
   * `/responses`, so that a rule without it never answers anything else.
   */
  readonly path?: string;
}

export interface Answer {
  /** Refused with this status instead of a stream. Of the steps only `wait`, `until`, `stall` and `reset` count, before it. */
  readonly status?: StatusAnswer;
  /** Headers of the 200. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * How a streamed request is answered: as events; as one JSON body all the same; as an HTML page, as a proxy
   * in between would. Left out: `events`. A request without `stream: true` gets JSON anyway.
   */
  readonly form?: 'events' | 'json' | 'html';
  /** The body is compressed, whatever the client accepts. */
  readonly gzip?: boolean;
  /** Deviations from the public API, as other providers show them. */
  readonly quirks?: readonly Quirk[];
  /** Breaks off after that many events, at an exact place. 0 breaks before the first one, after the headers. */
  readonly breakAfter?: {
    readonly events: number;
    readonly how: 'stall' | 'reset' | 'end' | { readonly close: CloseStep };
  };
  /** The body is written in pieces of this many bytes, each by itself: characters and events are cut anywhere. On a WebSocket: frames of so many bytes. */
  readonly writeBytes?: number;
  /** Left out: `resp_` and the request's number. */
  readonly responseId?: string;
  /** Left out: none; then the answer completes at once. */
  readonly steps?: readonly Step[];
}

export interface StatusAnswer {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is (text/plain unless the headers say otherwise), anything else as JSON. */
  readonly body?: unknown;
}

/** Every deviation there is; docs/scripted-provider.md lists the same ones. */
export const quirks = [
  'noSequence', // no event has a sequence_number
  'noCreated', // response.created and response.in_progress are left out
  'noItemDone', // no output_item.done: items come in the terminal event only
  'emptyOutput', // the terminal event's output is []
  'done', // `data: [DONE]` after the last event
  'responseDoneAlias', // the terminal event is called response.done
  'crlf', // lines end in CR LF
  'noEventLine', // no `event:` lines
  'multiLineData', // each JSON is spread over several `data:` lines
  'changingId', // the terminal event names another response id than the first
  'bareCreated', // the response in response.created and in_progress has an id and a status, and little else
  'noUsage', // the terminal event has no usage
] as const;
export type Quirk = (typeof quirks)[number];

/** One thing that happens; an answer's steps happen in order. docs/scripted-provider.md lists the same ones. */
export type Step =
  | TextStep
  | ToolCallStep
  | { readonly reasoning: { readonly summary: string; readonly encrypted?: string } }
  /** A whole output item, sent as added and done. An `id` is given where it has none. */
  | { readonly item: JsonObject }
  /** response.created and response.in_progress, now. Implied before the first text, call, item or end. */
  | { readonly begin: true }
  /** The 200 and its headers, now. Implied by the first event. */
  | { readonly open: true }
  /** Any event, as it is written, but numbered if it is not. One of the terminal types is this answer's end. */
  | { readonly event: JsonObject }
  /** Bytes on the wire, as they are. */
  | { readonly raw: string }
  /** An SSE comment line. */
  | { readonly comment: string }
  /** Milliseconds. */
  | { readonly wait: number }
  /** Waits for a fact: tests only, a script file has no promises. A rejection resets the connection. */
  | { readonly until: Promise<unknown> }
  // Ends. Steps may follow those which send an event: a late event after the terminal one is a fault, too.
  | { readonly complete: CompleteStep }
  | { readonly incomplete: string }
  | { readonly fail: { readonly code: string; readonly message: string } }
  | { readonly error: ErrorStep }
  /** The body ends as HTTP wants it, without a terminal event. */
  | { readonly end: true }
  /** Nothing more, until the client or the provider closes. */
  | { readonly stall: true }
  /** A TCP reset. */
  | { readonly reset: true }
  /** The WebSocket closes with this code; over HTTP the same as `end`. */
  | { readonly close: CloseStep }
  /** A binary message, which no client expects. Nothing over HTTP. */
  | { readonly binary: string };

export interface CloseStep {
  /** 1000 to 1014 without 1004 to 1006, or 3000 to 4999. Left out: a close frame without a code. */
  readonly code?: number;
  /** At most 123 bytes. */
  readonly reason?: string;
}

/** An assistant message. */
export interface TextStep {
  readonly text: string;
  /** How often the text is said; each time is one delta unless `chunkBytes` cuts it otherwise. */
  readonly repeat?: number;
  /** UTF-8 bytes of a delta (at least one character). Left out: a word, or one repetition. */
  readonly chunkBytes?: number;
  /** Milliseconds before each delta. */
  readonly delayMs?: number;
  readonly phase?: 'commentary' | 'final_answer';
  /** Only added and deltas: the message is never done and not part of the output. */
  readonly unfinished?: boolean;
}

export interface ToolCallStep {
  readonly toolCall: {
    readonly name: string;
    /** For `function`: JSON text, or a value that becomes it. Left out: `{}`. */
    readonly arguments?: unknown;
    /** For `custom`. */
    readonly input?: string;
    /** Left out: `custom` if `input` is given, else `function`. */
    readonly kind?: 'function' | 'custom';
    readonly namespace?: string;
    readonly callId?: string;
  };
}

export interface CompleteStep {
  /** Laid over the counted usage; null sends `usage: null`. */
  readonly usage?: JsonObject | null;
  /** Laid over the response object. */
  readonly response?: JsonObject;
}

export interface ErrorStep {
  readonly code?: string | null;
  readonly message: string;
  readonly type?: string;
  readonly param?: string | null;
  readonly status?: number;
  readonly headers?: JsonObject;
  /** `nested`: the fields in `error`, as the live service does; `flat`: beside `type`, as the schema says. Left out: `nested`. */
  readonly form?: 'nested' | 'flat';
}
