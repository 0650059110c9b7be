import { describe, expect, test } from '@jest/globals';
import { parseScript } from '../../../src/scripted/parse-script.ts';
import { builtInScripts } from '../../../src/scripted/scripts.ts';
import { connect } from '../../harness/connect.ts';
import { fakeProvider, gate, textAnswer, toolAnswer } from '../../harness/fake-provider.ts';
import { rawHttp } from '../../harness/raw-http.ts';
import { ask } from './ask.ts';
import { idIn, openScene, textIn, typesIn } from './socket-client.ts';

const turn = { model: 'm', input: 'Hi' };

describe('a response.create', () => {
  test('is answered with the JSON of the event stream, byte for byte', async () => {
    const answer = { steps: [{ text: 'Grüße, {{model}}' }, ...toolAnswer('f', { a: 1 })] };
    await using scene = await openScene(answer);
    const { provider, client } = scene;
    client.create(turn);
    await client.events();
    const overSocket = client.frames.map((frame) => frame.text);
    await using twin = await fakeProvider(answer);
    const heard = await ask(twin.url, turn);
    const overHttp = heard.text.split('\n').filter((line) => line.startsWith('data: '));
    // The clock, and the token counts of a request that is a few bytes longer.
    const plain = (text: string): string =>
      text
        .replaceAll(/"(created|completed)_at":\d+/g, '"at":0')
        .replaceAll(/"\w+_tokens":\d+/g, '"tokens":0');
    expect(overSocket.map(plain)).toEqual(overHttp.map((line) => plain(line.slice('data: '.length))));
    expect(provider.requests).toHaveLength(1);
  });

  test('is remembered with its bytes, its lane and the handshake that brought it', async () => {
    await using provider = await fakeProvider('hello', { webSocket: 'on' });
    await using client = await connect(`${provider.url}/responses?a=b`, { headers: { 'X-Thing': '1' } });
    const frame =
      '{ "type":"response.create",\n"model":"m", "input":"Hi", "stream_id":"w.1", "new_field": [1e2] }';
    client.send(frame);
    const events = await client.events({ lane: 'w.1' });
    expect(events.every((event) => event['stream_id'] === 'w.1')).toBe(true);
    const [request] = provider.requests;
    expect(request).toMatchObject({
      number: 1,
      method: 'WS',
      via: 'websocket',
      path: '/v1/responses?a=b',
      streamId: 'w.1',
      headers: { 'x-thing': '1' },
      body: { model: 'm', input: 'Hi', new_field: [100] },
    });
    expect(Object.keys(request?.body ?? {})).toEqual(['model', 'input', 'new_field']);
    expect(request?.rawHeaders).toContainEqual(['X-Thing', '1']);
    expect(request?.rawBody.toString()).toBe(frame);
    expect((await request?.closed)?.how).toBe('finished');
    expect(provider.handshakes).toMatchObject([{ status: 101, socketId: request?.socketId }]);
    expect([provider.upgrades, provider.sockets, provider.openSockets]).toEqual([1, 1, 1]);
  });

  test('that does not generate is answered at once with nothing, and its id goes on', async () => {
    await using scene = await openScene([{ text: '{{inputItems}} items' }]);
    const { client, provider } = scene;
    client.create({ ...turn, generate: false });
    const events = await client.events();
    expect(typesIn(events)).toEqual(['created', 'in_progress', 'completed']);
    client.create({ model: 'm', input: [], previous_response_id: idIn(events.at(-1)) });
    expect(textIn(await client.events())).toBe('1 items');
    expect(provider.requests.map((request) => request.body['generate'])).toEqual([false, undefined]);
  });

  test('keeps its events for a test that wants to compare them', async () => {
    await using scene = await openScene(textAnswer('kept'), { keepsSent: true });
    scene.client.create({ ...turn, stream_id: 'a' });
    await scene.client.events();
    await ask(scene.provider.url, turn);
    const [framed, posted] = scene.provider.requests;
    expect(framed?.sent).toEqual(scene.client.frames.map((frame) => frame.text));
    expect(posted?.sent).toHaveLength(framed?.sent.length ?? 0);
    await using forgetful = await openScene(textAnswer('kept'));
    forgetful.client.create(turn);
    await forgetful.client.events();
    expect(forgetful.provider.requests[0]?.sent).toEqual([]);
  });
});

