/** Everything that others than the two sides of a conversation get to see, as texts with a name. */
import { get } from 'node:http';
import type { TestBridge } from '../harness/bridge.ts';
import type { TestClient } from '../harness/connect.ts';
import type { OtlpReceiver } from '../harness/otlp-receiver.ts';
import type { Attributes, ReceivedSpan } from '../harness/otlp-spans.ts';
import { ERROR_CODES, type ErrorAnswer, type ErrorCode } from '../../src/frames/errors.ts';
import type { Exhibit } from './canaries.ts';

/** What operators see of a bridge: traces, log, metrics in both formats, the page of the ops port. */
export async function operatorExhibits(bridge: TestBridge, receiver: OtlpReceiver): Promise<Exhibit[]> {
  const { opsUrl } = bridge;
  const read = async (path: string, accept = '*/*'): Promise<Exhibit[]> => {
    const answer = await fetch(`${opsUrl}${path}`, { headers: { accept } });
    return linesOf(`${path} as ${accept}`, await answer.text());
  };
  return [
    ...tracesAndLog(bridge, receiver),
    ...(await read('/metrics', 'text/plain')),
    ...(await read('/metrics', 'application/openmetrics-text')),
    ...(await read('/')),
    ...(await read('/state.json')),
    ...(await read('/readyz')),
    { where: '/events', text: await firstEvent(`${opsUrl}/events`) },
  ];
}

/** What is left to be seen when the ops port is closed. */
export function tracesAndLog(bridge: TestBridge, receiver: OtlpReceiver): Exhibit[] {
  return [
    ...receiver.spans.flatMap((span) => spanExhibits(span)),
    ...bridge.logs().map((line) => ({ where: `log ${line.event}`, text: JSON.stringify(line) })),
  ];
}

/** A stream that never ends: what its first event says. */
async function firstEvent(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let seen = '';
  const request = get(url, (response) => {
    response.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes('\n\n') && seen.includes('data:')) resolve(seen);
    });
    response.on('end', () => reject(new Error(`${url} ended with ${seen}`)));
    response.on('error', () => undefined);
  });
  request.on('error', reject);
  try {
    return await promise;
  } finally {
    request.destroy();
  }
}

function linesOf(where: string, text: string): Exhibit[] {
  return text.split('\n').map((line) => ({ where, text: line }));
}

function spanExhibits(span: ReceivedSpan): Exhibit[] {
  const kind = /^[a-zA-Z.]+/.exec(span.name)?.[0] ?? '';
  const where = `span ${kind}`;
  return [
    { where: `${where}: name`, text: span.name },
    { where: `${where}: tracestate`, text: span.traceState },
    { where: `${where}: status`, text: span.statusMessage },
    { where: `${where}: scope`, text: JSON.stringify(span.scope) },
    ...attributeExhibits(where, span.attributes),
    ...attributeExhibits(`${where} resource`, span.resource),
    ...span.events.flatMap(({ name, attributes }) => [
      { where: `${where} event: name`, text: name },
      ...attributeExhibits(`${where} event`, attributes),
    ]),
    ...span.links.flatMap(({ traceState, attributes }) => [
      { where: `${where} link: tracestate`, text: traceState },
      ...attributeExhibits(`${where} link`, attributes),
    ]),
  ];
}

function attributeExhibits(where: string, attributes: Attributes): Exhibit[] {
  return Object.entries(attributes).map(([name, value]) => ({
    where: `${where}: ${name}`,
    text: `${name} ${JSON.stringify(value)}`,
  }));
}

/**
 * Errors and close reasons that clients heard. Those of Turnbridge's own making have a code of its table; any other
 * error is a provider's, handed on to the client that asked.
 */
export class Heard {
  readonly exhibits: Exhibit[] = [];

  /** Every error event so far, and how the socket was closed, if it was not the client that closed it. */
  async client(client: TestClient, closing?: 'by the bridge'): Promise<void> {
    for (const { json } of client.frames) {
      if (json?.['type'] === 'error') this.#error(json['error'] as ErrorAnswer['error'], json['headers']);
      if (/^response\.(?:steer|inject)\.failed$/.test(String(json?.['type'])))
        this.exhibits.push({
          where: `event ${String(json?.['type'])}`,
          text: JSON.stringify(json?.['error']),
        });
    }
    if (closing !== undefined)
      this.exhibits.push({ where: 'close reason', text: JSON.stringify(await client.closed) });
  }

  /** The answer to an HTTP request or a refused upgrade; of success nothing is looked at, that is the conversation. */
  answer(status: number, body: string, headers: unknown): void {
    if (status < 300) return;
    const error = errorIn(body);
    if (error === undefined) this.exhibits.push({ where: `answer ${status}`, text: body });
    else this.#error(error, headers);
  }

  #error(error: ErrorAnswer['error'], headers: unknown): void {
    const isOurs = ERROR_CODES.has(error.code as ErrorCode);
    const where = isOurs ? `our error ${String(error.code)}` : "provider's error";
    this.exhibits.push({ where, text: JSON.stringify({ error, headers }) });
  }
}

function errorIn(body: string): ErrorAnswer['error'] | undefined {
  try {
    return (JSON.parse(body) as { error?: ErrorAnswer['error'] }).error;
  } catch {
    return undefined; // a provider's page, relayed
  }
}
