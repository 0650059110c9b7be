/** The client's half of the HTTP transport: a POST whose answer is read as server-sent events. */
import { createParser } from 'eventsource-parser';
import { openHttp, readBody } from './http-request.ts';
import { type ProbeEvent, toProbeEvent, turnEndOf } from './probe-event.ts';
import { faultOfAbort, ProbeFault } from './probe-fault.ts';
import { toHeaders } from './turn-request.ts';

/** As for one message on a socket. */
const MAX_EVENT_CHARS = 64 * 1024 * 1024;

export interface HttpTurnOptions {
  readonly url: URL;
  readonly key?: string | undefined;
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
}

/**
 * Sends the request and yields events until one ends the turn; that one is the last. The connection closes with the
 * iteration.
 * @throws ProbeFault all codes
 */
export async function* httpTurn(options: HttpTurnOptions): AsyncGenerator<ProbeEvent, void> {
  const response = await openHttp({
    method: 'POST',
    url: options.url,
    headers: {
      ...toHeaders(options.key),
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify(options.body),
    signal: options.signal,
  });
  const status = response.statusCode ?? 0;
  const type = response.headers['content-type'] ?? 'no content type';
  if (status !== 200 || !type.startsWith('text/event-stream')) {
    const refusal = { status, headers: response.headers, body: await readBody(response) };
    throw status === 200
      ? new ProbeFault('bad_answer', `a stream was asked for, the answer is ${type}`, { refusal })
      : new ProbeFault('refused', `the request was refused with ${status}`, { refusal });
  }
  try {
    yield* readEvents(response, options.signal);
  } finally {
    response.destroy();
  }
}

async function* readEvents(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<ProbeEvent, void> {
  const parsed: ProbeEvent[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ data }) => parsed.push(toProbeEvent(data, performance.now())),
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunks) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      for (const event of parsed.splice(0)) {
        yield event;
        if (turnEndOf(event) !== undefined) return;
      }
    }
  } catch (error) {
    if (signal.aborted) throw faultOfAbort(signal, 'event');
    throw new ProbeFault('closed', 'the answer broke off before the turn ended', {
      reason: (error as NodeJS.ErrnoException).code,
    });
  }
  throw new ProbeFault('closed', 'the answer ended without an event that ends the turn');
}
