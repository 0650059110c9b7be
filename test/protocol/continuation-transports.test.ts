/** An id of an earlier response, wherever the next turn goes: the same conversation, or previous_response_not_found. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { ask, idOf, said, textOf, typesOf, type JsonObject } from './scene.ts';
import { openProviders } from './providers-scene.ts';

const notFound = { type: 'error', status: 400, error: { code: 'previous_response_not_found' } };
const socket = { transport: 'WebSocket' };

async function loseSockets(provider: ScriptedProvider): Promise<void> {
  provider.resetSockets();
  await until(() => provider.openSockets === 0, 'the sockets to be gone');
}

describe('when the provider’s socket is lost between turns', () => {
  test('a route with a transcript tells the next one everything', async () => {
    await using one = await openProviders(
      { a: { webSocket: 'on', route: socket } },
      { route: { continuation: { mode: 'Transcript' } } },
    );
    const client = await one.connect();
    const first = await ask(client, { input: [said('one')] });
    await loseSockets(one.providers.a);
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(typesOf(second).at(-1)).toBe('response.completed');
    const { body } = one.providers.a.requests[1]!;
    expect(body['previous_response_id']).toBeUndefined();
    expect(JSON.stringify(body.input)).toMatch(/one.*two/);
    // and from there on again on the socket, by id
    const third = await ask(client, { previous_response_id: idOf(second), input: [said('three')] });
    expect(typesOf(third).at(-1)).toBe('response.completed');
    expect(one.providers.a.requests[2]!.body['previous_response_id']).toBe(idOf(second));
    expect(JSON.stringify(one.providers.a.requests[2]!.context.input)).toMatch(/one.*two.*three/);
  });

  test('a route without one has the provider look for it, whose answer is the client’s', async () => {
    await using one = await openProviders({ a: { webSocket: 'on', route: socket } });
    const client = await one.connect();
    const stored = await ask(client, { store: true, input: [said('kept')] });
    await loseSockets(one.providers.a);
    const known = await ask(client, {
      previous_response_id: idOf(stored),
      store: false,
      input: [said('two')],
    });
    expect(typesOf(known).at(-1)).toBe('response.completed');
    await loseSockets(one.providers.a);
    const unknown = await ask(client, { previous_response_id: idOf(known), input: [said('three')] });
    expect(unknown).toMatchObject([notFound]);
    expect(one.scene.bridge.bridge.usedBytes.transcripts).toBe(0);
  });

  test('what the transcript could not hold is not found, and nothing older is answered', async () => {
    await using one = await openProviders(
      { a: { webSocket: 'on', route: socket } },
      { route: { continuation: { mode: 'Transcript', maxBytesPerConnection: 2_048 } } },
    );
    const client = await one.connect();
    const first = await ask(client, { input: [said('x'.repeat(5_000))] });
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(typesOf(second).at(-1)).toBe('response.completed'); // the socket knows it
    await loseSockets(one.providers.a);
    expect(await ask(client, { previous_response_id: idOf(second), input: [said('three')] })).toMatchObject([
      notFound,
    ]);
    expect(one.providers.a.requests).toHaveLength(2);
  });
});

describe('when another provider has to be asked', () => {
  test('it is told everything, where that is known here', async () => {
    await using two = await openProviders(
      {
        a: { webSocket: 'on', script: [{ text: 'first' }], route: socket },
        b: { webSocket: 'on', script: [{ text: 'from b' }], route: { ...socket, priority: 1 } },
      },
      { route: { continuation: { mode: 'Transcript' } } },
    );
    const client = await two.connect();
    const first = await ask(client, { input: [said('one')] });
    two.providers.a.use(() => ({ status: { code: 503 } }));
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(textOf(second)).toBe('from b');
    expect(JSON.stringify(two.providers.b.requests[0]?.body.input)).toMatch(/one.*first.*two/);
  });

  test('an id that only the first one knows goes nowhere else: the client sends everything', async () => {
    await using two = await openProviders({
      a: { webSocket: 'on', script: [{ text: 'first' }], route: socket },
      b: { webSocket: 'on', script: [{ text: 'from b' }], route: { ...socket, priority: 1 } },
    });
    const client = await two.connect();
    const first = await ask(client, { input: [said('one')] });
    two.providers.a.use(() => ({ status: { code: 503 } }));
    expect(await ask(client, { previous_response_id: idOf(first), input: [said('two')] })).toMatchObject([
      notFound,
    ]);
    expect(two.providers.b.requests).toEqual([]);
    expect(textOf(await ask(client, { input: [said('one'), said('two')] }))).toBe('from b');
  });

  test('a client over HTTP hears the provider’s own error instead', async () => {
    await using two = await openProviders({
      a: { script: () => ({ status: { code: 503 } }) },
      b: { script: [{ text: 'from b' }], route: { priority: 1 } },
    });
    const response = await fetch(`${two.scene.bridge.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'hi', previous_response_id: 'resp_elsewhere' }),
    });
    expect(response.status).toBe(503);
    expect(two.providers.b.requests).toEqual([]);
  });
});

test('a conversation that moves from the WebSocket to HTTP and back stays the same one', async () => {
  await using one = await openProviders({
    a: { webSocket: 'on', route: { transport: 'Auto', limits: { maxWebSocketMessageBytes: 65_536 } } },
  });
  const client = await one.connect();
  let id = idOf(await ask(client, { input: [said('one')] }));
  for (const text of ['two', `three ${'x'.repeat(70_000)}`, 'four']) {
    id = idOf(await ask(client, { previous_response_id: id, input: [said(text)] }));
  }
  const { requests } = one.providers.a;
  expect(requests.map(({ via }) => via)).toEqual(['websocket', 'websocket', 'http', 'http']);
  expect(JSON.stringify(requests[3]?.context.input)).toMatch(/one.*two.*three.*four/);
});

test('a fork goes on from a response of another lane, at a provider without lanes too', async () => {
  await using one = await openProviders({ a: { webSocket: 'on', route: { transport: 'Auto' } } });
  const client = await one.connect();
  const first = await ask(client, { input: [said('one')] });
  const fork: JsonObject = { stream_id: 'b', previous_response_id: idOf(first), input: [said('two')] };
  expect(typesOf(await ask(client, fork)).at(-1)).toBe('response.completed');
  expect(JSON.stringify(one.providers.a.requests[1]?.context.input)).toMatch(/one.*two/);
});
