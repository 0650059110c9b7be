/** How a turn on a provider's WebSocket ends when the socket does, or should. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { closePayload, encodeFrame, Opcode } from '../harness/raw-websocket.ts';
import {
  at,
  say,
  Scene,
  WebSocketProvider,
  wholeResponse,
  type ServedSocket,
} from '../unit/provider/socket-setup.ts';

const created = (socket: ServedSocket) => say(socket, { type: 'response.created', response: { id: 'r' } });

/** What a provider cannot send through a library. */
function sendRaw({ tcp }: ServedSocket, opcode: number, payload: Buffer): void {
  tcp.write(encodeFrame({ opcode, payload, isMasked: false }));
}

describe('the provider closes within a turn', () => {
  test.each([
    [1000, 'socket_closed'],
    [1001, 'socket_closed'],
    [1008, 'socket_closed'],
    [1009, 'request_too_large'],
    [1011, 'socket_closed'],
    [1012, 'socket_closed'],
    [1013, 'socket_closed'],
    [4402, 'socket_closed'],
  ])('with %d: the turn hears of it as %s', async (code, fault) => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) => {
      created(socket);
      socket.ws.close(code, 'their own words');
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(await turn.end()).toMatchObject({
      kind: 'lost',
      isStale: false,
      fault: { code: fault, closeCode: code },
    });
    expect(turn.types).toEqual(['response.created']);
    expect((await turn.fault()).message).not.toContain('their own words');
    expect(scene.facts.at(-1)).toMatchObject({ reason: 'remote', closeCode: code, turns: 1 });
  });

  test('without a code', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) => socket.ws.close();
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(await turn.fault()).toMatchObject({ code: 'socket_closed', closeCode: 1005 });
  });

  test('a connection that is reset is lost', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) => socket.tcp.resetAndDestroy();
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(await turn.end()).toMatchObject({
      kind: 'lost',
      isStale: false,
      fault: { code: 'connection_lost', reason: 'ECONNRESET' },
    });
    expect(await scene.closed()).toEqual(['lost']);
  });
});

describe('a socket that was open before, and brings nothing', () => {
  test.each([
    [1000, true],
    [1001, true],
    [1012, true],
    [1008, false],
    [1011, false],
    [1013, false],
    [4402, false],
  ])('closed with %d: may have been dead already is %p', async (code, isStale) => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    server.answer = (socket) => socket.ws.close(code);
    expect(await scene.turn(at(server.origin), sockets).end()).toMatchObject({ kind: 'lost', isStale });
    server.answer = wholeResponse;
    await scene.complete(at(server.origin), sockets);
    expect(server.upgrades).toHaveLength(2);
  });

  test('reset: the turn may try a fresh one; after an event it may not', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    for (const [before, isStale] of [
      [() => undefined, true],
      [created, false],
    ] as const) {
      const sockets = scene.owner();
      server.answer = wholeResponse;
      await scene.complete(at(server.origin), sockets);
      server.answer = (socket) => {
        before(socket);
        socket.tcp.end();
      };
      expect(await scene.turn(at(server.origin), sockets).end()).toMatchObject({
        kind: 'lost',
        isStale,
        fault: { code: 'connection_lost' },
      });
    }
  });

  test('too old, as the provider says: as if it were closed; on a fresh socket the event passes', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    server.answer = (socket) =>
      say(socket, { type: 'error', status: 400, error: { code: 'websocket_connection_limit_reached' } });
    const turn = scene.turn(at(server.origin), sockets);
    expect(await turn.end()).toMatchObject({ kind: 'lost', isStale: true });
    expect(turn.payloads).toEqual([]);
    expect(await scene.closed()).toEqual(['age']);
    const fresh = scene.turn(at(server.origin), sockets);
    await fresh.events(1);
    expect(fresh.types).toEqual(['error']);
    expect(await scene.closed(2)).toEqual(['age', 'age']);
  });
});

describe('what no event is', () => {
  test.each<[string, (socket: ServedSocket) => void, string, number]>([
    ['a binary message', (socket) => socket.ws.send(Buffer.from('{}')), 'binary', 1003],
    [
      'text that is not UTF-8',
      (socket) => sendRaw(socket, Opcode.text, Buffer.of(0xff, 0xfe)),
      'UTF-8',
      1007,
    ],
    [
      'an event beyond its limit',
      (socket) => socket.ws.send(`{"type":"${'x'.repeat(2_000)}"}`),
      'above 1000 bytes',
      1009,
    ],
    ['a frame that is none', (socket) => sendRaw(socket, 3, Buffer.alloc(0)), 'frame', 1002],
    [
      'a close code that is none',
      (socket) => sendRaw(socket, Opcode.close, closePayload(1005)),
      'frame',
      1002,
    ],
  ])('%s ends the turn and the socket', async (_what, misbehave, words, code) => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ limits: { maxEventBytes: 1_000 } });
    server.answer = (socket) => {
      created(socket);
      misbehave(socket);
    };
    const sockets = scene.owner();
    const turn = scene.turn(at(server.origin), sockets);
    const fault = await turn.fault();
    expect(fault).toMatchObject({ code: 'protocol_error' });
    expect(fault.message).toContain(words);
    expect(turn.types).toEqual(['response.created']);
    expect(await scene.closed()).toEqual(['protocol']);
    await until(() => server.last.closed?.code === code, `close ${code}`);
    server.answer = wholeResponse;
    await scene.complete(at(server.origin), sockets);
  });

  test('text that is no object is dropped, as over HTTP', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket, frame) => {
      socket.ws.send('[DONE]');
      wholeResponse(socket, frame);
    };
    expect((await scene.complete(at(server.origin), scene.owner())).types[0]).toBe('response.created');
  });

  test('an event while no turn runs closes the socket, so that no turn takes it for its own', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    for (const type of ['keepalive', 'codex.rate_limits', 'response.metadata']) say(server.last, { type });
    await scene.complete(at(server.origin), sockets);
    expect(server.upgrades).toHaveLength(1);
    say(server.last, { type: 'response.output_text.delta', delta: 'late' });
    expect(await scene.closed()).toEqual(['protocol']);
    const turn = await scene.complete(at(server.origin), sockets);
    expect(turn.types).toEqual(['response.created', 'response.output_text.delta', 'response.completed']);
    expect(server.upgrades).toHaveLength(2);
  });
});

