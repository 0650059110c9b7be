/** A turn over plain HTTP, as clients fall back to it: one POST whose answer is a stream of events. */
import { request as startRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { within } from '../../harness/wait-for.ts';
import { headersOf, type WayIn } from './way-in.ts';

export interface HttpTurn {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All that came so far. */
  text(): string;
  /** How the answer ended. Never rejects. */
  readonly end: Promise<'whole' | 'broken off'>;
  abort(): void;
}

/** For a body of 16 MiB, on a machine that does much else. */
const headMs = 30_000;

/** Sends the request; resolves when the head of the answer is there. @throws the socket's error when none comes. */
export async function postTurn(way: WayIn, body: object): Promise<HttpTurn> {
  const headers = { ...headersOf(way), 'content-type': 'application/json' };
  const request = startRequest(`${way.url}/responses`, { method: 'POST', headers, agent: false });
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.once('response', resolve);
  request.on('error', reject); // one that comes after the head also closes the answer
  request.end(JSON.stringify({ stream: true, ...body }));
  const response = await within(answered, `the head of the answer through ${way.url}`, headMs);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => void (text += chunk));
  response.on('error', () => undefined); // `close` follows and tells
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: () => text,
    end: new Promise((done) => {
      response.once('close', () => done(response.complete ? 'whole' : 'broken off'));
    }),
    abort: () => void request.destroy(),
  };
}
