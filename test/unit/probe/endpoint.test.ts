import { expect, test } from '@jest/globals';
import { parseEndpoint } from '../../../src/probe/endpoint.ts';

test.each([
  ['http://127.0.0.1:8787/v1', 'ws://127.0.0.1:8787/v1/responses', undefined],
  ['http://127.0.0.1:8787/v1/', 'ws://127.0.0.1:8787/v1/responses', undefined],
  ['https://codex.example.com/v1', 'wss://codex.example.com/v1/responses', undefined],
  [
    'wss://codex.example.com/ai/v1/responses',
    'wss://codex.example.com/ai/v1/responses',
    /its base is \/ai\/v1/,
  ],
  ['ws://h:1/responses', 'ws://h:1/responses', /its base is the root/],
  ['http://h:1', 'ws://h:1/v1/responses', /\/v1 is assumed/],
  ['http://[::1]:8787/v1?api-version=preview', 'ws://[::1]:8787/v1/responses?api-version=preview', undefined],
])('%s leads to the socket %s', (text, socket, note) => {
  const endpoint = parseEndpoint(text);
  expect(endpoint.socketUrl.href).toBe(socket);
  expect(endpoint.httpUrl.href).toBe(socket.replace(/^ws/, 'http'));
  expect(endpoint.note ?? 'nothing').toMatch(note ?? /^nothing$/);
});

test.each([
  ['127.0.0.1:8787/v1', /write it like http:\/\/127\.0\.0\.1:8787\/v1/],
  ['localhost:8787', /write it like http:\/\/localhost:8787/],
  ['ftp://h/v1', /write it like http:\/\/127\.0\.0\.1:8787\/v1/],
  ['', /is no URL/],
  ['http://key@h/v1', /give it with --key/],
  ['http://h/v1#x', /leave it out/],
])('"%s" is refused with what to write instead', (text, message) => {
  expect(() => parseEndpoint(text)).toThrow(message);
});
