/** What came back from the API server, read within limits. */
import type { Dispatcher } from 'undici';
import { localError, statusError } from './kube-error.ts';
import type { KubeError } from './kube-error.ts';

/** 64 MiB: a page of 100 objects of 650 KiB. A list beyond has to be read in smaller pages. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Of a refusal as much is read: a Status is a few hundred bytes. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export type KubeResponse = Dispatcher.ResponseData;

/** The JSON of an answer that is no refusal. An empty one is undefined. @throws KubeError TooLarge, Malformed; what the stream throws. */
export async function readAnswer(what: string, { body }: KubeResponse): Promise<unknown> {
  const bytes = await readUpTo(body, MAX_ANSWER_BYTES);
  if (bytes === undefined)
    throw localError(what, 'TooLarge', `the answer is longer than ${String(MAX_ANSWER_BYTES)} bytes`);
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    // The parser's message would quote what may be a Secret.
    throw localError(what, 'Malformed', 'the answer is no JSON');
  }
}

/** The error that a refusal stands for, with the server's words. */
export async function readRefusal(what: string, response: KubeResponse): Promise<KubeError> {
  const { statusCode, headers, body } = response;
  const bytes = await readUpTo(body, MAX_REFUSAL_BYTES).catch(() => undefined);
  return statusError(what, parsed(bytes), statusCode, retryAfterMs(headers['retry-after'], Date.now()));
}

/** Undefined: there was more. The rest is dropped with its connection. */
async function readUpTo(body: AsyncIterable<unknown>, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function parsed(bytes: Buffer | undefined): unknown {
  try {
    return bytes === undefined ? undefined : (JSON.parse(bytes.toString()) as unknown);
  } catch {
    // A proxy in between answers with a page; the status says enough.
    return undefined;
  }
}

/** `Retry-After` in milliseconds: seconds, or a date (RFC 9110, 10.2.3), against the wall clock. */
export function retryAfterMs(header: string | string[] | undefined, wallClockMs: number): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // `Date.parse` finds a date in nearly anything; those of HTTP begin with the day of the week.
  const ms = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) - wallClockMs : NaN;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
