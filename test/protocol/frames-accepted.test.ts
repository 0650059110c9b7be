/** The forms in which a client may ask, and frames that are answered in their own way. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { ask, openScene, said, textOf, typesOf } from './scene.ts';

describe('response.create', () => {
  test('a request nested under `response` is unwrapped', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    client.send({
      type: 'response.create',
      event_id: 'e1',
      response: { model: 'm', input: [said('nested')], tools: [], temperature: 0.5 },
    });
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
    expect(scene.provider.requests[0]?.body).toEqual({
      stream: true,
      model: 'm',
      input: [said('nested')],
      tools: [],
      temperature: 0.5,
    });
  });

  test('nothing of the envelope reaches the provider, and everything else does, as it was written', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    client.send(
      '{ "type" : "response.create" , "event_id":"e", "stream_id":"a","model":"m","background":false,' +
        '"stream":true,"input":[{"role":"user","content":"Zoë 🦀 \\u00e9"}],"store":false,' +
        '"metadata":{"a":1.50,"type":"x"}, "generate":true,"future_field":{"x":[1,2,{"y":null}]} }',
    );
    await client.events({ lane: 'a' });
    const [request] = scene.provider.requests;
    expect(request?.body).toEqual({
      stream: true,
      model: 'm',
      input: [{ role: 'user', content: 'Zoë 🦀 é' }],
      store: false,
      metadata: { a: 1.5, type: 'x' },
      future_field: { x: [1, 2, { y: null }] },
    });
    expect(request?.rawBody.toString()).toContain('{"a":1.50,"type":"x"}');
    expect(request?.rawBody.toString()).toContain('Zoë 🦀 \\u00e9');
  });

  test('`stream: false` is streamed all the same: a socket knows nothing else', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const types = typesOf(await ask(client, { stream: false }));
    expect(types).toContain('response.output_text.delta');
    expect(types.at(-1)).toBe('response.completed');
    expect(scene.provider.requests[0]?.body.stream).toBe(true);
  });

  test('`background: false` and null fields are no mistakes', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const events = await ask(client, { background: false, previous_response_id: null, input: 'text' });
    expect(typesOf(events).at(-1)).toBe('response.completed');
    expect(scene.provider.requests[0]?.body.input).toBe('text');
  });

  test('events pass with their numbers and in their order, byte for byte', async () => {
    const odd =
      '{"type":"response.output_text.delta", "sequence_number":7,"delta":"\\u00e9 1.0","vendor":{"x":1.50}}';
    await using scene = await openScene({
      script: [{ begin: true }, { raw: `data: ${odd}\n\n` }, { text: 'x' }],
    });
    const client = await scene.connect();
    await ask(client, {});
    expect(client.frames.map(({ text }) => text)).toContain(odd);
  });
});

describe('while a turn runs', () => {
  test('a bad frame is answered at once and ends no turn', async () => {
    const held = gate();
    await using scene = await openScene({ script: [{ text: 'a' }, { until: held.promise }, { text: 'b' }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.output_item.done');
    client.send('not json');
    expect(await client.next()).toMatchObject({
      type: 'error',
      status: 400,
      error: { code: 'invalid_json' },
    });
    held.open();
    const events = await client.events();
    expect(textOf(events)).toBe('b');
    expect(typesOf(events).at(-1)).toBe('response.completed');
  });

  test('a WebSocket ping is answered', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    client.ping();
    await expect(until(() => client.pongs === 1, 'the pong')).resolves.toBe(true);
  });
});

describe('frames of other kinds', () => {
  test('response.processed is taken without a word', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    client.send({ type: 'response.processed', response_id: 'resp_1' });
    client.ping();
    await until(() => client.pongs === 1, 'the pong, which follows whatever the frame led to');
    expect(client.frames).toEqual([]);
  });

  test('response.steer is refused in its own event form, and gives the input back', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const input = [said('rather do this')];
    client.send({ type: 'response.steer', previous_response_id: 'resp_1', input });
    expect(await client.next()).toMatchObject({
      type: 'response.steer.failed',
      error: { type: 'invalid_request_error', message: expect.stringContaining('cannot be steered') },
      steer: { previous_response_id: 'resp_1', input },
    });
    expect(scene.provider.requests).toEqual([]);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('response.inject is refused in its own event form, and gives the input back', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const input = [{ type: 'function_call_output', call_id: 'c', output: 'o' }];
    client.send({ type: 'response.inject', response_id: 'resp_1', input });
    expect(await client.next()).toMatchObject({
      type: 'response.inject.failed',
      response_id: 'resp_1',
      input,
      error: { message: expect.stringContaining('takes no input while it answers') },
    });
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });
});

test('a first frame in the same packet as the handshake is not lost', async () => {
  await using scene = await openScene();
  await using raw = await openRawSocket(scene.bridge.port);
  const frame = Buffer.from('{"type":"response.create","model":"m"}');
  raw.write(
    Buffer.concat([
      Buffer.from(
        'GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ),
      Buffer.from([0x81, 0x80 | frame.length, 0, 0, 0, 0]), // masked with zeros, which change nothing
      frame,
    ]),
  );
  await raw.until('"type":"response.completed"');
  expect(scene.provider.requests).toHaveLength(1);
});
