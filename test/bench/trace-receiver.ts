/**
 * Takes OTLP over HTTP on a free port (printed first) and throws it away: a batch a hundred turns or so, so that it may
 * be written in JavaScript. The bench starts it on the judges' core.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
