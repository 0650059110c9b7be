/** Plain HTTP for the probes: one request, one connection, nothing followed, nothing retried. */
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { faultOfAbort, faultOfConnect, type Refusal } from './probe-fault.ts';

/** Enough of a body to see who answered. */
const MAX_BODY_BYTES = 64 * 1024;

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/**
 * Sends a request and waits for the head of its answer. The caller reads or destroys the answer.
 * @throws ProbeFault `connect_failed`, `timeout`, `interrupted`
 */
export function openHttp(options: HttpRequest): Promise<IncomingMessage> {
  const { method, url, headers, body, signal } = options;
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // Without an agent: a connection of its own, closed with the answer.
    const request = send(url, { method, headers, agent: false, signal }, resolve);
    request.on('error', (error) =>
      reject(signal.aborted ? faultOfAbort(signal, 'answer') : faultOfConnect(error, url)),
    );
    request.end(body);
  });
}

/**
 * Sends a request and reads its answer, at most 64 KiB of it.
 * @throws ProbeFault `connect_failed`, `timeout`, `interrupted`
 */
export async function askHttp(options: HttpRequest): Promise<Refusal> {
  const response = await openHttp(options);
  const body = await readBody(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Reads at most 64 KiB of a body and drops the rest. What broke off counts as its end. Never rejects. */
export async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break; // ends the iteration and with it the response
    }
  } catch {
    // A refusal is explained by its status; its body only helps.
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_BODY_BYTES);
}
