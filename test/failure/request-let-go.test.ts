/**
 * From the first event on `--inbound-budget` counts a request no more: then nobody may hold it, or long answers would
 * take memory that nobody knows of.
 */
import { createServer, request as openRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { connect } from '../harness/connect.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { until } from '../harness/wait-for.ts';

const mib = 1_048_576;
const turns = 8;
const requestMib = 4;
const created = '{"type":"response.created","response":{"id":"resp_1"}}';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of requests are outside of V8's heap; whoever holds a view holds them all. */
function heldMib(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers / mib;
}

/** Begins each answer and never ends it; keeps nothing of what it was asked. */
async function openEndlessProvider() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${created}\n\n`);
    });
  });
  const sockets = new WebSocketServer({ server, maxPayload: 2 * requestMib * mib });
  sockets.on('connection', (ws) => ws.on('message', () => ws.send(created)));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    [Symbol.asyncDispose]: async () => {
      for (const ws of sockets.clients) ws.terminate();
      server.closeAllConnections();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

function requestText(envelope: object): string {
  const text = 'y'.repeat(requestMib * mib);
  return JSON.stringify({
    ...envelope,
    model: 'm',
    input: [{ type: 'message', role: 'user', content: text }],
  });
}

/** Resolves with the way to leave, when the first event is there. */
async function askOnSocket(url: string): Promise<() => void> {
  const client = await connect(`${url}/responses`);
  client.send(requestText({ type: 'response.create' }));
  expect(await client.next()).toMatchObject({ type: 'response.created' });
  return () => client.terminate();
}

async function askByPost(url: string): Promise<() => void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { 'content-type': 'application/json' };
  const request = openRequest(`${url.replace(/^ws/, 'http')}/responses`, { method: 'POST', headers });
  request.on('error', reject);
  request.on('response', (response) => response.on('error', () => undefined).once('data', () => resolve()));
  request.end(requestText({ stream: true }));
  await promise;
  return () => request.destroy();
}

test.each([
  ['a socket', 'HTTP', askOnSocket],
  ['a socket', 'WebSocket', askOnSocket],
  ['a POST', 'HTTP', askByPost],
  ['a POST', 'WebSocket', askByPost],
] as const)(
  'a request that came by %s and went on over %s is let go at the first event of its answer',
  async (_, transport, ask) => {
    await using provider = await openEndlessProvider();
    const wishes = { continuation: { mode: 'Stateless' }, provider: { transport } };
    await using bridge = await startBridge({ routes: routeTo(provider.url, wishes) });
    (await ask(bridge.url))(); // what is loaded or grows once is there
    await until(() => bridge.bridge.connections === 0, 'the first client to be gone');
    const before = heldMib();
    const leave: (() => void)[] = [];
    try {
      for (let n = 0; n < turns; n += 1) leave.push(await ask(bridge.url));
      expect(bridge.bridge.usedBytes).toMatchObject({ inbound: 0, transcripts: 0 });
      // a request or two may still be on the way out of a buffer of the kernel's
      const most = (turns * requestMib) / 2;
      await until(() => heldMib() - before < most, `less than ${most} MiB to be held`, 10_000);
    } finally {
      for (const each of leave) each();
    }
    await until(() => bridge.bridge.connections === 0, 'all clients to be gone');
  },
  60_000,
);
