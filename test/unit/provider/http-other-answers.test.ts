/** What becomes of an answer over HTTP that is no event stream: a JSON response, a refusal, anything else. */
import { describe, expect, test } from '@jest/globals';
import { HttpScene } from './http-setup.ts';
import { providerAt, requestTo, SSE_HEADERS } from './provider-setup.ts';

describe('an answer that is no event stream', () => {
  test('but a JSON response becomes its events', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) =>
      response
        .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
        .end('{"id":"r","object":"response","status":"completed","output":[]}'),
    );
    const heard = scene.open(requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.answers).toHaveLength(1);
    expect(heard.types).toEqual(['response.created', 'response.completed']);
  });

  test('but a JSON error becomes an error event', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}'),
    );
    const heard = scene.open(requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.types).toEqual(['error']);
  });

  test.each([
    [{ 'content-type': 'application/json' }, '{"id":1', /sent JSON that is neither/],
    [
      { 'content-type': 'text/html; charset=utf-8' },
      '<html>secret</html>',
      /answered 200, but with text\/html \(a web/,
    ],
    [
      { 'content-type': 'application/secret' },
      '',
      /but with another content type instead of text\/event-stream/,
    ],
    [{}, 'x', /but with no content type/],
    [{ ...SSE_HEADERS, 'content-encoding': 'rot13' }, 'x', /a content encoding that nobody asked for/],
    [{ ...SSE_HEADERS, 'content-encoding': 'gzip' }, 'not gzip', /does not decode/],
    [{ ...SSE_HEADERS, 'Content-Encoding': ['gzip', 'br'] }, 'x', /a content encoding that nobody asked for/],
    [{ 'Content-Type': ['text/html', 'text/event-stream'] }, 'x', /but with another content type/],
    [{ 'content-type': 'constructor' }, 'x', /but with another content type/],
  ])('with headers %j is a protocol error, in our words only', async (headers, body, message) => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) => response.writeHead(200, headers).end(body));
    const fault = await scene.open(requestTo(providerAt(origin))).fault();
    expect(fault.code).toBe('protocol_error');
    expect(fault.message).toMatch(message);
    expect(fault.message).not.toContain('secret');
  });
});

describe('a refusal', () => {
  test('is heard with its status, headers and body', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) =>
      response
        .writeHead(429, { 'retry-after': '7', server: 'x' })
        .end('{"error":{"code":"rate_limit_exceeded"}}'),
    );
    const heard = scene.open(requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({
      kind: 'refused',
      phase: 'request',
      httpVersion: '1.1',
      status: 429,
      headers: { 'retry-after': '7' },
      body: Buffer.from('{"error":{"code":"rate_limit_exceeded"}}'),
    });
    expect(heard.answers).toEqual([]);
  });

  test('is what a redirect is: nobody follows it', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) =>
      response.writeHead(307, { location: '/elsewhere' }).end(),
    );
    const end = await scene.open(requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 307 });
  });

  test('is read up to its limit', async () => {
    await using scene = new HttpScene();
    const closed = Promise.withResolvers<void>();
    const origin = await scene.answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(500).write(Buffer.alloc(1_000_000, 'x'));
    });
    const end = await scene.open(requestTo(providerAt(origin))).end();
    expect(end.kind === 'refused' && end.body.length).toBe(64 * 1024);
    await closed.promise;
  });

  test('is not waited for: what came in time counts', async () => {
    await using scene = new HttpScene({ limits: { refusalMs: 20 } });
    const closed = Promise.withResolvers<void>();
    const origin = await scene.answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(503, { 'content-length': '100' }).write('half');
    });
    const end = await scene.open(requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 503, body: Buffer.from('half') });
    await closed.promise;
  });

  test('whose body breaks off is still that refusal', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) => {
      response.writeHead(503, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    const end = await scene.open(requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 503, body: Buffer.from('half') });
  });
});
