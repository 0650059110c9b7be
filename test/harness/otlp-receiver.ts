/** A receiver of traces on loopback: OTLP over HTTP as collectors take it, keeping every span, and failing on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { listenOn, listenOnKeptPort } from './kept-port.ts';
import { readSpans, type ReceivedSpan } from './otlp-spans.ts';
import { until } from './wait-for.ts';

/** What it does with a batch. A number refuses it with that status; `stall` never answers; `reset` cuts the connection. */
export type ReceiverMood = 'take' | 'stall' | 'reset' | number;

export interface OtlpReceiver extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1/traces` */
  readonly url: string;
  /** `http://127.0.0.1:PORT`, as a flag or a variable of the environment has it. */
  readonly baseUrl: string;
  /** Of the batches that were taken, oldest first. */
  readonly spans: readonly ReceivedSpan[];
  /** Batches that came, and how many of them were taken. */
  readonly requests: number;
  readonly taken: number;
  /** Headers of the last batch. */
  readonly headers: IncomingMessage['headers'];
  /** From the next batch on. Batches that are stalled stay so until {@link down} or {@link close}. */
  be(mood: ReceiverMood): void;
  /** Resolves with the first span that is as wanted, past or future. */
  waitFor(
    isWanted: (span: ReceivedSpan) => boolean,
    description: string,
    timeoutMs?: number,
  ): Promise<ReceivedSpan>;
  /** Nobody listens on the port any more; connections are cut. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Use with `await using`. */
export async function openOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  let mood: ReceiverMood = 'take';
  let requests = 0;
  let taken = 0;
  let headers: IncomingMessage['headers'] = {};

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = mood; // as it comes: a mood that changes while its bytes are read is for the next one
    const body = await buffer(request);
    requests++;
    headers = request.headers;
    if (asked === 'stall') return;
    if (asked === 'reset') return void request.socket.resetAndDestroy();
    const isForUs = request.method === 'POST' && request.url === '/v1/traces';
    const status = asked === 'take' ? (isForUs ? 200 : 404) : asked;
    if (status === 200) {
      spans.push(...readSpans(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
      taken++;
    }
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
  };
  const server = createServer((request, response) => {
    // a batch that breaks off, or is none, is the sender's to notice
    take(request, response).catch(() => request.socket.destroy());
  });
  const down = async (): Promise<void> => {
    if (!server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    await promise;
  };

  const port = await listenOnKeptPort(server);
  const baseUrl = `http://127.0.0.1:${port}`;
  return {
    url: `${baseUrl}/v1/traces`,
    baseUrl,
    spans,
    get requests() {
      return requests;
    },
    get taken() {
      return taken;
    },
    get headers() {
      return headers;
    },
    be: (next) => (mood = next),
    waitFor: (isWanted, description, timeoutMs) =>
      until(() => spans.find(isWanted), `the span of ${description}`, timeoutMs),
    down,
    up: () => listenOn(server, port),
    close: down,
    [Symbol.asyncDispose]: down,
  };
}
