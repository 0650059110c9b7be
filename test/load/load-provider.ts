/**
 * A provider for load: it writes what the model of a request names, as fast as it is read, and keeps nothing. (The
 * scripted provider keeps its requests and makes whole responses; here bytes count.)
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenOn } from '../harness/kept-port.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Longer than any pause of a load test, so that nobody's request meets a connection that is being closed. */
export const KEEP_ALIVE_MS = 120_000;

/**
 * What a request can ask for, as its `model`; `N` is a number.
 *
 * - `say-N`: a whole answer with one message of N KiB
 * - `drip-N`: a delta of 200 bytes each N ms, for ever
 * - `flood-N`: N MiB in deltas of 64 KiB, as fast as they are taken, then the end
 * - `tiny-N`: N MiB in deltas of 60 bytes, the same
 * - `unfinished-N`: one event of N MiB that is never finished
 * - `items-N`: finished items of 16 KiB, N MiB of them, and then nothing more
 * - `json-N`: a JSON answer of N MiB that is never finished
 * - `error`: status 500; `reset`: the connection is reset in mid stream
 */
export type LoadModel =
  `${'say' | 'drip' | 'flood' | 'tiny' | 'unfinished' | 'items' | 'json'}-${number}` | 'error' | 'reset';

export interface LoadProvider extends AsyncDisposable {
  readonly url: string;
  /** Bytes of answers that the system has taken from us, of all answers so far. */
  readonly writtenBytes: number;
  /** Answers under way. */
  readonly underway: number;
  /** Requests so far. */
  readonly requests: number;
  /** Closes the connections that wait for a next request. */
  dropIdle(): void;
}

interface Counts {
  writtenBytes: number;
  underway: number;
  requests: number;
}

/** Opens one on a free port of loopback. */
export async function openLoadProvider(): Promise<LoadProvider> {
  const counts: Counts = { writtenBytes: 0, underway: 0, requests: 0 };
  const settings = { highWaterMark: 64 * KIB, noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS };
  const server = createServer(settings, (request, response) => {
    void modelOf(request).then((model) => answer(model, response, counts));
  });
  await listenOn(server, 0);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get writtenBytes() {
      return counts.writtenBytes;
    },
    get underway() {
      return counts.underway;
    },
    get requests() {
      return counts.requests;
    },
    dropIdle: () => server.closeIdleConnections(),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The model is within the first KiB; the rest is read and dropped. Empty when the request breaks off. */
async function modelOf(request: IncomingMessage): Promise<string> {
  let head = '';
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (head.length < KIB) head += chunk.toString('latin1', 0, KIB);
    }
  } catch {
    return '';
  }
  return /"model":"([^"]*)"/.exec(head)?.[1] ?? '';
}

function answer(model: string, response: ServerResponse, counts: Counts): void {
  counts.requests++;
  counts.underway++;
  response.on('close', () => counts.underway--);
  response.on('error', () => undefined); // the bridge left, as it may
  const [kind = '', size = '0'] = model.split('-');
  const amount = Number(size);
  const id = `resp_${counts.requests}`;
  if (kind === 'error') {
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"broken"}}');
    return;
  }
  const isJson = kind === 'json';
  response.writeHead(200, { 'content-type': isJson ? 'application/json' : 'text/event-stream' });
  if (!isJson) response.write(created(id));
  switch (kind) {
    case 'drip': {
      const timer = setInterval(() => response.write(delta(200)), amount);
      response.on('close', () => clearInterval(timer));
      return;
    }
    case 'flood':
      return pour(response, counts, delta(64 * KIB), amount, completed(id, ''));
    case 'tiny':
      return pour(response, counts, delta(60).repeat(512), amount, completed(id, ''));
    case 'unfinished':
      response.write('data: {"type":"response.output_text.delta","delta":"');
      return pour(response, counts, 'x'.repeat(64 * KIB), amount);
    case 'items':
      return pour(response, counts, itemDone(16), amount);
    case 'json':
      response.write('{"object":"response","status":"completed","output":[],"text":"');
      return pour(response, counts, 'x'.repeat(64 * KIB), amount);
    case 'reset':
      response.write(delta(200), () => response.socket?.resetAndDestroy());
      return;
    default:
      response.end(itemDone(amount) + completed(id, ''));
  }
}

/** Writes a piece again and again, no faster than it is taken. Without an end the answer stays open. */
function pour(response: ServerResponse, counts: Counts, piece: string, mib: number, end?: string): void {
  const bytes = Buffer.from(piece);
  let left = Math.ceil((mib * MIB) / bytes.length);
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left--;
      counts.writtenBytes += bytes.length;
      if (!response.write(bytes)) {
        response.once('drain', more);
        return;
      }
    }
    if (end !== undefined && !response.destroyed) response.end(end);
  };
  more();
}

function event(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function created(id: string): string {
  return event({
    type: 'response.created',
    response: { id, object: 'response', status: 'in_progress', output: [] },
  });
}

function delta(bytes: number): string {
  return event({ type: 'response.output_text.delta', delta: 'x'.repeat(bytes) });
}

function itemDone(kib: number): string {
  const content = [{ type: 'output_text', text: 'x'.repeat(kib * KIB), annotations: [] }];
  return event({ type: 'response.output_item.done', item: { type: 'message', role: 'assistant', content } });
}

function completed(id: string, text: string): string {
  const response = { id, object: 'response', status: 'completed', output: [], text };
  return event({ type: 'response.completed', response });
}
