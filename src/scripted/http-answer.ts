/** Plays an answer over HTTP: as an event stream, as one JSON body, as a page, or as a refusal. */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { constants, createGzip, gzipSync } from 'node:zlib';
import type { Action } from './actions.ts';
import { HttpBody } from './http-body.ts';
import { actionsOf, isTerminal } from './response-writer.ts';
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

/** Plays the answer to its end. Never rejects: a client that goes away ends it early. */
export async function playOverHttp(
  answer: Answer,
  facts: ResponseFacts,
  exchange: HttpExchange,
): Promise<void> {
  try {
    if (answer.status !== undefined) await playStatus(answer, answer.status, exchange);
    else if (answer.form === 'html')
      await sendWhole(200, htmlPage, 'text/html; charset=utf-8', answer, exchange);
    else if (answer.form === 'json' || facts.body.stream !== true) await playJson(answer, facts, exchange);
    else await playEvents(answer, facts, exchange);
  } catch (error) {
    // Waiting ends with an AbortError when the client goes; nobody is left to be told. Everything else is a
    // mistake of the script, which must not look like a clean end.
    if (!exchange.gone.aborted) exchange.reset(error instanceof Error ? error.message : String(error));
  }
}

const htmlPage = '<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>\n';

async function playEvents(answer: Answer, facts: ResponseFacts, exchange: HttpExchange): Promise<void> {
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
    if (action.kind === 'event') {
      isComplete ||= isTerminal(action.event);
      open();
      await body.write(text.event(action.event));
    } else if (action.kind === 'raw' || action.kind === 'comment') {
      open();
      await body.write(action.kind === 'raw' ? action.text : text.comment(action.text));
    } else if (action.kind === 'open') {
      open();
    } else if (action.kind === 'end') {
      if (!isComplete) exchange.noteBroken();
      break;
    } else if ((await playPause(action, exchange)) === 'over') {
      return;
    }
  }
  open();
  await body.end(text.ending());
}

/** A request without a stream hears of the terminal event only. */
async function playJson(answer: Answer, facts: ResponseFacts, exchange: HttpExchange): Promise<void> {
  let terminal: JsonObject | undefined;
  for (const action of actionsOf(answer, facts)) {
    if (action.kind === 'event') {
      if (isTerminal(action.event)) terminal = action.event;
    } else if (action.kind === 'end') {
      if (terminal === undefined) exchange.noteBroken();
      break;
    } else if (action.kind !== 'raw' && action.kind !== 'comment' && action.kind !== 'open') {
      if ((await playPause(action, exchange)) === 'over') return;
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
  for (const action of actionsOf({ steps: [...(answer.steps ?? []), { end: true }] }, noFacts)) {
    if (
      action.kind === 'wait' ||
      action.kind === 'until' ||
      action.kind === 'stall' ||
      action.kind === 'reset'
    ) {
      if ((await playPause(action, exchange)) === 'over') return;
    }
  }
  const { code, body } = status;
  const isText = typeof body === 'string';
  const text = body === undefined ? '' : isText ? body : JSON.stringify(body);
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  await sendWhole(code, text, type, { ...answer, headers: { ...status.headers } }, exchange);
}

/** Only pauses are played before a refusal, so nothing of a response is ever written from these. */
const noFacts: ResponseFacts = { number: 0, responseId: '', createdAt: 0, body: {}, requestBytes: 0 };

/** Waits, or breaks off; `over` when nothing may follow. Rejects with an AbortError when the client goes meanwhile. */
async function playPause(
  action: Extract<Action, { kind: 'wait' | 'until' | 'stall' | 'reset' }>,
  exchange: HttpExchange,
): Promise<'over' | 'on'> {
  if (action.kind === 'wait') await sleep(action.ms, undefined, { signal: exchange.gone });
  else if (action.kind === 'until') await Promise.race([action.promise, aborted(exchange.gone)]);
  else if (action.kind === 'stall') await aborted(exchange.gone);
  else exchange.reset();
  return exchange.gone.aborted || action.kind === 'reset' ? 'over' : 'on';
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

/** Resolves once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
