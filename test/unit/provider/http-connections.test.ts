/** Connections to providers over HTTP: when they serve again, when they end, and what close waits for. */
import { describe, expect, test } from '@jest/globals';
import diagnostics from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextLoop } from 'node:timers/promises';
import { until } from '../../harness/wait-for.ts';
import { HttpScene } from './http-setup.ts';
import { event, providerAt, requestTo, sse, SSE_HEADERS } from './provider-setup.ts';

describe('connections', () => {
  test('serve again after an answer, a refusal and a release', async () => {
    await using scene = new HttpScene();
    let completed = 0;
    const onCompleted = () => {
      completed += 1;
    };
    diagnostics.subscribe('undici:request:trailers', onCompleted);
    const ports = new Set<number | undefined>();
    const { origin } = await scene.servers.http((request, response) => {
      ports.add(request.socket.remotePort);
      if (completed === 1) {
        response.writeHead(400).end('{}');
        return;
      }
      response.writeHead(200, SSE_HEADERS).write(sse(event(0)));
      setImmediate(() => response.end(': bye\n\n'));
    });
    try {
      for (let turn = 1; turn <= 6; turn += 1) {
        const heard = scene.open(requestTo(providerAt(origin)));
        if (turn > 2) {
          heard.onPayload = () => {
            if (turn > 4) {
              heard.attempt.pause(); // A release reads on all the same.
            }
            heard.attempt.release();
          };
        }
        await until(() => completed === turn, 'the whole answer to be read');
        await nextLoop(); // undici looks at a connection once more before it serves again.
        expect(heard.ends).toHaveLength(turn > 2 ? 0 : 1);
      }
    } finally {
      diagnostics.unsubscribe('undici:request:trailers', onCompleted);
    }
    expect(ports.size).toBe(1);
  });

  test('are kept when an attempt is aborted before it was sent on one', async () => {
    await using scene = new HttpScene();
    const ports: (number | undefined)[] = [];
    const { origin } = await scene.servers.http((request, response) => {
      ports.push(request.socket.remotePort);
      response.writeHead(200, SSE_HEADERS).end();
    });
    await scene.open(requestTo(providerAt(origin))).end();
    await nextLoop();
    const aborted = scene.open(requestTo(providerAt(origin)));
    await Promise.resolve(); // Handed to undici, which looks at the idle connection once more before it writes.
    aborted.attempt.abort();
    await nextLoop();
    await scene.open(requestTo(providerAt(origin))).end();
    expect(ports).toHaveLength(2);
    expect(ports[1]).toBe(ports[0]);
    expect(aborted.ends).toEqual([]);
  });

  test('end when a released answer goes on for too long', async () => {
    await using scene = new HttpScene({ limits: { releaseMs: 20 } });
    const closed = Promise.withResolvers<void>();
    const origin = await scene.answering((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, SSE_HEADERS).write(sse(event(0)));
    });
    const heard = scene.open(requestTo(providerAt(origin)));
    await heard.events(1);
    heard.attempt.release();
    await closed.promise;
    expect(heard.ends).toEqual([]);
  });

  test('end when a released answer goes on with too much', async () => {
    await using scene = new HttpScene({ limits: { releaseMs: 60_000, maxReleaseBytes: 1_000 } });
    const closed = Promise.withResolvers<void>();
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await scene.answering((response) => {
      response.on('close', () => closed.resolve());
      stream.resolve(response.writeHead(200, SSE_HEADERS));
      response.write(sse(event(0)));
    });
    const heard = scene.open(requestTo(providerAt(origin)));
    await heard.events(1);
    heard.attempt.release();
    (await stream.promise).write(Buffer.alloc(2_000));
    await closed.promise;
    expect(heard.payloads).toHaveLength(1);
    expect(heard.ends).toEqual([]);
  });

  test('of at most so many providers are kept', async () => {
    await using scene = new HttpScene({ maxPools: 2 });
    const closed: Promise<void>[] = [];
    for (let n = 0; n < 3; n += 1) {
      const gone = Promise.withResolvers<void>();
      closed.push(gone.promise);
      const { origin } = await scene.servers.http((request, response) => {
        request.socket.on('close', () => gone.resolve());
        response.writeHead(200, SSE_HEADERS).end();
      });
      await scene.open(requestTo(providerAt(origin))).end();
    }
    await expect(closed[0]).resolves.toBeUndefined();
  });
});

describe('close', () => {
  test('lets a running attempt finish, takes no new one, and may be called twice', async () => {
    await using scene = new HttpScene();
    const stream = Promise.withResolvers<ServerResponse>();
    const origin = await scene.answering((response) => stream.resolve(response.writeHead(200, SSE_HEADERS)));
    const request = requestTo(providerAt(origin));
    const heard = scene.open(request);
    const response = await stream.promise;
    response.write(sse(event(0)));
    await heard.events(1);
    const closed = Promise.all([scene.transport.close(), scene.transport.close()]);
    expect(await scene.open(request).fault()).toMatchObject({
      code: 'connect_failed',
      message: 'provider openai was not called: the bridge is shutting down',
    });
    response.end(sse(event(1)));
    expect(await heard.end()).toEqual({ kind: 'finished' });
    expect(heard.payloads).toEqual([event(0), event(1)]);
    await closed;
  });
});
