/** Plays an answer over HTTP: as an event stream, as one JSON body, as a page, or as a refusal. */
import type { ServerResponse } from 'node:http';
import { constants, createGzip, gzipSync } from 'node:zlib';
import { HttpBody } from './http-body.ts';
import { isPause, playPause } from './pause.ts';
import { actionsOf, isTerminal, pausesOf } from './response-writer.ts';
import type { ResponseFacts } from './response-object.ts';
import { isObject } from './request-view.ts';
import type { Answer, JsonObject, StatusAnswer } from './script.ts';
import { SseText } from './sse-text.ts';

/** One request's answer under way. */
export interface HttpExchange {
  readonly response: ServerResponse;
  /** Aborted when the client has gone or the provider closes. */
  readonly gone: AbortSignal;
  /** Sends a TCP reset; the exchange is over. A reason is given when no script asked for it. */
  reset(reason?: string): void;
  /** The script lets this answer end without a terminal event. */
  noteBroken(): void;
}

/** Plays the answer to its end; `onEvent` hears of each event before it is sent. Never rejects: a client that goes away ends it early. */
export async function playOverHttp(
  answer: Answer,
  facts: ResponseFacts,
  exchange: HttpExchange,
  onEvent: (event: JsonObject) => void = () => undefined,
): Promise<void> {
  try {
    if (answer.status !== undefined) await playStatus(answer, answer.status, exchange);
    else if (answer.form === 'html')
      await sendWhole(200, htmlPage, 'text/html; charset=utf-8', answer, exchange);
    else if (answer.form === 'json' || facts.body.stream !== true)
      await playJson(answer, facts, exchange, onEvent);
    else await playEvents(answer, facts, exchange, onEvent);
  } catch (error) {
    // Waiting ends with an AbortError when the client goes; nobody is left to be told. Everything else is a
    // mistake of the script, which must not look like a clean end.
    if (!exchange.gone.aborted) exchange.reset(error instanceof Error ? error.message : String(error));
  }
}

/** As a proxy in between would answer. */
export const htmlPage =
  '<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>\n';

async function playEvents(
  answer: Answer,
  facts: ResponseFacts,
  exchange: HttpExchange,
  onEvent: (event: JsonObject) => void,
): Promise<void> {
  const { response } = exchange;
  const text = new SseText(answer.quirks ?? []);
  const gzip = answer.gzip === true ? createGzip({ flush: constants.Z_SYNC_FLUSH }) : undefined;
  gzip?.pipe(response);
  exchange.gone.addEventListener('abort', () => gzip?.destroy(), { once: true });
  const body = new HttpBody(gzip ?? response, exchange.gone, answer.writeBytes);
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...commonHeaders(facts),
      ...(gzip === undefined ? {} : { 'content-encoding': 'gzip' }),
      ...answer.headers,
    });
    response.flushHeaders();
  };
  let isComplete = false;
  for (const action of actionsOf(answer, facts)) {
    if (exchange.gone.aborted) return; // the rest may be long, and nobody would read it
    if (action.kind === 'event') {
      isComplete ||= isTerminal(action.event);
      onEvent(action.event);
      const written = text.event(action.event); // before the headers: what cannot be written is no answer
      open();
      await body.write(written);
    } else if (action.kind === 'raw' || action.kind === 'comment') {
      open();
      await body.write(action.kind === 'raw' ? action.text : text.comment(action.text));
    } else if (action.kind === 'open') {
      open();
    } else if (action.kind === 'end' || action.kind === 'close') {
      if (!isComplete) exchange.noteBroken();
      break;
    } else if (
      isPause(action) &&
      (await playPause(action, exchange.gone, () => exchange.reset())) === 'over'
    ) {
      return;
    }
  }
  open();
  await body.end(text.ending());
}

/** A request without a stream hears of the terminal event only. */
async function playJson(
  answer: Answer,
  facts: ResponseFacts,
  exchange: HttpExchange,
  onEvent: (event: JsonObject) => void,
): Promise<void> {
  let terminal: JsonObject | undefined;
  for (const action of actionsOf(answer, facts)) {
    if (action.kind === 'event') {
      onEvent(action.event);
      if (isTerminal(action.event)) terminal = action.event;
    } else if (action.kind === 'end' || action.kind === 'close') {
      if (terminal === undefined) exchange.noteBroken();
      break;
    } else if (
      isPause(action) &&
      (await playPause(action, exchange.gone, () => exchange.reset())) === 'over'
    ) {
      return;
    }
  }
  const { code, body } = jsonOutcome(terminal);
  await sendWhole(
    code,
    body,
    'application/json',
    { ...answer, headers: { ...commonHeaders(facts), ...answer.headers } },
    exchange,
  );
}

function jsonOutcome(terminal: JsonObject | undefined): { code: number; body: string } {
  if (terminal === undefined) return { code: 200, body: '' };
  if (isObject(terminal['response'])) return { code: 200, body: JSON.stringify(terminal['response']) };
  const { status, error, type, sequence_number: _unused, ...flat } = terminal;
  const nested = isObject(error) ? error : { ...flat, type };
  return { code: typeof status === 'number' ? status : 500, body: JSON.stringify({ error: nested }) };
}

async function playStatus(answer: Answer, status: StatusAnswer, exchange: HttpExchange): Promise<void> {
  for (const pause of pausesOf(answer)) {
    if ((await playPause(pause, exchange.gone, () => exchange.reset())) === 'over') return;
  }
  const { code, body } = status;
  const isText = typeof body === 'string';
  const text = body === undefined ? '' : isText ? body : JSON.stringify(body);
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  await sendWhole(code, text, type, { ...answer, headers: { ...status.headers } }, exchange);
}

async function sendWhole(
  code: number,
  text: string,
  contentType: string,
  answer: Answer,
  exchange: HttpExchange,
): Promise<void> {
  const { response } = exchange;
  const bytes = answer.gzip === true ? gzipSync(text) : Buffer.from(text);
  response.writeHead(code, {
    'content-type': contentType,
    'content-length': bytes.byteLength,
    ...(answer.gzip === true ? { 'content-encoding': 'gzip' } : {}),
    ...answer.headers,
  });
  const body = new HttpBody(response, exchange.gone, answer.writeBytes);
  await body.write(bytes);
  await body.end('');
}

function commonHeaders(facts: ResponseFacts): Record<string, string> {
  return {
    'x-request-id': `req_${String(facts.number).padStart(4, '0')}`,
    'openai-version': '2020-10-01',
  };
}
