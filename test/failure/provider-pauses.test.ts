/** A slow turn holds its provider up, and what happens within one stream's events leaves the others alone. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
import {
  event,
  open,
  providerAt,
  requestTo,
  Servers,
  sse,
  SSE_HEADERS,
} from '../unit/provider/provider-setup.ts';
import { until } from '../harness/wait-for.ts';
import { openStream } from './provider-scene.ts';

const servers = new Servers();
let transport: HttpSseTransport;

beforeEach(() => {
  transport = new HttpSseTransport();
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

describe('a pause', () => {
  /** Sends events as fast as they are taken; how many bytes the provider could write. */
  async function flood() {
    const state = { written: 0, stalled: false };
    const { origin } = await servers.http((_request, response) => {
      response.writeHead(200, SSE_HEADERS);
      const chunk = sse(...Array.from({ length: 200 }, (_, n) => event(n)));
      const write = () => {
        while (!response.destroyed) {
          state.written += chunk.length;
          if (!response.write(chunk)) {
            state.stalled = true;
            response.once('drain', () => {
              state.stalled = false;
              write();
            });
            return;
          }
        }
      };
      write();
    });
    return { origin, state };
  }

  test('stops reading, so that the provider cannot write, and a resume goes on', async () => {
    const { origin, state } = await flood();
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(10_000);
    heard.attempt.pause();
    // The kernel's buffers fill, then nothing moves: the same count, many loops apart, with a write hanging.
    let before = -1;
    let quiet = 0;
    await until(() => {
      quiet = state.stalled && state.written === before ? quiet + 1 : 0;
      before = state.written;
      return quiet > 20;
    }, 'the provider to be held up');
    const heardBytes = heard.bytes;
    const written = state.written;
    heard.attempt.resume();
    await until(() => heard.bytes > heardBytes && state.written > written, 'the stream to go on');
    expect(heard.ends).toEqual([]);
    heard.attempt.abort();
  });

  test('before the answer holds everything back but the answer', async () => {
    const { origin } = await flood();
    const heard = open(transport, requestTo(providerAt(origin)));
    heard.attempt.pause();
    await until(() => heard.answers.length === 1, 'the answer');
    expect(heard.payloads).toEqual([]);
    heard.attempt.resume();
    await heard.events(1_000);
    heard.attempt.abort();
  });

  test('and resume of one stream from within the events of another is sound', async () => {
    const one = await flood();
    const other = await flood();
    const first = open(transport, requestTo(providerAt(one.origin)));
    const second = open(transport, requestTo(providerAt(other.origin)));
    first.onPayload = () => {
      first.attempt.pause();
      second.attempt.resume();
    };
    second.onPayload = () => {
      second.attempt.pause();
      first.attempt.resume();
    };
    await first.events(5_000);
    await second.events(5_000);
    expect(first.ends).toEqual([]);
    expect(second.ends).toEqual([]);
    first.attempt.abort();
    second.attempt.abort();
  });

  test('that outlives its attempt does not touch the next one on the connection', async () => {
    const { origin, stream } = await openStream(servers);
    const first = open(transport, requestTo(providerAt(origin)));
    await first.events(1);
    first.attempt.pause();
    (await stream).end();
    first.attempt.release();
    first.attempt.pause();
    const second = open(transport, requestTo(providerAt(origin)));
    await second.events(1);
    first.attempt.resume();
    first.attempt.abort();
    expect(second.ends).toEqual([]);
    second.attempt.abort();
  });
});

describe('an attempt from within the events of another', () => {
  test('is opened and answered', async () => {
    const { origin } = await openStream(servers);
    const first = open(transport, requestTo(providerAt(origin)));
    const second = Promise.withResolvers<ReturnType<typeof open>>();
    first.onPayload = () => second.resolve(open(transport, requestTo(providerAt(origin))));
    const heard = await second.promise;
    await heard.events(1);
    expect([...first.ends, ...heard.ends]).toEqual([]);
    first.attempt.abort();
    heard.attempt.abort();
  });
});