describe('previous_response_id', () => {
  test('stands for the whole conversation: scripts see what a POST with all of it would show them', async () => {
    await using scene = await openScene('tool-call');
    const { client, provider } = scene;
    client.create({ model: 'm', input: [{ role: 'user', content: 'Weather?' }] });
    const called = await client.events();
    const output = { type: 'function_call_output', call_id: 'call_0001_0', output: 'sunny' };
    client.create({ model: 'm', input: [output], previous_response_id: idIn(called.at(-1)) });
    expect(textIn(await client.events())).toBe('The tool said: sunny');
    const [, second] = provider.requests;
    expect(second?.body.input).toEqual([output]);
    expect(second?.context.input).toMatchObject([{ role: 'user' }, { type: 'function_call' }, output]);
  });

  test.each<[string, object, string | undefined]>([
    ['unknown', { previous_response_id: 'resp_nobody' }, 'previous_response_not_found'],
    ['an older one of the lane', { previous_response_id: 'resp_0001' }, 'previous_response_not_found'],
    ['the latest one of the lane', { previous_response_id: 'resp_0002' }, undefined],
    ['the latest one, from another lane', { previous_response_id: 'resp_0002', stream_id: 'b' }, undefined],
  ])('is %s', async (_name, more, code) => {
    await using scene = await openScene();
    for (let at = 0; at < 2; at += 1) {
      scene.client.create(turn);
      await scene.client.events();
    }
    scene.client.create({ ...turn, ...more });
    const last = (await scene.client.events()).at(-1);
    expect(last).toMatchObject(
      code === undefined
        ? { type: 'response.completed' }
        : { type: 'error', status: 400, error: { code, param: 'previous_response_id' } },
    );
    scene.client.create(turn);
    expect((await scene.client.events()).at(-1)?.['type']).toBe('response.completed');
  });

  test('is forgotten with the socket, unless the response was stored', async () => {
    await using scene = await openScene();
    scene.client.create({ ...turn, store: false });
    await scene.client.events();
    scene.client.create({ ...turn, store: true });
    await scene.client.events();
    await using other = await connect(`${scene.provider.url}/responses`);
    other.create({ ...turn, previous_response_id: 'resp_0001' });
    expect(await other.next()).toMatchObject({ error: { code: 'previous_response_not_found' } });
    other.create({ ...turn, previous_response_id: 'resp_0002' });
    expect((await other.events()).at(-1)?.['type']).toBe('response.completed');
  });

  test('is forgotten when going on from it fails in its own lane, not in another', async () => {
    const rules = [{ when: { model: 'bad' }, answer: 'overloaded' }, { answer: textAnswer('ok') }];
    await using scene = await openScene({ name: 'sometimes', rules });
    const { client } = scene;
    const goOn = async (more: object): Promise<string> => {
      client.create({ ...turn, previous_response_id: 'resp_0001', ...more });
      const last = (await client.events()).at(-1);
      return String((last?.['error'] as { code?: string } | undefined)?.code ?? last?.['type']);
    };
    client.create(turn);
    await client.events();
    expect(await goOn({ model: 'bad', stream_id: 'fork' })).toBe('server_is_overloaded');
    expect(await goOn({ model: 'bad' })).toBe('server_is_overloaded');
    expect(await goOn({})).toBe('previous_response_not_found');
  });

  test.each<['ignored' | 'checked' | 'kept', boolean | undefined, string, number]>([
    ['ignored', false, '1 items', 200],
    ['checked', undefined, '', 400],
    ['checked', true, '3 items', 200],
    ['kept', undefined, '3 items', 200],
    ['kept', false, '', 400],
  ])('over HTTP is %s, stored: %p', async (previousIds, store, said, status) => {
    await using provider = await fakeProvider([{ text: '{{inputItems}} items' }], { previousIds });
    await ask(provider.url, { ...turn, ...(store === undefined ? {} : { store }) });
    const heard = await ask(provider.url, { ...turn, previous_response_id: 'resp_0001' });
    expect([heard.status, textIn(heard.events)]).toEqual([status, said]);
    expect(heard.text.includes('previous_response_not_found')).toBe(status === 400);
  });
});

