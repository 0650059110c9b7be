/** What a turn hears of a provider’s event stream over HTTP, compressed or not. Against real servers. */
import { describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { until } from '../../harness/wait-for.ts';
import { HttpScene } from './http-setup.ts';
import { event, providerAt, requestTo, sse, SSE_HEADERS } from './provider-setup.ts';

describe('an event stream', () => {
  test('is heard as answer, events and end, not before open has returned', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) => {
      response.writeHead(200, {
        ...SSE_HEADERS,
        'x-request-id': 'r',
        'x-codex-turn-state': 's',
        server: 'x',
      });
      response.end(sse(event(0), event(1), '[DONE]'));
    });
    const heard = scene.open(requestTo(providerAt(origin)));
    expect(heard.answers).toEqual([]);
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.answers).toEqual([
      { status: 200, httpVersion: '1.1', headers: { 'x-request-id': 'r' }, turnState: 's' },
    ]);
    expect(heard.payloads).toEqual([event(0), event(1)]);
    expect(heard.types).toEqual(['response.output_text.delta', 'response.output_text.delta']);
    expect(heard.ends).toHaveLength(1);
  });

  test('is heard event by event, as it comes', async () => {
    await using scene = new HttpScene();
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await scene.answering((response) => {
      response.writeHead(200, SSE_HEADERS);
      response.flushHeaders();
      stream.resolve(response);
    });
    const heard = scene.open(requestTo(providerAt(origin)));
    const response = await stream.promise;
    await until(() => heard.answers.length === 1, 'the answer before any event');
    for (let n = 0; n < 3; n += 1) {
      response.write(sse(event(n)));
      await heard.events(n + 1);
    }
    response.end();
    expect(await heard.end()).toEqual({ kind: 'finished' });
  });

  test('has response.done renamed, in every dialect', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) =>
      response
        .writeHead(200, SSE_HEADERS)
        .end(sse('{"type":"response.done","response":{"id":"r","output":[]}}')),
    );
    const heard = scene.open(requestTo(providerAt(origin)));
    await heard.end();
    expect(heard.payloads).toEqual(['{"type":"response.completed","response":{"id":"r","output":[]}}']);
    expect(heard.types).toEqual(['response.completed']);
  });

  test('of the dialect Compatible is repaired; comments are signs of life', async () => {
    await using scene = new HttpScene();
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await scene.answering((response) => stream.resolve(response.writeHead(200, SSE_HEADERS)));
    const heard = scene.open(requestTo(providerAt(origin, { dialect: 'Compatible' })));
    const response = await stream.promise;
    response.write(': PROCESSING\n\n: PROCESSING\n\n');
    await heard.events(1);
    response.end(sse('{"type":"response.completed","response":{"id":"r"}}'));
    await heard.end();
    expect(heard.types).toEqual(['keepalive', 'response.created', 'response.completed']);
  });

  test('with an event above the limit ends the attempt and the connection', async () => {
    await using scene = new HttpScene({ limits: { maxEventBytes: 100 } });
    const closed = Promise.withResolvers<void>();
    const origin = await scene.answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, SSE_HEADERS).write(sse(event(0), 'x'.repeat(101)));
    });
    const heard = scene.open(requestTo(providerAt(origin)));
    expect(await heard.fault()).toMatchObject({
      code: 'protocol_error',
      message: 'provider openai sent an event above 100 bytes',
    });
    expect(heard.payloads).toEqual([event(0)]);
    await closed.promise;
  });
});

describe('a compressed answer', () => {
  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('in %s is decoded', async (encoding, compress) => {
    await using scene = new HttpScene();
    const payloads = Array.from({ length: 2_000 }, (_, n) => event(n));
    const origin = await scene.answering((response) =>
      response
        .writeHead(200, { ...SSE_HEADERS, 'content-encoding': encoding })
        .end(compress(Buffer.from(sse(...payloads)))),
    );
    const heard = scene.open(requestTo(providerAt(origin)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual(payloads);
  });

  test.each([
    ['gzip', createGzip, constants.Z_SYNC_FLUSH],
    ['br', createBrotliCompress, constants.BROTLI_OPERATION_FLUSH],
    ['zstd', createZstdCompress, constants.ZSTD_e_flush],
  ])('in %s is decoded as it comes', async (encoding, create, flush) => {
    await using scene = new HttpScene();
    const compressor = create();
    const origin = await scene.answering((response) => {
      compressor.pipe(response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': encoding }));
    });
    const heard = scene.open(requestTo(providerAt(origin)));
    for (let n = 0; n < 3; n += 1) {
      compressor.write(sse(event(n)));
      compressor.flush(flush);
      await heard.events(n + 1);
    }
    compressor.end();
    expect(await heard.end()).toEqual({ kind: 'finished' });
  });

  test('can be paused and resumed', async () => {
    await using scene = new HttpScene();
    const payloads = Array.from({ length: 20_000 }, (_, n) => event(n));
    const origin = await scene.answering((response) =>
      response.writeHead(200, { ...SSE_HEADERS, 'content-encoding': 'gzip' }).end(gzipSync(sse(...payloads))),
    );
    const heard = scene.open(requestTo(providerAt(origin)));
    heard.onPayload = () => {
      heard.attempt.pause();
      setImmediate(() => heard.attempt.resume());
    };
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual(payloads);
  });

  test('that is a refusal is decoded too', async () => {
    await using scene = new HttpScene();
    const origin = await scene.answering((response) =>
      response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{"error":{}}')),
    );
    const end = await scene.open(requestTo(providerAt(origin))).end();
    expect(end).toMatchObject({ kind: 'refused', status: 400, body: Buffer.from('{"error":{}}') });
  });
});
