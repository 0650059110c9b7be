/**
 * HTTP requests that a parser may read in two ways: what RFC 9112 calls request smuggling, and its relatives. Each is
 * refused with its connection, or means the same to everybody: what is answered is one request, and what reaches the
 * provider is what was meant.
 */
import { describe, expect, test } from '@jest/globals';
import { openRawSocket } from '../harness/raw-http.ts';
import { within } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';
import { refusedShapes, servedShapes, SMUGGLED, upgrade } from './request-shapes.ts';
import { gate } from '../harness/fake-provider.ts';

/** The statuses of all answers on a connection, in order. */
function statusesOf(text: string): number[] {
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}

describe('a request of two meanings ends its connection, and nobody behind the bridge hears of it', () => {
  test.each(refusedShapes)('$name', async ({ bytes, status, message = '', isAlone = false }) => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(Buffer.from(isAlone ? bytes : bytes + SMUGGLED, 'latin1'));
    await within(raw.closed, 'the end of the connection');
    const text = raw.received().toString();
    expect(statusesOf(text)).toEqual(status === undefined ? [] : [status]);
    expect(text).toContain(message);
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('a request that only looks odd is answered as it was meant', () => {
  test.each(servedShapes)('$name', async ({ bytes, statuses, reached }) => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(Buffer.from(bytes, 'latin1'));
    await within(raw.closed, 'the end of the connection');
    expect(statusesOf(raw.received().toString())).toEqual(statuses);
    const bodies = scene.provider.requests.map(({ rawBody }) => rawBody.toString());
    expect(bodies).toEqual(reached === undefined ? [] : [reached]);
  });
});

describe('an upgrade', () => {
  test.each([
    ['by itself', upgrade()],
    ['that says it has no body', upgrade('content-length: 0\r\n')],
    ['in any case of letters', upgrade().replace('websocket', 'WebSocket')],
  ])('%s is accepted', async (_, bytes) => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(bytes);
    expect(statusesOf((await raw.until('\r\n\r\n')).toString())).toEqual([101]);
    raw.end();
    await within(raw.closed, 'the end of the connection');
  });

  test('with a request behind it is a socket that gets a bad frame: no second request is read', async () => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(upgrade() + SMUGGLED);
    await raw.until('not a WebSocket frame');
    raw.end();
    await within(raw.closed, 'the end of the connection');
    expect(statusesOf(raw.received().toString())).toEqual([101]);
    expect(scene.provider.requests).toEqual([]);
  });

  test.each([
    ['HTTP/1.0', upgrade().replace('HTTP/1.1', 'HTTP/1.0'), 426],
    ['another method', upgrade().replace('GET', 'POST'), 400],
  ])('of %s is none, and its request is answered', async (_, bytes, status) => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(bytes);
    expect(statusesOf((await raw.until('\r\n\r\n')).toString())).toEqual([status]);
    raw.end();
    await within(raw.closed, 'the end of the connection');
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('an upgrade pipelined behind a request that has no answer yet', () => {
  const body = JSON.stringify({ model: 'm', input: 'hi', stream: true });
  const post = `POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

  test.each([
    ['waits, and is answered as the GET it is', upgrade(), 426],
    ['waits too where no route serves it', upgrade().replace('/v1/', '/nowhere/'), 404],
  ])('%s', async (_, second, status) => {
    const held = gate();
    await using scene = await openScene({ script: () => [{ until: held.promise }, { text: 'the answer' }] });
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post + second);
    await scene.provider.waitForRequest();
    // both requests came in one read: by now the second was seen, too
    expect(raw.received().toString()).toBe('');
    held.open();
    const text = (await raw.until(`HTTP/1.1 ${String(status)} `)).toString();
    expect(statusesOf(text)).toEqual([200, status]);
    expect(text.indexOf('response.completed')).toBeLessThan(text.indexOf(`HTTP/1.1 ${String(status)} `));
    raw.end();
  });

  test('waits while the answer streams: nothing is written into it', async () => {
    const held = gate();
    await using scene = await openScene({
      script: () => [{ begin: true }, { until: held.promise }, { text: 'the answer' }],
    });
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post);
    await raw.until('response.created');
    raw.write(upgrade());
    // an answer to another connection, asked for later: the upgrade was read before it
    expect((await fetch(`${scene.bridge.url}/models`)).status).toBe(200);
    expect(statusesOf(raw.received().toString())).toEqual([200]);
    held.open();
    expect(statusesOf((await raw.until('HTTP/1.1 426 ')).toString())).toEqual([200, 426]);
    raw.end();
  });

  test('goes with its connection, as the request before it does', async () => {
    await using scene = await openScene({ script: () => [{ stall: true }] });
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post + upgrade());
    const request = await scene.provider.waitForRequest();
    raw.reset();
    expect((await within(request.closed, 'the end of the request')).how).toBe('client-closed');
  });

  test('is accepted once that answer is whole', async () => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post);
    await raw.until('\r\n0\r\n\r\n');
    raw.write(upgrade());
    expect(statusesOf((await raw.until('HTTP/1.1 101 ')).toString())).toEqual([200, 101]);
    raw.end();
    await within(raw.closed, 'the end of the connection');
  });
});
