/** HTTP answers on sockets that Node has already given out of its hands: refused upgrades, requests that are none. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { toErrorBody, type ErrorAnswer } from '../frames/errors.ts';

/** The refusal of an upgrade. Codex shows the body of a 400 to its user (measured). */
export function toRawAnswer(answer: ErrorAnswer): string {
  const body = toErrorBody(answer);
  const headers = {
    ...answer.headers,
    ...(answer.status === 426 ? { upgrade: 'websocket' } : {}),
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** Bytes that are no HTTP request, headers beyond their limit, or a head that took too long. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
