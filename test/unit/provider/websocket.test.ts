/** Turns on WebSockets of providers: which socket they go out on, and what passes. Against real servers. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../../harness/wait-for.ts';
import { fields, routeTo } from './provider-setup.ts';
import { at, say, Scene, WebSocketProvider, wholeResponse } from './socket-setup.ts';

const LANES = { capabilities: new Set(['Lanes'] as const) };

describe('one socket for a client connection', () => {
  test('ten turns take one dial', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const provider = at(server.origin);
    const sockets = scene.owner();
    const turns = [];
    for (let n = 0; n < 10; n += 1) turns.push(await scene.complete(provider, sockets));
    expect(server.upgrades).toHaveLength(1);
    expect(turns.map(({ dials }) => dials.length)).toEqual([1, ...Array<number>(9).fill(0)]);
    expect(turns.map(({ ends }) => ends.length)).toEqual(Array<number>(10).fill(0));
    sockets.close();
    expect(await scene.closed()).toEqual(['owner']);
    expect(scene.facts).toMatchObject([
      { kind: 'provider-socket.opened', route: 'ai/coding', provider: 'openai', use: 'turns' },
      { kind: 'provider-socket.closed', turns: 10, closeCode: 1000 },
    ]);
  });

  test('the bytes of a frame and of its events pass unchanged', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const odd = '{ "type" : "response.output_text.delta",\n "delta":"\\u00e9é😀", "x": [1, 2 ] }';
    server.answer = (socket, frame) => {
      socket.ws.send(odd);
      wholeResponse(socket, frame);
    };
    const body = [Buffer.from('{ "type":"response.create",'), Buffer.from('"input":"é😀" }')];
    const turn = await scene.complete(at(server.origin), scene.owner(), { body });
    expect(server.last.received).toEqual([Buffer.concat(body).toString()]);
    expect(turn.payloads[0]).toBe(odd);
  });

  test('the answer is told before the first event, with the headers of the handshake that was made for it', async () => {
    await using server = await WebSocketProvider.open();
    server.headers = ['x-codex-turn-state: sticky', 'x-ratelimit-limit-requests: 5', 'set-cookie: no=no'];
    await using scene = new Scene();
    const sockets = scene.owner();
    const first = await scene.complete(at(server.origin), sockets);
    const second = await scene.complete(at(server.origin), sockets);
    expect(first.answers).toEqual([
      {
        status: 101,
        httpVersion: '1.1',
        headers: { 'x-ratelimit-limit-requests': '5' },
        turnState: 'sticky',
      },
    ]);
    expect(second.answers).toEqual([{ status: 101, httpVersion: '1.1', headers: {}, turnState: undefined }]);
  });

  test("what comes right behind the 101 is the first turn's", async () => {
    await using server = await WebSocketProvider.open();
    server.onConnect = (socket) => say(socket, { type: 'codex.rate_limits', n: 1 });
    await using scene = new Scene();
    const turn = await scene.complete(at(server.origin), scene.owner());
    expect(turn.types).toEqual([
      'codex.rate_limits',
      'response.created',
      'response.output_text.delta',
      'response.completed',
    ]);
  });

  test('a dial is told with its times', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const [dial] = (await scene.complete(at(server.origin), scene.owner())).dials;
    expect(dial).toMatchObject({ dnsMs: undefined, tlsMs: undefined, fault: undefined });
    expect(dial?.tcpMs).toBeGreaterThan(0);
    expect(dial?.upgradeMs).toBeGreaterThan(0);
    expect((dial?.tcpMs ?? 0) + (dial?.upgradeMs ?? 0)).toBeLessThanOrEqual(
      (dial?.endedAt ?? 0) - (dial?.startedAt ?? 0) + 0.001,
    );
  });

  test('the handshake has what the policy lets through, and neither trace nor body headers', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const clientHeaders = fields({
      'openai-beta': 'responses_websockets=2026-02-06',
      traceparent: '00-1-2-01',
      'content-type': 'application/json',
      'sec-websocket-key': 'theirs',
      cookie: 'no',
      session_id: 's',
      'x-codex-turn-state': 'token',
    });
    const provider = at(server.origin, {
      query: 'api-version=1',
      headers: { set: fields({ 'x-set': 'yes' }), add: [], remove: new Set() },
    });
    await scene.complete(provider, scene.owner({ clientHeaders, clientQuery: 'a=b' }));
    const { headers, url } = server.upgrades[0]!;
    expect(url).toBe('/v1/responses?api-version=1&a=b');
    expect(headers).toMatchObject({
      'openai-beta': 'responses_websockets=2026-02-06',
      session_id: 's',
      'x-set': 'yes',
      'x-codex-turn-state': 'token',
      'x-turnbridge-via': 'bridge-1',
      'sec-websocket-version': '13',
    });
    expect(headers['sec-websocket-key']).not.toBe('theirs');
    for (const name of [
      'traceparent',
      'content-type',
      'accept',
      'cookie',
      'sec-websocket-extensions',
      'sec-websocket-protocol',
    ]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test('a changed key takes a new socket, and the old one is closed', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    const withKey = (value: string) =>
      at(server.origin, { headers: { set: fields({ 'x-key': value }), add: [], remove: new Set() } });
    const { responseId } = await scene.complete(withKey('one'), sockets);
    const changed = withKey('two');
    expect(sockets.holds({ route: routeTo(changed), provider: changed, lane: '' }, responseId!)).toBe(false);
    await scene.complete(changed, sockets);
    expect(server.upgrades.map(({ headers }) => headers['x-key'])).toEqual(['one', 'two']);
    expect(await scene.closed()).toEqual(['stale']);
  });

  test('a snapshot that changes nothing for the provider keeps the socket', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    await scene.complete(at(server.origin), sockets);
    await scene.complete(at(server.origin), sockets);
    expect(server.upgrades).toHaveLength(1);
  });

  test('a turn whose socket is busy gets one of its own, and neither is disturbed', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const held: (() => void)[] = [];
    server.answer = (socket, frame) => held.push(() => wholeResponse(socket, frame));
    const sockets = scene.owner();
    const one = scene.turn(at(server.origin), sockets);
    await until(() => held.length === 1, 'the first frame');
    const two = scene.turn(at(server.origin), sockets);
    await until(() => held.length === 2, 'the second frame');
    for (const answer of held) answer();
    await one.completed();
    await two.completed();
    expect(server.upgrades).toHaveLength(2);
    expect(scene.reasons()).toEqual([]);
  });

  test('lanes of a provider without lanes have a socket each, and keep it', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const sockets = scene.owner();
    for (const lane of ['', 'a', 'b', 'a', '', 'b'])
      await scene.complete(at(server.origin), sockets, { lane });
    expect(server.upgrades).toHaveLength(3);
    expect(server.sockets.map(({ received }) => received.length)).toEqual([2, 2, 2]);
  });
});

describe('what a socket remembers', () => {
  test('the latest response of its lane, until a turn is on it again', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const provider = at(server.origin);
    const sockets = scene.owner();
    const target = { route: routeTo(provider), provider, lane: '' };
    const first = await scene.complete(provider, sockets);
    expect(sockets.holds(target, first.responseId!)).toBe(true);
    expect(sockets.holds({ ...target, lane: 'other' }, first.responseId!)).toBe(false);
    const second = scene.turn(provider, sockets, { previousResponseId: first.responseId });
    expect(sockets.holds(target, first.responseId!)).toBe(false);
    await second.completed();
    expect(sockets.holds(target, first.responseId!)).toBe(false);
    expect(sockets.holds(target, second.responseId!)).toBe(true);
  });

  test('a turn that fails to continue a response has it forgotten; another failure has not', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const provider = at(server.origin);
    const sockets = scene.owner();
    const target = { route: routeTo(provider), provider, lane: '' };
    const { responseId } = await scene.complete(provider, sockets);
    server.answer = (socket) => say(socket, { type: 'error', status: 400, error: { message: 'no' } });
    await scene.turn(provider, sockets).events(1);
    expect(sockets.holds(target, responseId!)).toBe(true);
    await scene.turn(provider, sockets, { previousResponseId: responseId }).events(1);
    expect(sockets.holds(target, responseId!)).toBe(false);
    expect(server.upgrades).toHaveLength(1);
  });
});

describe('sockets of HTTP clients', () => {
  const http = { entry: 'http' as const };

  test('one waits for the next request of the same tenant, and goes on where it stopped', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const provider = at(server.origin);
    const target = { route: routeTo(provider), provider, lane: '' };
    const first = scene.owner(http);
    const { responseId } = await scene.complete(provider, first);
    first.close();
    const stranger = scene.owner({ ...http, tenant: 'another' });
    expect(stranger.holds(target, responseId!)).toBe(false);
    const second = scene.owner({
      ...http,
      clientHeaders: fields({ 'x-client-request-id': 'new', 'x-stainless-retry-count': '1' }),
    });
    expect(second.holds(target, responseId!)).toBe(true);
    await scene.complete(provider, second, { previousResponseId: responseId });
    second.close();
    expect(server.upgrades).toHaveLength(1);
    expect(server.upgrades[0]?.headers).not.toHaveProperty('x-client-request-id');
    await scene.complete(provider, stranger);
    expect(server.upgrades).toHaveLength(2);
  });

  test('a few conversations are left alone; beyond these the oldest socket serves a new one', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene({ socketLimits: { keptChains: 2 } });
    const provider = at(server.origin);
    for (let n = 0; n < 6; n += 1) {
      const owner = scene.owner(http);
      await scene.complete(provider, owner);
      owner.close();
    }
    expect(server.upgrades).toHaveLength(2);
    expect(server.sockets.map(({ received }) => received.length)).toEqual([3, 3]);
  });

  test('a request that was given up leaves no socket behind', async () => {
    await using server = await WebSocketProvider.open();
    server.answer = () => undefined;
    await using scene = new Scene();
    const owner = scene.owner(http);
    const turn = scene.turn(at(server.origin), owner);
    await until(() => server.sockets[0]?.received.length === 1, 'the frame');
    turn.attempt.abort();
    owner.close();
    expect(await scene.closed()).toEqual(['aborted']);
    expect(turn.ends).toEqual([]);
  });
});

describe('a provider with lanes', () => {
  test('has one socket for all of them, and each hears its own events as they came', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const frames: Record<string, unknown>[] = [];
    server.answer = (socket, frame) => {
      frames.push(frame);
      if (frames.length < 3) return;
      for (const type of ['response.created', 'response.output_text.delta', 'response.completed']) {
        for (const each of frames)
          say(
            socket,
            { type, for: each['stream_id'] ?? '', response: { id: `of_${String(each['stream_id'])}` } },
            each,
          );
      }
    };
    const sockets = scene.owner();
    const provider = at(server.origin, LANES);
    const lanes = ['', 'a', 'b'];
    const turns = lanes.map((lane) =>
      scene.turn(provider, sockets, {
        lane,
        body: [Buffer.from(JSON.stringify({ type: 'response.create', ...(lane && { stream_id: lane }) }))],
      }),
    );
    for (const turn of turns) await turn.completed();
    expect(server.upgrades).toHaveLength(1);
    for (const [n, turn] of turns.entries()) {
      expect(turn.payloads.map((text) => (JSON.parse(text) as { for: string }).for)).toEqual(
        Array(3).fill(lanes[n]),
      );
    }
    expect(turns[1]?.payloads[1]).toContain('"stream_id":"a"');
    // a fork: what one lane remembers serves another
    expect(sockets.holds({ route: routeTo(provider), provider, lane: 'new' }, 'of_a')).toBe(true);
  });

  test('an abandoned lane is closed until its response has ended; the others go on', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket, frame) =>
      say(socket, { type: 'response.created', response: { id: 'r' } }, frame);
    const sockets = scene.owner();
    const provider = at(server.origin, LANES);
    const inLane = (lane: string) => ({
      lane,
      body: [Buffer.from(`{"type":"response.create","stream_id":"${lane}"}`)],
    });
    const kept = scene.turn(provider, sockets, inLane('kept'));
    const left = scene.turn(provider, sockets, inLane('left'));
    await kept.events(1);
    await left.events(1);
    left.attempt.abort();
    const shared = server.last;
    say(shared, { type: 'response.output_text.delta' }, { stream_id: 'left' });
    say(shared, { type: 'response.output_text.delta' }, { stream_id: 'kept' });
    await kept.events(2);
    expect(left.payloads).toHaveLength(1);
    const elsewhere = scene.turn(provider, sockets, inLane('left'));
    await elsewhere.events(1);
    expect(server.upgrades).toHaveLength(2);
    say(shared, { type: 'response.completed' }, { stream_id: 'left' });
    say(shared, { type: 'response.completed' }, { stream_id: 'kept' });
    await kept.completed();
    expect(left.payloads).toHaveLength(1);
    // it serves on: what it has dropped was known
    expect(sockets.holds({ route: routeTo(provider), provider, lane: 'kept' }, 'r')).toBe(true);
    expect(sockets.holds({ route: routeTo(provider), provider, lane: 'left' }, 'r')).toBe(true);
  });

  test('an error that names no lane reaches the one turn that waits', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) =>
      say(socket, { type: 'error', status: 400, error: { code: 'invalid_stream_id' } });
    const turn = scene.turn(at(server.origin, LANES), scene.owner(), { lane: 'a' });
    await turn.events(1);
    expect(turn.types).toEqual(['error']);
  });
});

describe('what an event may bring', () => {
  test('the header that names the model stays here, and response.done is renamed', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) => {
      say(socket, { type: 'response.metadata', headers: { 'openai-model': 'x', keep: 'y' } });
      say(socket, { type: 'response.created', response: { id: 'r' } });
      say(socket, { type: 'response.done', response: { id: 'r' } });
    };
    const turn = await scene.complete(at(server.origin), scene.owner());
    expect(turn.payloads[0]).toBe('{"type":"response.metadata","headers":{"keep":"y"}}');
    expect(turn.types).toEqual(['response.metadata', 'response.created', 'response.completed']);
  });

  test('a provider that only resembles the API is mended as over HTTP', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket) =>
      say(socket, { type: 'response.completed', response: { id: 'r', output: [] } });
    const turn = await scene.complete(at(server.origin, { dialect: 'Compatible' }), scene.owner());
    expect(turn.types).toEqual(['response.created', 'response.completed']);
  });

  test('frames of the turn pass after it was sent, and not before or after', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    server.answer = (socket, frame) => {
      if (frame['type'] === 'response.create')
        say(socket, { type: 'response.created', response: { id: 'r' } });
      else say(socket, { type: 'response.completed', response: { id: 'r' } });
    };
    const turn = scene.turn(at(server.origin), scene.owner());
    expect(turn.attempt.send(Buffer.from('{}'))).toBe('no');
    await turn.events(1);
    expect(turn.attempt.send(Buffer.from('{"type":"response.steer"}'))).toBe('sent');
    await turn.completed();
    expect(turn.attempt.send(Buffer.from('{}'))).toBe('no');
    expect(server.last.received).toEqual(['{"type":"response.create"}', '{"type":"response.steer"}']);
  });

  test('a listener that makes a mistake ends its own attempt and no other', async () => {
    await using server = await WebSocketProvider.open();
    await using scene = new Scene();
    const turn = scene.turn(at(server.origin), scene.owner());
    turn.onType = () => {
      throw new Error('ours');
    };
    expect(await turn.fault()).toMatchObject({ code: 'connection_lost' });
    expect(scene.mistakes).toMatchObject([{ message: 'ours' }]);
    await scene.complete(at(server.origin), scene.owner());
  });
});
