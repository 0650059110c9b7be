/** What breaks between the bridge and a provider over HTTP/1.1, when, and what the turn then hears. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpSseTransport } from '../../src/provider/http-sse.ts';
import { event, open, providerAt, requestTo, routeTo, Servers } from '../unit/provider/provider-setup.ts';
import { closedUrl } from '../harness/nowhere.ts';
import { openStream, openTcp } from './provider-scene.ts';

const servers = new Servers();
let transport: HttpSseTransport;

beforeEach(() => {
  transport = new HttpSseTransport();
});

afterEach(async () => {
  await servers.close();
  await transport.close();
});

describe('no connection', () => {
  test('where nothing listens', async () => {
    const heard = open(transport, requestTo(providerAt(closedUrl)));
    expect(await heard.fault()).toMatchObject({
      code: 'connect_failed',
      reason: 'ECONNREFUSED',
      message: 'provider openai could not be reached: ECONNREFUSED',
    });
    expect(heard.answers).toEqual([]);
  });

  test('where the name has no address', async () => {
    transport = new HttpSseTransport({
      lookup: (_host, _options, callback) =>
        callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), ''),
    });
    const fault = await open(transport, requestTo(providerAt('http://no-such-provider.example'))).fault();
    expect(fault).toMatchObject({
      code: 'dns_failed',
      reason: 'ENOTFOUND',
      message: 'provider openai could not be found: its host name has no address: ENOTFOUND',
    });
  });

  test('where the handshake does not end in time', async () => {
    const { origin, closed } = await openTcp(servers); // Accepts, but never speaks TLS.
    const provider = providerAt(origin.replace('http:', 'https:'));
    const heard = open(transport, requestTo(provider, { route: routeTo(provider, {}, 50) }));
    expect(await heard.fault()).toMatchObject({ code: 'connect_timeout', reason: 'UND_ERR_CONNECT_TIMEOUT' });
    await closed;
  });

  test('is heard of by all who waited for one, at once and not one after the other', async () => {
    const { origin, sockets } = await openTcp(servers); // Accepts, but never speaks TLS.
    const provider = providerAt(origin.replace('http:', 'https:'));
    const request = requestTo(provider, { route: routeTo(provider, {}, 50) });
    const turns = Array.from({ length: 5 }, () => open(transport, request));
    for (const heard of turns) {
      expect(await heard.fault()).toMatchObject({ code: 'connect_timeout' });
    }
    expect(sockets.size).toBe(1);
  });

  test('where the name leads to loopback and the route comes from the cluster', async () => {
    const { origin, sockets } = await openTcp(servers);
    transport = new HttpSseTransport({
      lookup: (_host, options, callback) =>
        options.all === true
          ? callback(null, [{ address: '127.0.0.1', family: 4 }])
          : callback(null, '127.0.0.1', 4),
    });
    const named = origin.replace('127.0.0.1', 'provider.example.com');
    expect(
      await open(transport, requestTo(providerAt(named, { loopbackAllowed: false }))).fault(),
    ).toMatchObject({
      code: 'address_refused',
    });
    expect(
      await open(transport, requestTo(providerAt(origin, { loopbackAllowed: false }))).fault(),
    ).toMatchObject({
      code: 'address_refused',
    });
    expect(sockets.size).toBe(0);
  });
});

describe('no answer', () => {
  test('because the connection is reset before it', async () => {
    const { origin } = await openTcp(servers, (socket) =>
      socket.once('data', () => socket.resetAndDestroy()),
    );
    const fault = await open(transport, requestTo(providerAt(origin))).fault();
    expect(fault).toMatchObject({ code: 'connection_lost', reason: 'ECONNRESET' });
    expect(fault.message).toContain('closed the connection before it answered');
  });

  test('because the connection is closed before it', async () => {
    const { origin } = await openTcp(servers, (socket) => socket.once('data', () => socket.end()));
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'connection_lost',
    });
  });

  test('because what comes is not HTTP', async () => {
    const { origin } = await openTcp(servers, (socket) =>
      socket.once('data', () => socket.end('SSH-2.0-x\r\n\r\n')),
    );
    const fault = await open(transport, requestTo(providerAt(origin))).fault();
    expect(fault.code).toBe('protocol_error');
    expect(fault.message).not.toContain('SSH');
  });

  test('because its headers are beyond all measure', async () => {
    const { origin } = await openTcp(servers, (socket) =>
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`)),
    );
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'protocol_error',
    });
  });
});

describe('an answer that breaks off', () => {
  test('by a reset keeps its events and is lost', async () => {
    const { origin, stream } = await openStream(servers);
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    (await stream).socket?.resetAndDestroy();
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost', reason: 'ECONNRESET' });
    expect(heard.payloads).toEqual([event(0)]);
  });

  test('by a close that was announced is lost all the same, if a chunk is missing', async () => {
    const { origin } = await openTcp(servers, (socket) =>
      socket.once('data', () =>
        socket.end(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n' +
            'transfer-encoding: chunked\r\n\r\n5\r\ndat',
        ),
      ),
    );
    const heard = open(transport, requestTo(providerAt(origin)));
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost', reason: 'HTTP_BROKEN_OFF' });
  });

  test('by nonsense between two chunks is a protocol error', async () => {
    const { origin } = await openTcp(servers, (socket) =>
      socket.once('data', () =>
        socket.write(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nZZ',
        ),
      ),
    );
    expect(await open(transport, requestTo(providerAt(origin))).fault()).toMatchObject({
      code: 'protocol_error',
      reason: 'HTTP_MALFORMED',
    });
  });

  test('by a close in the middle of a chunked body is lost', async () => {
    const { origin, stream } = await openStream(servers);
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    (await stream).socket?.end();
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
  });

  test('in the middle of a paused stream is lost, once it is resumed', async () => {
    const { origin, stream } = await openStream(servers);
    const heard = open(transport, requestTo(providerAt(origin)));
    await heard.events(1);
    heard.attempt.pause();
    (await stream).socket?.resetAndDestroy();
    heard.attempt.resume();
    expect(await heard.fault()).toMatchObject({ code: 'connection_lost' });
  });
});
