/** A turn that continues a response which only its provider knows goes to that one, wherever others would go. */
import { describe, expect, test } from '@jest/globals';
import type { Answer } from '../../src/scripted/script.ts';
import { ask, idOf, said, textOf, type JsonObject } from './scene.ts';
import { openProviders } from './providers-scene.ts';

const busy: Answer = { status: { code: 503, body: { error: { message: 'busy', type: 'server_error' } } } };
const limited: Answer = {
  status: { code: 429, headers: { 'retry-after': '60' }, body: { error: { message: 'no', type: 'x' } } },
};
const socket = { transport: 'WebSocket' };

/** Others are asked first, and `b` only while they fail. */
const WAYS: readonly (readonly [string, JsonObject])[] = [
  ['of a lower tier', { priority: 1 }],
  ['that takes no new conversations (weight 0)', { weight: 0 }],
];

describe('over a socket', () => {
  const open = (ofB: JsonObject) =>
    openProviders({
      a: { webSocket: 'on', script: () => busy, route: socket },
      b: { webSocket: 'on', script: [{ text: 'from b' }], route: { ...socket, ...ofB } },
    });

  test.each(WAYS)('a turn goes on at the provider %s, also once others answer again', async (_, ofB) => {
    await using two = await open(ofB);
    const client = await two.connect();
    const first = await ask(client, { input: [said('one')] });
    two.providers.a.use([{ text: 'from a' }]);
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(textOf(second)).toBe('from b');
    expect(two.asked()).toEqual(['a', 'b', 'b']);
    // what continues nothing goes where all others go
    expect(textOf(await ask(client, { input: [said('new')] }))).toBe('from a');
  });

  test('a fork of an older, stored response goes to who gave it, from another connection too', async () => {
    await using two = await open({ priority: 1 });
    const client = await two.connect();
    const first = await ask(client, { store: true, input: [said('one')] });
    two.providers.a.use([{ text: 'from a' }]);
    const named = { store: true, previous_response_id: idOf(first), input: [said('two')] };
    await ask(client, named);
    expect(textOf(await ask(client, { ...named, stream_id: 'fork' }))).toBe('from b');
    expect(textOf(await ask(await two.connect(), named))).toBe('from b');
  });

  test('a turn is told to send everything while that provider rests', async () => {
    await using two = await open({ priority: 1 });
    const client = await two.connect();
    const first = await ask(client, { input: [said('one')] });
    two.providers.a.use([{ text: 'from a' }]);
    two.providers.b.use(() => limited);
    const next = { previous_response_id: idOf(first), input: [said('two')] };
    await ask(client, next);
    const asked = two.asked().length;
    expect(await ask(client, next)).toMatchObject([{ error: { code: 'previous_response_not_found' } }]);
    expect(two.asked()).toHaveLength(asked);
  });
});

describe('over HTTP', () => {
  const open = (ofB: JsonObject) =>
    openProviders({
      a: { previousIds: 'kept', script: () => busy },
      b: { previousIds: 'kept', script: [{ text: 'from b' }], route: ofB },
    });
  const post = async (url: string, body: JsonObject): Promise<JsonObject> => {
    const answer = await fetch(`${url}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', ...body }),
    });
    return (await answer.json()) as JsonObject;
  };

  test.each(WAYS)('a request goes on at the provider %s, also once others answer again', async (_, ofB) => {
    await using two = await open(ofB);
    const { url } = two.scene.bridge;
    const first = await post(url, { input: 'one' });
    two.providers.a.use([{ text: 'from a' }]);
    const second = await post(url, { previous_response_id: first['id'], input: 'two' });
    expect(JSON.stringify(second['output'])).toContain('from b');
    const third = await post(url, { previous_response_id: second['id'], input: 'three' });
    expect(JSON.stringify(third['output'])).toContain('from b');
    // an id that nobody here has given: by choice
    expect(await post(url, { previous_response_id: 'resp_of_yesterday', input: 'x' })).toHaveProperty(
      'error',
    );
    expect(two.asked()).toEqual(['a', 'b', 'b', 'b', 'a']);
  });

  test('what was not stored is not remembered: no provider over HTTP could go on from it', async () => {
    await using two = await open({ priority: 1 });
    const { url } = two.scene.bridge;
    const first = await post(url, { store: false, input: 'one' });
    two.providers.a.use([{ text: 'from a' }]);
    await post(url, { previous_response_id: first['id'], input: 'two' });
    expect(two.asked()).toEqual(['a', 'b', 'a']);
  });

  test('that provider is asked though it rests: the client knows no other way', async () => {
    await using two = await open({ priority: 1 });
    const { url } = two.scene.bridge;
    const first = await post(url, { input: 'one' });
    two.providers.a.use([{ text: 'from a' }]);
    two.providers.b.use(() => limited);
    const next = { previous_response_id: first['id'], input: 'two' };
    expect(await post(url, next)).toHaveProperty('error');
    two.providers.b.use([{ text: 'from b' }]);
    expect(JSON.stringify((await post(url, next))['output'])).toContain('from b');
  });
});
