/** A turn answered over HTTP as one JSON body. */
import type { ServerResponse } from 'node:http';
import type { EventType } from '../events/event-type.ts';
import type { ErrorAnswer } from '../frames/errors.ts';
import { memberOf, membersOf } from '../json/object-walk.ts';
import { fromFailedEvent } from '../turn/failure.ts';
import type { TurnSink } from '../turn/turn-client.ts';
import { answerError } from './answer-error.ts';
import type { Flow } from './flow.ts';
import { isTerminal } from './sse-answer.ts';

/** A turn's outcome as one JSON body: the response object of its terminal event. */
export class JsonAnswer implements TurnSink {
  readonly takesKeepalives = false;
  readonly #response: ServerResponse;
  readonly #flow: Flow;
  readonly #onAnswered: TurnSink['answered'];
  #headers: Readonly<Record<string, string>> = {};

  /** @param onAnswered Hears of the headers that a provider means for the client. */
  constructor(response: ServerResponse, flow: Flow, onAnswered?: TurnSink['answered']) {
    this.#response = response;
    this.#flow = flow;
    this.#onAnswered = onAnswered;
  }

  answered(headers: Readonly<Record<string, string>>): void {
    this.#headers = headers;
    this.#onAnswered?.(headers);
  }

  event(payload: Buffer, type: EventType): void {
    if (!isTerminal(type) || this.#response.destroyed) return;
    if (type.role === 'failed') {
      answerError(this.#response, fromFailedEvent(payload));
      return;
    }
    const member = memberOf(membersOf(payload), 'response');
    const body = member === undefined ? payload : payload.subarray(member.start, member.end);
    this.#response.writeHead(200, {
      ...this.#headers,
      'content-type': 'application/json',
      'content-length': body.length,
    });
    this.#response.end(body);
    this.#flow.wrote();
  }

  refuse(answer: ErrorAnswer): void {
    if (!this.#response.destroyed) answerError(this.#response, answer);
  }
}
