/** Turns over a provider's WebSocket: what arrives there, what comes back, and on how many sockets. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { ask, codexHeaders, idOf, said, textOf, typesOf, type JsonObject } from './scene.ts';
import { openProviders, type ProviderWishes } from './providers-scene.ts';

const overSocket = (wishes: ProviderWishes = {}): { readonly a: ProviderWishes } => ({
  a: {
    webSocket: 'on',
    keepsSent: true,
    ...wishes,
    route: { transport: 'WebSocket', ...wishes.route },
  },
});

const codexFrame = `{"type":"response.create", "model":"gpt", "input":[ ${JSON.stringify(said('Zoë'))} ],"store":false,"stream":true,
 "client_metadata":{"x-codex-turn-metadata":"{\\"a\\":1}","ws_request_header_traceparent":"00-1"},"unknown":{"a":[1,2]} }`;

describe('where nothing has to be said otherwise', () => {
  test('the provider gets the very bytes of the client’s frame, and the client those of its events', async () => {
    await using one = await openProviders(overSocket());
    const client = await one.connect({ headers: codexHeaders });
    client.send(codexFrame);
    await client.events();
    const [request] = one.providers.a.requests;
    expect(request?.rawBody.toString()).toBe(codexFrame);
    expect(client.frames.map(({ text }) => text)).toEqual(request?.sent);
  });

  test('ten turns go out on one socket, each with the id that the last one ended with', async () => {
    await using one = await openProviders(overSocket());
    const client = await one.connect();
    let id: string | undefined;
    for (let n = 0; n < 10; n++) {
      const events = await ask(client, {
        ...(id === undefined ? {} : { previous_response_id: id }),
        input: [said(`turn ${n}`)],
      });
      id = idOf(events);
    }
    const { requests, upgrades } = one.providers.a;
    expect(upgrades).toBe(1);
    expect(requests.map(({ body }) => JSON.stringify(body.input).includes('turn 0'))).toEqual([
      true,
      ...Array<boolean>(9).fill(false),
    ]);
    expect(JSON.stringify(requests[9]?.context.input)).toMatch(/turn 0.*turn 9/);
  });

  test('an error before the response leaves the socket to the next turn', async () => {
    await using one = await openProviders(
      overSocket({ script: ({ number }) => (number === 1 ? { status: { code: 400 } } : [{ text: 'ok' }]) }),
    );
    const client = await one.connect();
    expect(typesOf(await ask(client, { input: [said('hi')] }))).toEqual(['error']);
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('ok');
    expect(one.providers.a.upgrades).toBe(1);
  });
});

describe('lanes', () => {
  test('share one socket of a provider that has them, in whose events their names pass as they are', async () => {
    await using one = await openProviders(
      overSocket({ webSocket: { lanes: true }, route: { capabilities: ['Lanes'] } }),
    );
    const client = await one.connect();
    const lanes = ['a', 'b', 'c'];
    for (const lane of lanes) client.create({ model: 'm', stream_id: lane, input: [said(lane)] });
    for (const lane of lanes) await client.events({ lane });
    expect(one.providers.a.upgrades).toBe(1);
    expect(one.providers.a.requests.map(({ streamId }) => String(streamId)).toSorted()).toEqual(lanes);
    const sent = one.providers.a.requests.flatMap((request) => request.sent);
    expect(client.frames.map(({ text }) => text).toSorted()).toEqual([...sent].toSorted());
  });

  test('have a socket each at a provider that has none, and their names are put in here', async () => {
    await using one = await openProviders(overSocket());
    const client = await one.connect();
    const answers = await Promise.all([
      ask(client, { stream_id: 'a', input: [said('1')] }),
      ask(client, { stream_id: 'b', input: [said('2')] }),
    ]);
    for (const [n, events] of answers.entries()) {
      expect(new Set(events.map((event) => event['stream_id']))).toEqual(new Set([['a', 'b'][n]]));
    }
    expect(one.providers.a.upgrades).toBe(2);
    expect(one.providers.a.requests.map(({ rawBody }) => rawBody.includes('stream_id'))).toEqual([
      false,
      false,
    ]);
  });
});

describe('what has to be said otherwise', () => {
  test('a model that the route maps, and nothing else', async () => {
    await using one = await openProviders(
      overSocket({ route: { modelMapping: [{ from: 'm', to: 'real-m' }] } }),
    );
    const client = await one.connect();
    await ask(client, { input: [said('hi')], tools: [], metadata: { a: 'b' } });
    const text = one.providers.a.requests[0]?.rawBody.toString() ?? '';
    expect(JSON.parse(text)).toEqual({
      type: 'response.create',
      model: 'real-m',
      input: [said('hi')],
      tools: [],
      metadata: { a: 'b' },
    });
  });

  test('a warm-up passes as it is, and its id goes on from there', async () => {
    await using one = await openProviders(overSocket());
    const client = await one.connect();
    const warm = await ask(client, { generate: false, input: [said('instructions')] });
    expect(idOf(warm)).not.toMatch(/^resp_tb/);
    const next = await ask(client, { previous_response_id: idOf(warm), input: [said('hi')] });
    expect(typesOf(next).at(-1)).toBe('response.completed');
    const [first, second] = one.providers.a.requests;
    expect(first?.body['generate']).toBe(false);
    expect(JSON.stringify(second?.context.input)).toMatch(/instructions.*hi/);
    expect(await one.scene.bridge.metric('turnbridge_turns_total')).toBe(1);
  });
});

describe('a client over HTTP', () => {
  const post = async (url: string, body: JsonObject, headers: Record<string, string> = {}) =>
    fetch(`${url}/responses`, { method: 'POST', headers, body: JSON.stringify({ model: 'm', ...body }) });

  test('is served by a WebSocket too: as a stream', async () => {
    await using one = await openProviders(overSocket({ script: [{ text: 'over a socket' }] }));
    const response = await post(one.scene.bridge.url, { stream: true, input: 'hi' });
    expect(response.headers.get('content-type')).toMatch(/event-stream/);
    const text = await response.text();
    expect(text).toContain('over a socket');
    expect(text).toContain('event: response.completed');
    const [request] = one.providers.a.requests;
    expect(JSON.parse(request?.rawBody.toString() ?? '')).toEqual({
      type: 'response.create',
      model: 'm',
      input: 'hi',
    });
  });

  test('its own headers travel in client_metadata, where it has not written them itself', async () => {
    await using one = await openProviders(overSocket());
    const response = await post(
      one.scene.bridge.url,
      { input: 'hi', client_metadata: { thread_id: 'mine' } },
      {
        'x-codex-turn-metadata': '{"a":1}',
        'thread-id': 'header',
        'session-id': 's-1',
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      },
    );
    expect(response.status).toBe(200);
    expect(one.providers.a.requests[0]?.body['client_metadata']).toEqual({
      thread_id: 'mine',
      'x-codex-turn-metadata': '{"a":1}',
      session_id: 's-1',
      ws_request_header_traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    });
  });

  test('what it says of one request is no part of the handshake: the next one finds the socket', async () => {
    await using one = await openProviders(overSocket());
    const { url } = one.scene.bridge;
    const ofRequest = (n: string) => ({
      'x-codex-window-id': `t:${n}`,
      'x-codex-turn-metadata': n,
      'x-codex-turn-state': n,
      'x-codex-parent-thread-id': n,
      'x-openai-subagent': n,
      'x-openai-internal-codex-responses-lite': n,
      'session-id': n,
      'thread-id': n,
    });
    const first = (await (
      await post(url, { input: 'one', store: false }, ofRequest('1'))
    ).json()) as JsonObject;
    const next = { input: 'two', store: false, previous_response_id: first['id'] };
    expect((await post(url, next, ofRequest('2'))).status).toBe(200);
    expect(one.providers.a.upgrades).toBe(1);
    const { headers, body } = one.providers.a.requests[1]!; // the headers are those of its socket's handshake
    expect(Object.keys(ofRequest('')).filter((name) => name in headers)).toEqual([]);
    expect(body['client_metadata']).toMatchObject({
      'x-codex-window-id': 't:2',
      session_id: '2',
      thread_id: '2',
    });
  });

  test('a header that the provider’s entry removes or sets stays out of client_metadata', async () => {
    const headers = {
      remove: ['x-codex-turn-metadata', 'session-id'],
      set: [{ name: 'thread-id', value: 'ours' }],
    };
    await using one = await openProviders(overSocket({ route: { headers } }));
    const sent = {
      'x-codex-turn-metadata': '{"a":1}',
      'x-codex-window-id': 'w',
      'session-id': 's',
      'thread-id': 't',
    };
    expect((await post(one.scene.bridge.url, { input: 'hi' }, sent)).status).toBe(200);
    expect(one.providers.a.requests[0]?.body['client_metadata']).toEqual({ 'x-codex-window-id': 'w' });
  });

  test('continues by id on the socket that its last request left behind', async () => {
    await using one = await openProviders(overSocket());
    const first = (await (
      await post(one.scene.bridge.url, { input: 'one', store: false })
    ).json()) as JsonObject;
    const second = await post(one.scene.bridge.url, {
      input: 'two',
      store: false,
      previous_response_id: first['id'],
    });
    expect(second.status).toBe(200);
    expect(one.providers.a.upgrades).toBe(1);
    expect(JSON.stringify(one.providers.a.requests[1]?.context.input)).toMatch(/one.*two/);
  });
});

describe('a turn that is not wanted any more', () => {
  test('closes its socket, and the next one has a fresh one', async () => {
    const hold = gate();
    await using one = await openProviders(
      overSocket({
        script: ({ number }) => (number === 1 ? [{ text: 'x' }, { until: hold.promise }] : [{ text: 'y' }]),
      }),
    );
    const client = await one.connect();
    client.create({ model: 'm', input: [said('hi')] });
    const created = await client.next('response.created');
    client.send({ type: 'response.interrupt', response_id: (created['response'] as JsonObject)['id'] });
    const events = await client.events();
    expect(typesOf(events).at(-1)).toBe('response.incomplete');
    expect((await one.providers.a.requests[0]?.closed)?.how).toBe('client-closed');
    hold.open();
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('y');
    expect(one.providers.a.upgrades).toBe(2);
  });

  test('is ended by a provider that takes the interrupt itself', async () => {
    await using one = await openProviders(
      overSocket({
        webSocket: { interrupt: 'end' },
        script: [{ text: 'x' }, { stall: true }],
        route: { capabilities: ['Interrupt'] },
      }),
    );
    const client = await one.connect();
    client.create({ model: 'm', input: [said('hi')] });
    const created = await client.next('response.created');
    const id = (created['response'] as JsonObject)['id'];
    client.send({ type: 'response.interrupt', response_id: id });
    expect(typesOf(await client.events()).at(-1)).toBe('response.incomplete');
    expect(one.providers.a.controlFrames.map(({ type }) => type)).toEqual(['response.interrupt']);
    expect(one.providers.a.openSockets).toBe(1);
  });
});
