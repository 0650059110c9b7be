/** What a scripted provider remembers of a request. */

/** A request's JSON body; only what is read here has a type. */
export interface RequestBody {
  readonly model?: unknown;
  readonly input?: unknown;
  readonly stream?: unknown;
  readonly tools?: unknown;
  readonly [name: string]: unknown;
}

export interface RecordedRequest {
  /** From 1, among all requests to this provider. */
  readonly number: number;
  /** `WS` for a `response.create` on a WebSocket. */
  readonly method: string;
  readonly via: 'http' | 'websocket';
  /** With the query string. */
  readonly path: string;
  /** Names in lower case; repeated ones joined as Node does. Of a frame: those of the handshake. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent: order, case and repetitions. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /**
   * The parsed body; an empty object where there was none or it was no JSON object. Of a frame: without `type` and
   * `stream_id`, so that it compares with a POST's.
   */
  readonly body: RequestBody;
  /**
   * The body with the whole conversation as its input, as a model would read it: what `previous_response_id` stands
   * for comes first. The body itself where there is no such id, or nothing is known of it. On a WebSocket it is
   * known once the turn starts.
   */
  readonly context: RequestBody;
  /** The lane a frame names. */
  readonly streamId: string | undefined;
  /** As sent, after its content-encoding was undone; of a frame the whole message. */
  readonly rawBody: Buffer;
  /** `performance.now()` when the headers were there. */
  readonly startedAt: number;
  /** Which TCP connection carried it, from 1. */
  readonly socketId: number;
  /** With `keepsSent`: the JSON of each event of the answer, as sent so far. Else empty. */
  readonly sent: readonly string[];
  /** How the answer ended. Never rejects. */
  readonly closed: Promise<RequestEnd>;
}

export interface RequestEnd {
  /** `finished`: all was handed to the system; `client-closed`: the client went first; `broken`: this script broke off. */
  readonly how: 'finished' | 'client-closed' | 'broken';
  /** `performance.now()`. */
  readonly at: number;
  /** Why an answer broke that no script wanted broken: a mistake in the script, such as an impossible header. */
  readonly reason?: string;
}

/** A frame other than `response.create`: a steer, an inject, an interrupt, or one that nobody knows. */
export interface ControlFrame {
  /** Its `type`; empty where it has none. */
  readonly type: string;
  readonly socketId: number;
  readonly frame: { readonly [name: string]: unknown };
  /** The whole message. */
  readonly rawBody: Buffer;
}
