/** `transport: Auto`: the provider's WebSocket where there is one, HTTP where not, and the client never notices. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { gate } from '../harness/fake-provider.ts';
import type { WebSocketChoice } from '../../src/scripted/websocket-settings.ts';
import { ask, idOf, logged, said, textOf, typesOf } from './scene.ts';
import { openProviders, type ProviderWishes } from './providers-scene.ts';

const auto = (webSocket: WebSocketChoice, wishes: ProviderWishes = {}): { readonly a: ProviderWishes } => ({
  a: { webSocket, script: [{ text: 'ok' }], ...wishes, route: { transport: 'Auto', ...wishes.route } },
});

describe('an upgrade that is refused', () => {
  test.each([400, 404, 405, 426, 501])(
    'with %i is remembered: the next turns ask over HTTP at once',
    async (status) => {
      await using one = await openProviders(auto({ refuse: { status } }));
      const client = await one.connect();
      for (let n = 0; n < 3; n++) expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('ok');
      expect(one.providers.a.upgrades).toBe(1);
      expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['http', 'http', 'http']);
      const lines = await logged(one.scene.bridge, 'turn.transport_fallback');
      expect(lines[0]).toMatchObject({ provider: 'a', reason: 'not_supported' });
    },
  );

  test.each([401, 403, 429, 500, 503])('with %i is not: that may be over next time', async (status) => {
    await using one = await openProviders(auto({ refuse: { status, times: 1 } }));
    const client = await one.connect();
    for (let n = 0; n < 2; n++) expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('ok');
    expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['http', 'websocket']);
    const [line] = await logged(one.scene.bridge, 'turn.transport_fallback');
    expect(line).toMatchObject({ reason: 'upgrade_refused' });
  });

  test('is the turn’s end where the route wants a WebSocket, with a sentence that says what to do', async () => {
    await using one = await openProviders(
      auto({ refuse: { status: 426 } }, { route: { transport: 'WebSocket' } }),
    );
    const client = await one.connect();
    const [error] = await ask(client, { input: [said('hi')] });
    expect(error).toMatchObject({
      type: 'error',
      status: 400,
      error: { code: 'provider_has_no_websocket' },
    });
    expect(JSON.stringify(error)).toMatch(/has no WebSocket at this URL.*transport/);
    expect(one.providers.a.requests).toEqual([]);
  });

  test('says nothing about the provider’s health', async () => {
    await using two = await openProviders({
      // an answer over HTTP would end any row of failures
      ...auto({ refuse: { status: 503 } }, { script: [{ stall: true }] }),
      b: { script: [{ text: 'b' }], route: { priority: 1 } },
    });
    for (let n = 1; n <= 5; n++) {
      const client = await two.connect();
      client.create({ input: [said('hi')] });
      await until(() => two.providers.a.requests.length === n, 'the request over HTTP');
      client.terminate();
    }
    expect(two.providers.a.upgrades).toBe(5);
    expect(two.providers.b.requests).toEqual([]);
  });
});

test('one client’s 400 leaves the WebSocket to all others, and to itself the next time', async () => {
  await using one = await openProviders(auto('on'));
  const [alice, bob] = [await one.connect(), await one.connect()];
  const first = await ask(alice, { input: [said('hi')] });
  one.providers.a.useWebSocket({ refuse: { status: 400, times: 1 } });
  await ask(bob, { input: [said('hi')] });
  await ask(alice, { previous_response_id: idOf(first), input: [said('on')] });
  await ask(bob, { input: [said('again')] });
  expect(one.providers.a.requests.map(({ via }) => via)).toEqual([
    'websocket',
    'http',
    'websocket',
    'websocket',
  ]);
});

test('an open WebSocket is used on though upgrades are refused now', async () => {
  await using one = await openProviders(auto('on'));
  const [alice, bob] = [await one.connect(), await one.connect()];
  const first = await ask(alice, { input: [said('hi')] });
  one.providers.a.useWebSocket({ refuse: { status: 404 } });
  await ask(bob, { input: [said('hi')] });
  await ask(alice, { previous_response_id: idOf(first), input: [said('on')] });
  await ask(bob, { input: [said('again')] }); // that says nothing about upgrades
  expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['websocket', 'http', 'websocket', 'http']);
  expect(one.providers.a.upgrades).toBe(2);
  expect(one.providers.a.requests[2]!.body['previous_response_id']).toBe(idOf(first));
});

test('a handshake that stalls is waited for by one turn, the next ones go over HTTP at once', async () => {
  const never = gate();
  await using one = await openProviders(auto({ stallUpgrade: never.promise }), {
    route: { timeouts: { connectSeconds: 3 } }, // for HTTP as well
  });
  const client = await one.connect();
  for (let n = 0; n < 3; n++) {
    client.create({ model: 'm', input: [said('hi')] });
    expect(textOf(await client.events({ timeoutMs: 15_000 }))).toBe('ok');
  }
  expect(one.providers.a.upgrades).toBe(1);
  expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['http', 'http', 'http']);
  never.open();
});

test('a handshake that stalls is not waited for longer than timeouts.connectSeconds', async () => {
  const never = gate();
  await using one = await openProviders(auto({ stallUpgrade: never.promise }), {
    route: { timeouts: { connectSeconds: 3 } }, // for HTTP as well
  });
  const client = await one.connect();
  client.create({ model: 'm', input: [said('hi')] });
  expect(textOf(await client.events({ timeoutMs: 15_000 }))).toBe('ok');
  expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['http']);
  const [line] = await logged(one.scene.bridge, 'turn.transport_fallback');
  expect(line).toMatchObject({ reason: 'handshake_timeout' });
  never.open();
});

test('a message beyond the provider’s limit goes over HTTP, the next one over the WebSocket again', async () => {
  await using one = await openProviders(
    auto('on', { route: { limits: { maxWebSocketMessageBytes: 65_536 } } }),
  );
  const client = await one.connect();
  await ask(client, { input: [said('x'.repeat(70_000))] });
  await ask(client, { input: [said('hi')] });
  expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['http', 'websocket']);
});

describe('a socket that is lost', () => {
  test('between turns costs the next one nothing: a fresh one, and the whole conversation', async () => {
    await using one = await openProviders(auto('on'));
    const client = await one.connect();
    const first = await ask(client, { input: [said('one')] });
    one.providers.a.resetSockets();
    await until(() => one.providers.a.openSockets === 0, 'the socket to be gone');
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(typesOf(second).at(-1)).toBe('response.completed');
    const { body, via } = one.providers.a.requests[1]!;
    expect(via).toBe('websocket');
    expect(body['previous_response_id']).toBeUndefined();
    expect(JSON.stringify(body.input)).toMatch(/one.*ok.*two/);
  });

  test('before the first event of its turn: that goes over HTTP', async () => {
    await using one = await openProviders(
      auto('on', {
        script: ({ via }) =>
          via === 'websocket' ? { breakAfter: { events: 0, how: 'reset' } } : [{ text: 'over http' }],
      }),
    );
    const client = await one.connect();
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('over http');
    const [line] = await logged(one.scene.bridge, 'turn.transport_fallback');
    expect(line).toMatchObject({ reason: 'socket_lost' });
  });

  test('in mid response ends the response, and the next turn has a fresh one', async () => {
    await using one = await openProviders(
      auto('on', {
        script: ({ number }) =>
          number === 1
            ? { breakAfter: { events: 3, how: 'reset' }, steps: [{ text: 'x' }] }
            : [{ text: 'ok' }],
      }),
    );
    const client = await one.connect();
    expect(typesOf(await ask(client, { input: [said('hi')] })).at(-1)).toBe('response.failed');
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('ok');
    expect(one.providers.a.requests.map(({ via }) => via)).toEqual(['websocket', 'websocket']);
  });

  test('with the provider’s word that it is spent: the turn goes out on a fresh one', async () => {
    const young = { maxAgeMs: 3_600_000 };
    await using one = await openProviders(auto(young));
    const client = await one.connect();
    await ask(client, { input: [said('one')] });
    young.maxAgeMs = 0; // of the socket that is open
    one.providers.a.useWebSocket('on');
    expect(textOf(await ask(client, { input: [said('two')] }))).toBe('ok');
    expect(one.providers.a.upgrades).toBe(2);
  });
});

test('a warm-up is answered here when the provider turns out to have no WebSocket', async () => {
  await using one = await openProviders(auto({ refuse: { status: 404 } }));
  const client = await one.connect();
  const warm = await ask(client, { generate: false, input: [said('instructions')] });
  expect(idOf(warm)).toMatch(/^resp_tb/);
  await ask(client, { previous_response_id: idOf(warm), input: [said('hi')] });
  expect(one.providers.a.requests.map(({ body }) => body.input)).toEqual([
    [said('instructions'), said('hi')],
  ]);
});

test('a provider that only resembles the API is asked over HTTP, without trying', async () => {
  await using one = await openProviders(auto('on', { route: { dialect: 'Compatible' } }));
  const client = await one.connect();
  await ask(client, { input: [said('hi')] });
  expect(one.providers.a.upgrades).toBe(0);
});