describe('lanes', () => {
  test('do not wait for one another; requests of one lane do', async () => {
    const hold = gate();
    await using scene = await openScene((request) =>
      request.number === 1 ? [{ begin: true }, { until: hold.promise }, { text: 'one' }] : textAnswer('more'),
    );
    const { client, provider } = scene;
    client.create({ ...turn, stream_id: 'a' });
    client.create({ ...turn, stream_id: 'a' });
    client.create(turn);
    expect(textIn(await client.events({ lane: '' }))).toBe('more');
    await provider.waitForRequest((request) => request.number === 3);
    hold.open();
    expect(textIn(await client.events({ lane: 'a' }))).toBe('one');
    expect(textIn(await client.events({ lane: 'a' }))).toBe('more');
  });

  test('are 16 in flight at most, 32 by name, and well named', async () => {
    const hold = gate();
    let started = 0;
    await using scene = await openScene(() => {
      started += 1;
      return [{ begin: true }, { until: hold.promise }];
    });
    const { client, provider } = scene;
    for (let at = 0; at < 33; at += 1) client.create({ ...turn, stream_id: `lane-${String(at)}` });
    expect(await client.next('error')).toMatchObject({
      error: { code: 'websocket_stream_limit_reached' },
      stream_id: 'lane-32',
    });
    client.create({ ...turn, stream_id: 'no name' });
    expect(await client.next('error')).toMatchObject({ status: 400, error: { code: 'invalid_stream_id' } });
    expect([started, provider.requests.length]).toEqual([16, 32]);
    hold.open();
    for (let at = 0; at < 32; at += 1) await client.next('response.completed');
  });

  test('may be missing: a stream_id is refused, and so is a second request at once', async () => {
    const hold = gate();
    await using scene = await openScene([{ begin: true }, { until: hold.promise }], {
      webSocket: { lanes: false, busy: 'refuse' },
    });
    const { client, provider } = scene;
    client.create({ ...turn, stream_id: 'a' });
    expect(await client.next()).toMatchObject({ error: { code: 'unknown_parameter', param: 'stream_id' } });
    client.create(turn);
    client.create(turn);
    expect(await client.next('error')).toMatchObject({ error: { code: 'response_already_in_flight' } });
    hold.open();
    await client.next('response.completed');
    expect(provider.requests).toHaveLength(1);
  });
});

describe('whether there are WebSockets', () => {
  test('is no, for a test that does not ask for them', async () => {
    await using provider = await fakeProvider();
    await expect(connect(`${provider.url}/responses`)).rejects.toMatchObject({
      status: 404,
      body: expect.stringContaining('send a POST'),
    });
    expect([provider.upgrades, provider.sockets, provider.requests.length]).toEqual([1, 0, 0]);
    expect(provider.handshakes).toMatchObject([{ status: 404 }]);
  });

  test('is what the script says, then what the provider is told, then what it is told later', async () => {
    const script = parseScript('{ webSocket: on, rules: [{ answer: [{ text: a }] }] }', 'x.yaml');
    await using byScript = await fakeProvider(script);
    await using client = await connect(`${byScript.url}/responses`);
    client.create(turn);
    expect(textIn(await client.events())).toBe('a');
    await using told = await fakeProvider(script, { webSocket: 'off' });
    await expect(connect(`${told.url}/responses`)).rejects.toMatchObject({ status: 404 });
    told.useWebSocket({ headers: { 'x-codex-turn-state': 'abc' } });
    await using later = await connect(`${told.url}/responses`);
    expect(later.upgradeHeaders['x-codex-turn-state']).toBe('abc');
  });

  test('does not matter to a POST that would rather speak HTTP/2', async () => {
    await using provider = await fakeProvider('hello', { webSocket: 'on' });
    const heard = await rawHttp(
      provider.port,
      'POST /v1/responses HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 2\r\n\r\n{}',
    );
    expect(heard.status).toBe(200);
  });
});

test('every built-in script that ends over HTTP ends over a WebSocket, or breaks off', async () => {
  const endless = new Set(['stall', 'silent', 'slow']);
  await using scene = await openScene();
  for (const name of builtInScripts.keys()) {
    if (endless.has(name)) continue;
    await using client = await connect(`${scene.provider.url}/responses`);
    client.create({ model: `scripted/${name}`, input: 'Hi' });
    const request = await scene.provider.waitForRequest(({ body }) => body.model === `scripted/${name}`);
    const { how } = await request.closed;
    expect([name, how]).toEqual([name, ['reset', 'cut', 'html'].includes(name) ? 'broken' : 'finished']);
  }
});
