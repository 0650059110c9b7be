import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { UpgradeRefused, connect } from './connect.ts';
import { standStill } from './stand-still.ts';

let server: Server;
let sockets: WebSocketServer;
let url = '';
let upgrades: IncomingMessage[] = [];
let refusal: string | undefined;
let greet: (socket: WebSocket) => void = () => undefined;

beforeEach(async () => {
  upgrades = [];
  refusal = undefined;
  greet = () => undefined;
  sockets = new WebSocketServer({ noServer: true });
  server = createServer().listen(0, '127.0.0.1');
  server.on('upgrade', (request, socket, head) => {
    upgrades.push(request);
    if (refusal !== undefined) socket.end(refusal);
    else sockets.handleUpgrade(request, socket, head, (ws) => greet(ws));
  });
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1/responses`;
});
afterEach(async () => {
  for (const socket of sockets.clients) socket.terminate();
  server.close();
  await once(server, 'close');
});

const event = (type: string, lane?: string): string =>
  JSON.stringify({ type, ...(lane === undefined ? {} : { stream_id: lane }) });

describe('connect', () => {
  test('sends its headers and protocols and keeps those of the answer', async () => {
    await using client = await connect(url, { headers: { 'x-team': 'blue' }, protocols: ['realtime'] });
    expect(upgrades[0]?.headers).toMatchObject({
      'x-team': 'blue',
      'sec-websocket-protocol': 'realtime',
    });
    expect(upgrades[0]?.url).toBe('/v1/responses');
    expect(client.protocol).toBe('realtime');
    expect(client.upgradeHeaders).toMatchObject({ upgrade: 'websocket' });
  });

  test('rejects a refused upgrade with status, headers and body', async () => {
    refusal = 'HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy';
    const error = await connect(url).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UpgradeRefused);
    expect(error).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: 'busy' });
  });
});

describe('a test client', () => {
  test('loses no frame that comes together with the 101', async () => {
    greet = (socket) => socket.send(event('a'));
    await using client = await connect(url);
    expect(await client.next()).toEqual({ type: 'a' });
  });

  test('reads events one by one, by type, and up to a terminal one', async () => {
    greet = (socket) => {
      for (const type of ['a', 'b', 'c', 'response.completed', 'd', 'error', 'e']) socket.send(event(type));
    };
    await using client = await connect(url);
    expect(await client.next()).toEqual({ type: 'a' });
    expect(await client.next('c')).toEqual({ type: 'c' });
    expect((await client.events()).map((each) => each['type'])).toEqual(['response.completed']);
    expect((await client.events()).map((each) => each['type'])).toEqual(['d', 'error']);
    expect((await client.nextFrame()).text).toBe('{"type":"e"}');
    expect(client.frames).toHaveLength(7);
  });

  test('reads lanes apart', async () => {
    greet = (socket) => {
      for (const lane of ['one', undefined, 'two', 'one']) socket.send(event('a', lane));
      for (const lane of ['two', undefined, 'one']) socket.send(event('response.completed', lane));
    };
    await using client = await connect(url);
    const lanes = async (lane: string): Promise<unknown[]> =>
      (await client.events({ lane })).map((each) => [each['type'], each['stream_id']]);
    expect(await lanes('one')).toEqual([
      ['a', 'one'],
      ['a', 'one'],
      ['response.completed', 'one'],
    ]);
    expect(await lanes('')).toEqual([
      ['a', undefined],
      ['response.completed', undefined],
    ]);
    expect(await lanes('two')).toHaveLength(2);
  });

  test('sends objects, text and binary frames', async () => {
    const got: unknown[] = [];
    greet = (socket) => {
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        got.push(isBinary ? [...data] : data.toString());
        if (got.length === 3) socket.send(event('response.completed'));
      });
    };
    await using client = await connect(url);
    client.create({ model: 'm' });
    client.send('not json');
    client.send(Buffer.from([1, 2]));
    await client.events();
    expect(got).toEqual(['{"type":"response.create","model":"m"}', 'not json', [1, 2]]);
  });

  test('says what it waited for, why in vain, and what is unread', async () => {
    greet = (socket) => socket.send(event('a'));
    await using client = await connect(url);
    await expect(client.next('b', { timeoutMs: 20 })).rejects.toThrow(
      /waited for the event b, but 20 ms passed; unread: a; 1 frames in all/,
    );
    greet = () => undefined;
    for (const socket of sockets.clients) socket.close(1012, 'draining');
    await expect(client.events()).rejects.toThrow(
      'waited for a terminal event, but the socket closed (1012 draining); unread: a',
    );
    expect(await client.closed).toEqual({ code: 1012, reason: 'draining' });
  });

  test('whose process stood still still gets what was sent meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<WebSocket>();
    greet = resolve;
    await using client = await connect(url);
    const socket = await promise;
    const wait = (lane: string, timeoutMs: number) => client.next('a', { lane, timeoutMs });
    // One has time left behind the stall, the other none.
    const waits = [wait('one', 900), wait('two', 100)];
    for (const lane of ['one', 'two']) socket.send(event('a', lane));
    standStill(1000);
    expect((await Promise.all(waits)).map((each) => each['stream_id'])).toEqual(['one', 'two']);
  });

  test('counts pings and pongs', async () => {
    greet = (socket) => {
      socket.on('ping', () => {
        socket.ping();
        socket.send(event('a'));
      });
    };
    await using client = await connect(url);
    client.ping();
    await client.next();
    expect([client.pings, client.pongs]).toEqual([1, 1]);
  });

  test('takes nothing from its connection while it does not read', async () => {
    const { promise, resolve } = Promise.withResolvers<WebSocket>();
    greet = resolve;
    await using client = await connect(url);
    client.stopReading();
    const socket = await promise;
    for (let at = 0; at < 32; at += 1) socket.send('x'.repeat(1_048_576));
    socket.send(event('a'));
    // The server's own loop has turned, and yet its bytes stay with it.
    await new Promise<void>((turned) => {
      setImmediate(turned);
    });
    expect(socket.bufferedAmount).toBeGreaterThan(1_048_576);
    expect(client.frames).toHaveLength(0);
    client.startReading();
    expect(await client.next('a')).toEqual({ type: 'a' });
    expect(client.frames).toHaveLength(33);
  });

  test('leaves in three ways: close, terminate, reset', async () => {
    const codes: number[] = [];
    greet = (socket) => {
      socket.on('error', () => undefined);
      socket.on('close', (code: number) => codes.push(code));
    };
    const closing = await connect(url);
    expect(await closing.close(1000, 'done')).toEqual({ code: 1000, reason: 'done' });
    const dropping = await connect(url);
    dropping.terminate();
    expect((await dropping.closed).code).toBe(1006);
    const resetting = await connect(url);
    resetting.reset();
    expect((await resetting.closed).code).toBe(1006);
  });
});
