import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { fakeProvider } from './fake-provider.ts';
import { openRawSocket, rawHttp } from './raw-http.ts';

test('rawHttp gives the answer in parts', async () => {
  await using provider = await fakeProvider();
  const answer = await rawHttp(
    provider.port,
    'GET /v1/nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toMatchObject({
    status: 404,
    ended: 'end',
    headers: { 'content-type': 'application/json' },
  });
  expect(JSON.parse(answer.body)).toMatchObject({
    error: { message: expect.stringContaining('/v1/nothing') },
  });
});

test('rawHttp may stop once it has seen enough', async () => {
  await using provider = await fakeProvider();
  const answer = await rawHttp(provider.port, 'GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n', {
    until: (received) => received.includes('scripted/huge'),
  });
  expect([answer.status, answer.ended]).toEqual([200, 'until']);
});

test('rawHttp shows bytes that no HTTP library would accept, and what they cause', async () => {
  await using provider = await fakeProvider();
  const answer = await rawHttp(provider.port, 'NONSENSE\r\n\r\n');
  expect(answer.status).toBe(400);
});

test('rawHttp tells a reset from an end', async () => {
  await using provider = await fakeProvider([{ text: 'a' }, { reset: true }]);
  const body = '{"stream":true}';
  const answer = await rawHttp(
    provider.port,
    `POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`,
  );
  expect([answer.status, answer.ended]).toEqual([200, 'reset']);
});

test('a raw socket says what it has seen when it waits in vain', async () => {
  await using provider = await fakeProvider();
  await using raw = await openRawSocket(provider.port);
  raw.write('GET /v1/nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  await expect(raw.until('never said')).rejects.toThrow(
    /ended \(end\) before "never said"; seen: HTTP\/1\.1 404/,
  );
});

test('a raw socket can half-close and go on reading', async () => {
  const server = createServer({}, (request, response) => {
    request.resume().once('end', () => response.end('late'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using raw = await openRawSocket((server.address() as AddressInfo).port);
  raw.write('GET / HTTP/1.0\r\n\r\n');
  raw.end();
  expect((await raw.until('late')).toString()).toMatch(/^HTTP\/1\.1 200 OK/);
  server.close();
});