describe('the turn leaves', () => {
  test('an abort closes the socket with 1000, and the provider sees it at once', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = created;
    const turn = scene.turn(at(server.origin), scene.owner());
    await turn.events(1);
    turn.attempt.abort();
    await until(() => server.last.closed?.code === 1000, 'the close frame');
    expect(await scene.closed()).toEqual(['aborted']);
    expect(turn.ends).toEqual([]);
  });

  test('a provider that does not answer the close frame is cut off', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { closeAnswerMs: 50 } });
    server.answer = (socket) => {
      created(socket);
      socket.ws.pause();
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    await turn.events(1);
    turn.attempt.abort();
    expect(await scene.closed()).toEqual(['aborted']);
    expect(scene.facts.at(-1)).toMatchObject({ closeCode: undefined });
    server.last.ws.resume();
    await until(() => server.connections === 0, 'the end of the connection');
  });

  test('before its frame was sent an open socket stays open', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    scene.turn(at(server.origin), sockets).attempt.abort();
    await scene.complete(at(server.origin), sockets);
    expect(server.upgrades).toHaveLength(1);
    expect(server.last.received).toHaveLength(2);
  });

  test('while its socket is dialled the dial ends', async () => {
    await using server = await WebSocketProvider.open();
    server.refuse = () => true;
    await using scene = new Scene();
    const turn = scene.turn(at(server.origin), scene.owner());
    await until(() => server.upgrades.length === 1, 'the upgrade');
    turn.attempt.abort();
    await until(() => server.connections === 0, 'the end of the connection');
    expect(turn.ends).toEqual([]);
    expect(scene.facts).toEqual([]);
  });

  test('the owner leaves: a busy socket is ended, and its turn hears of that', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = created;
    const sockets = scene.owner();
    const turn = scene.turn(at(server.origin), sockets);
    await turn.events(1);
    sockets.close();
    sockets.close();
    expect(await turn.end()).toMatchObject({
      kind: 'lost',
      isStale: false,
      fault: { code: 'connection_lost' },
    });
    expect(await scene.closed()).toEqual(['owner']);
    expect(await scene.turn(at(server.origin), sockets).fault()).toMatchObject({ code: 'connect_failed' });
  });
});

describe('a turn that does not read', () => {
  test('holds the provider back, and its memory is bounded', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const bytes = 1 << 19;
    let sent = 0;
    server.answer = (socket) => {
      const more = (): void => {
        if (sent >= 40) return say(socket, { type: 'response.completed', response: { id: 'r' } });
        sent += 1;
        socket.ws.send(`{"type":"response.output_text.delta","delta":"${'x'.repeat(bytes)}"}`, more);
      };
      more();
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    await turn.events(1);
    turn.attempt.pause();
    await until(() => server.last.ws.bufferedAmount > 0, 'the provider to be held back');
    const heldAt = performance.now();
    await until(() => performance.now() - heldAt > 200, 'time in which all of it could have come');
    // what the two kernels hold is some ten MB at most; the rest waits where it is made
    expect(sent).toBeLessThan(40);
    expect(turn.payloads.length).toBeLessThan(20);
    turn.attempt.resume();
    await turn.completed();
    expect(turn.bytes).toBeGreaterThan(40 * bytes);
  });

  test('is let go all the same: the socket closes though nothing was read', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) => {
      created(socket);
      for (let n = 0; n < 8; n += 1) socket.ws.send(`{"type":"x","y":"${'x'.repeat(1 << 20)}"}`);
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    turn.onType = () => turn.attempt.pause();
    await turn.events(1);
    turn.attempt.abort();
    expect(await scene.closed()).toEqual(['aborted']);
    await until(() => server.last.closed?.code === 1000, 'the close frame');
  });

  test('an event for which the process has no room ends its turn', async () => {
    await using server = await WebSocketProvider.open();
    let taken = 0;
    const answers = {
      take: (bytes: number) => (taken + bytes > 1 << 20 ? false : ((taken += bytes), true)),
      give: (bytes: number) => void (taken -= bytes),
    };
    await using scene = new Scene({ answers });
    server.answer = (socket) => {
      created(socket);
      socket.ws.send(`{"type":"x","y":"${'x'.repeat(4 << 20)}"}`);
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(await turn.fault()).toMatchObject({ code: 'no_room' });
    await scene.closed();
    expect(taken).toBe(0);
  });
});
