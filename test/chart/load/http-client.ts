/**
 * A client as the OpenAI SDK is one: `POST`, the answer as a stream, a connection that is kept for the next request, two
 * retries until an answer begins, and none after that: its user then has an exception.
 */
import { Agent, request, type IncomingMessage } from 'node:http';
import { toAttempt, type Attempt, type LoadClient, type Retry } from './session.ts';
import { retryAfterMs } from './socket-client.ts';

/** Of the SDK. */
const MAX_RETRIES = 2;
/** For a turn; the longest that tests have takes 30 s. */
const TURN_MS = 90_000;

export class HttpClient implements LoadClient {
  readonly kind = 'http';
  readonly firstRetryMs = 500;
  idleCloses = 0;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** @param url `http://HOST/v1/responses` */
  constructor(url: string) {
    this.#url = url;
  }

  givesUp(retries: readonly Retry[]): boolean {
    return retries.length > MAX_RETRIES || this.isShown(retries);
  }

  isShown(retries: readonly Retry[]): boolean {
    return retries.some(({ during }) => during === 'turn');
  }

  attempt(text: string): Promise<Attempt> {
    const { promise, resolve } = Promise.withResolvers<Attempt>();
    const asked = request(this.#url, {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TURN_MS),
    });
    asked.on('error', (error: Error & { readonly code?: string }) =>
      resolve({ kind: 'failed', during: 'connect', why: error.code ?? error.message }),
    );
    asked.on('response', (response) => {
      readEnd(response).then(resolve, (error: unknown) =>
        resolve({ kind: 'failed', during: 'turn', why: codeOf(error) }),
      );
    });
    asked.once('socket', (socket) => {
      if (socket.listenerCount('close', this.#onClose) === 0) socket.on('close', this.#onClose);
    });
    asked.end(JSON.stringify({ model: 'gpt-5.5', input: text, stream: true }));
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }

  readonly #onClose = (): void => {
    this.idleCloses += 1;
  };
}

async function readEnd(response: IncomingMessage): Promise<Attempt> {
  if (response.statusCode !== 200) {
    response.resume();
    const waitMs = retryAfterMs(response);
    const why = String(response.statusCode);
    return { kind: 'failed', during: 'connect', why, ...(waitMs !== undefined && { waitMs }) };
  }
  let rest = '';
  let end: Attempt | undefined;
  // to the end of the body: only then is the connection free for the next request
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: {')) end ??= toAttempt(line.slice('data: '.length));
    }
  }
  return end ?? { kind: 'failed', during: 'turn', why: 'end without an end of the turn' };
}

function codeOf(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return code ?? message ?? 'no reason given';
}
