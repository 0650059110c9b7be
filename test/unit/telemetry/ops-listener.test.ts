import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  openOpsListener,
  type OpsListener,
  type OpsListenerOptions,
} from '../../../src/telemetry/ops/ops-listener.ts';

let ready: { ready: boolean; reason?: string };
let text: (accept: string | undefined) => Promise<{ type: string; body: string }>;
let ops: OpsListener;

beforeEach(async () => {
  ready = { ready: true };
  text = () => Promise.resolve({ type: 'text/plain; version=0.0.4', body: 'turnbridge_ready 1\n' });
  ops = await openOpsListener({
    host: '127.0.0.1',
    port: 0,
    ready: () => ready,
    metrics: { text: (accept) => text(accept) },
  });
});

afterEach(() => ops.close());

function ask(path: string, method = 'GET'): Promise<Response> {
  return fetch(`http://${ops.address}${path}`, { method });
}

test('is alive while the process lives, ready or not', async () => {
  ready = { ready: false, reason: 'draining' };
  expect((await ask('/healthz')).status).toBe(200);
});

test('is ready when it says so, and gives the reason when it is not', async () => {
  expect((await ask('/readyz')).status).toBe(200);
  ready = { ready: false, reason: 'no route is loaded' };
  const answer = await ask('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, reason: 'no route is loaded' });
});

test('serves metrics with their content type', async () => {
  const answer = await ask('/metrics?x=1');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await answer.text()).toBe('turnbridge_ready 1\n');
});

test('hands on which format the scraper accepts', async () => {
  text = (accept) => Promise.resolve({ type: 'text/plain', body: String(accept) });
  const answer = await fetch(`http://${ops.address}/metrics`, { headers: { accept: 'application/x-test' } });
  expect(await answer.text()).toBe('application/x-test');
  expect(answer.headers.get('vary')).toBe('accept');
});

test('fails a scrape visibly when metrics cannot be read, and goes on', async () => {
  text = () => Promise.reject(new Error('secret detail'));
  const answer = await ask('/metrics');
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('secret');
  expect((await ask('/healthz')).status).toBe(200);
});

test('answers HEAD like GET without a body, and refuses to be written to', async () => {
  const head = await ask('/readyz', 'HEAD');
  expect(head.status).toBe(200);
  expect(await head.text()).toBe('');
  const post = await ask('/healthz', 'POST');
  expect(post.status).toBe(405);
  expect(post.headers.get('allow')).toBe('GET, HEAD');
});

test('names its paths to whoever asks for another', async () => {
  const answer = await ask('/');
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ paths: ['/healthz', '/readyz', '/metrics'] });
});

test('says what to do when its address is taken', async () => {
  const second = openOpsListener({
    host: '127.0.0.1',
    port: ops.port,
    ready: () => ready,
    metrics: { text },
  });
  await expect(second).rejects.toThrow(
    /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\): choose another address or port/,
  );
});

test('closes although a client still holds a connection, and may be closed twice', async () => {
  const socket = connect(ops.port, '127.0.0.1');
  await once(socket, 'connect');
  const gone = once(socket, 'close');
  socket.resume();
  await ops.close();
  await ops.close();
  await gone;
  expect(socket.destroyed).toBe(true);
});

test('says which snapshot is in effect, and that there is none yet', async () => {
  let snapshot: object | undefined;
  await using bridge = await openWith({ snapshot: () => snapshot });
  const none = await fetch(`http://${bridge.address}/snapshot`);
  expect([none.status, await none.json()]).toEqual([503, { version: null }]);
  snapshot = { version: 'abc', generation: 7 };
  const some = await fetch(`http://${bridge.address}/snapshot`);
  expect([some.status, await some.json()]).toEqual([200, snapshot]);
  expect((await fetch(`http://${bridge.address}/snapshot`, { method: 'POST' })).status).toBe(405);
});

test('has no snapshot where nobody gives one, and names its paths only', async () => {
  const answer = await ask('/snapshot');
  expect([answer.status, await answer.json()]).toEqual([
    404,
    { error: 'not found', paths: ['/healthz', '/readyz', '/metrics'] },
  ]);
});

/** A listener of its own; it closes with its test. */
async function openWith(more: Partial<OpsListenerOptions>): Promise<OpsListener & AsyncDisposable> {
  const opened = await openOpsListener({
    host: '127.0.0.1',
    port: 0,
    ready: () => ready,
    metrics: { text: (accept) => text(accept) },
    ...more,
  });
  return { ...opened, [Symbol.asyncDispose]: () => opened.close() };
}
