/** HTTP/2 providers that break off, in the ways HTTP/2 adds: what the client hears, and that its next turn works. */
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HttpSseTransport, type HttpSseOptions } from '../../src/provider/http-sse.ts';
import type { PoolsOptions } from '../../src/provider/pools.ts';
import { routeTo } from '../harness/bridge.ts';
import { openFlakyProxy } from '../harness/flaky-proxy.ts';
import { tlsFixture } from '../harness/tls-front.ts';
import { until } from '../harness/wait-for.ts';
import { ask, openScene, secretNamed, textOf } from '../protocol/scene.ts';
import type { JsonObject, Scene } from '../protocol/scene.ts';
import { open, providerAt, requestTo } from '../unit/provider/provider-setup.ts';
import { tableBelow } from './reliability-page.ts';
import { endingOf, promisedEnding } from './turn-ending.ts';

const done = { id: 'resp_1', object: 'response', status: 'completed', output: [] };
const created = sse({ type: 'response.created', response: { id: 'resp_1', object: 'response' } });
const rest =
  sse({ type: 'response.output_text.delta', delta: 'words' }) +
  sse({ type: 'response.completed', response: done });

function sse(event: JsonObject): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

interface Row {
  readonly ends: string;
  readonly act: (stream: ServerHttp2Stream) => void;
  readonly hears: string;
  readonly hasBegun?: true;
}

function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
  stream.write(created);
}

/** RST_STREAM with INTERNAL_ERROR. `close` would end the stream first. */
function breakOff(stream: ServerHttp2Stream): void {
  stream.destroy(new Error('broken'));
}

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

const rows: readonly Row[] = [
  {
    ends: 'RST_STREAM before the headers',
    act: (stream) => breakOff(stream),
    hears: 'provider_connection_lost',
  },
  {
    ends: 'RST_STREAM between two events',
    act: (stream) => {
      begin(stream);
      setImmediate(() => breakOff(stream));
    },
    hears: 'provider_connection_lost',
    hasBegun: true,
  },
  {
    ends: 'END_STREAM without a terminal event',
    act: (stream) => {
      begin(stream);
      stream.end();
    },
    hears: 'provider_stream_ended',
    hasBegun: true,
  },
  {
    ends: 'GOAWAY that lets the stream finish',
    act: (stream) => {
      begin(stream);
      stream.session?.goaway(NGHTTP2_NO_ERROR, stream.id);
      setImmediate(() => stream.end(rest));
    },
    hears: 'the answer',
  },
  {
    ends: 'GOAWAY with an error, and the end of the connection',
    act: (stream) => {
      begin(stream);
      setImmediate(() => stream.session?.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM));
    },
    hears: 'provider_connection_lost',
    hasBegun: true,
  },
];

const sockets = new Set<Socket>();
const server = createSecureServer({ cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') });
let port = 0;
let scene: Scene;

beforeAll(async () => {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined); // most of them are ours
    void json(stream).then((body) => answer(stream, String((body as JsonObject)['model'])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  const tls = { caCertificateRefs: [{ kind: 'Secret', name: 'ca' }] };
  const routes = (): string =>
    [
      routeTo(`https://127.0.0.1:${port}/v1`, { provider: { tls } }),
      secretNamed('ca', { 'ca.crt': tlsFixture('ca.pem') }),
    ].join('---\n');
  scene = await openScene({ routes });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function answer(stream: ServerHttp2Stream, model: string): void {
  const row = rows.find(({ ends }) => ends === model);
  if (row !== undefined) return row.act(stream);
  begin(stream);
  if (model !== 'held') stream.end(rest);
}

describe('a stream that ends with', () => {
  test.each(rows)('$ends: the client hears $hears', async ({ ends, hears, hasBegun }) => {
    const client = await scene.connect();
    const other = await scene.connect();
    const events = await ask(client, { model: ends });
    expect(endingOf(events)).toEqual(promisedEnding(hears, hasBegun));
    for (const next of [client, other]) expect(textOf(await ask(next, {}))).toBe('words');
  });
});

describe('a connection that dies without a word', () => {
  const pingMs = 100;

  /** A transport whose pings are frequent, and a line to the provider that has carried one whole answer. */
  async function openSession() {
    const options: HttpSseOptions & PoolsOptions = { pingMs };
    const transport = new HttpSseTransport(options);
    const proxy = await openFlakyProxy(port);
    const provider = providerAt(`https://127.0.0.1:${proxy.port}`, {
      tls: { ca: tlsFixture('ca.pem'), serverName: undefined },
    });
    const turn = (model: string) =>
      open(transport, requestTo(provider, { body: [Buffer.from(JSON.stringify({ model }))] }));
    expect(await turn('good').end()).toEqual({ kind: 'finished' });
    return {
      proxy,
      turn,
      [Symbol.asyncDispose]: async () => {
        await proxy.close();
        await transport.close();
      },
    };
  }

  test('in the middle of turns is found by its pings: the turns are lost, and the next one gets another', async () => {
    await using session = await openSession();
    const { proxy, turn } = session;
    const turns = [turn('held'), turn('held')];
    for (const heard of turns) await heard.events(1);
    proxy.silence();
    for (const heard of turns) expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
    proxy.restore();
    expect(await turn('good').end()).toEqual({ kind: 'finished' });
    expect(proxy.connections).toBe(2);
  });

  test('between turns is found before anybody asks', async () => {
    await using session = await openSession();
    const { proxy, turn } = session;
    proxy.silence();
    await until(() => proxy.endedByClient === 1, 'the connection to be given up');
    proxy.restore();
    expect(await turn('good').end()).toEqual({ kind: 'finished' });
  });

  test('is not one that is merely quiet', async () => {
    await using session = await openSession();
    const { proxy, turn } = session;
    const heard = turn('held');
    await heard.events(1);
    const before = proxy.bytesToClient;
    // Ten answers to pings, of 17 bytes and what TLS adds: three times what would be taken for death.
    await until(() => proxy.bytesToClient > before + 10 * 39, 'ten answers to pings');
    expect([heard.ends, proxy.endedByClient]).toEqual([[], 0]);
    heard.attempt.abort();
  });
});

test('docs/reliability.md shows this table: mend the page or the rows of this file', () => {
  expect(tableBelow('### Over HTTP/2')).toEqual([
    ['the stream ends with', 'the client hears'],
    ...rows.map(({ ends, hears }) => [ends, hears]),
  ]);
});
