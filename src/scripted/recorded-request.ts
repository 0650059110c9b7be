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
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  /** Names in lower case; repeated ones joined as Node does. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent: order, case and repetitions. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** The parsed body; an empty object where there was none or it was no JSON object. */
  readonly body: RequestBody;
  /** As sent, after its content-encoding was undone. */
  readonly rawBody: Buffer;
  /** `performance.now()` when the headers were there. */
  readonly startedAt: number;
  /** Which TCP connection carried it, from 1. */
  readonly socketId: number;
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
