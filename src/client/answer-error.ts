import type { ServerResponse } from 'node:http';
import { toErrorBody, type ErrorAnswer } from '../frames/errors.ts';

/** Answers with an error, if nothing was answered yet. */
export function answerError(
  response: ServerResponse,
  answer: ErrorAnswer,
  extra: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) {
    response.destroy(); // too late for words: the client must see that the answer is not whole
    return;
  }
  const body = toErrorBody(answer);
  response.writeHead(answer.status, {
    ...answer.headers,
    ...extra,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
