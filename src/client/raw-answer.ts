/** HTTP answers on sockets that Node has already given out of its hands: refused upgrades, requests that are none. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { toErrorBody, type ErrorAnswer } from '../frames/errors.ts';

/** How long a peer may take to fetch its refusal. Node's own time limits do not hold for these sockets any more. */
const LINGER_MS = 5_000;

/** Refuses an upgrade, and closes. Codex shows the body of a 400 to its user (measured). */
export function refuseUpgrade(socket: Socket, answer: ErrorAnswer): void {
  endWith(socket, toRawAnswer(answer));
}

function toRawAnswer(answer: ErrorAnswer): string {
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
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}`;
  endWith(socket, `${head}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** The last words on a socket: it goes when they are sent, and also when nobody takes them. */
function endWith(socket: Socket, text: string): void {
  socket.setTimeout(LINGER_MS, () => socket.destroy());
  socket.once('finish', () => socket.destroySoon());
  socket.end(text);
}
