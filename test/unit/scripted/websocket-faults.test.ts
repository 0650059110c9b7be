import { describe, expect, test } from '@jest/globals';
import type { Answer } from '../../../src/scripted/script.ts';
import { connect } from '../../harness/connect.ts';
import { fakeProvider, gate, textAnswer } from '../../harness/fake-provider.ts';
import { until } from '../../harness/wait-for.ts';
import { ask } from './ask.ts';
import { openScene, textIn, typesIn } from './socket-client.ts';

const turn = { model: 'm', input: 'Hi' };
const beginning = { text: 'It begins', unfinished: true } as const;

describe('an answer that breaks off', () => {
  test.each<[string, Answer, { code: number; reason: string }]>([
    ['ends', { steps: [beginning, { end: true }] }, { code: 1000, reason: '' }],
    ['resets', { steps: [beginning, { reset: true }] }, { code: 1006, reason: '' }],
    [
      'closes',
      { steps: [beginning, { close: { code: 4001, reason: 'bye' } }] },
      { code: 4001, reason: 'bye' },
    ],
    ['closes without a code', { steps: [beginning, { close: {} }] }, { code: 1005, reason: '' }],
    [
      'closes at an exact place',
      { steps: [{ text: 'unsaid' }], breakAfter: { events: 2, how: { close: { code: 1012 } } } },
      { code: 1012, reason: '' },
    ],
  ])('%s', async (_name, answer, closing) => {
    await using scene = await openScene(answer);
    scene.client.create(turn);
    expect(await scene.client.closed).toEqual(closing);
    expect((await scene.provider.requests[0]?.closed)?.how).toBe('broken');
    const types = typesIn(scene.client.frames.map((frame) => frame.json ?? {}));
    // A reset may overtake what was sent before it.
    const least = closing.code === 1006 ? 0 : 2;
    expect(types.slice(0, least)).toEqual(['created', 'in_progress'].slice(0, least));
    expect(types.length).toBeLessThanOrEqual(answer.breakAfter?.events ?? 10);
    await until(() => scene.provider.openSockets === 0, 'the socket to be forgotten');
  });

  test('over HTTP ends its body where it would close a WebSocket', async () => {
    await using provider = await fakeProvider([beginning, { close: { code: 1011 } }, { binary: 'x' }]);
    const heard = await ask(provider.url, turn);
    expect([heard.end, textIn(heard.events)]).toEqual(['ended', 'It begins']);
    expect((await provider.requests[0]?.closed)?.how).toBe('broken');
  });

  test('by a mistake of the script looks like a lost connection, and says why', async () => {
    await using scene = await openScene([{ close: { code: 1005 } }]);
    scene.client.create(turn);
    expect((await scene.client.closed).code).toBe(1006);
    expect(await scene.provider.requests[0]?.closed).toMatchObject({
      how: 'broken',
      reason: expect.stringContaining('code'),
    });
  });

  test('because its client has gone says so', async () => {
    await using scene = await openScene([beginning, { stall: true }]);
    scene.client.create(turn);
    await scene.client.next('response.output_text.delta');
    scene.client.terminate();
    expect((await scene.provider.requests[0]?.closed)?.how).toBe('client-closed');
  });
});

describe('what no event is', () => {
  test('a status is an error event with headers, and the socket goes on', async () => {
    await using scene = await openScene({ name: 'once', rules: [{ times: 1, answer: 'rate-limited' }] });
    scene.client.create({ ...turn, stream_id: 'a' });
    expect(await scene.client.next()).toMatchObject({
      type: 'error',
      status: 429,
      error: { code: 'rate_limit_exceeded' },
      headers: { 'retry-after': '1' },
      stream_id: 'a',
    });
    scene.client.create(turn);
    expect((await scene.client.events()).at(-1)?.['type']).toBe('response.completed');
  });

  test('binary and raw messages and a page come as they are; nothing else does', async () => {
    const steps = [{ comment: 'unheard' }, { raw: 'no JSON' }, { binary: 'ones' }, { end: true }] as const;
    await using scene = await openScene(steps);
    scene.client.create(turn);
    await scene.client.closed;
    expect(scene.client.frames.map((frame) => [frame.data.toString(), frame.isBinary])).toEqual([
      ['no JSON', false],
      ['ones', true],
    ]);
    await using page = await openScene('html');
    page.client.create(turn);
    expect((await page.client.nextFrame()).text).toContain('<html>');
  });

  test.each([1, 7, 4096])('messages in frames of %d bytes are whole to their reader', async (writeBytes) => {
    await using scene = await openScene({ writeBytes, steps: [{ text: 'Grüße' }] });
    scene.client.create(turn);
    scene.client.create({ ...turn, stream_id: 'b' });
    expect(textIn(await scene.client.events({ lane: '' }))).toBe('Grüße');
    expect(textIn(await scene.client.events({ lane: 'b' }))).toBe('Grüße');
  });

  test.each<[string, string, string]>([
    ['no JSON', '{', 'invalid_json'],
    ['no object', '[]', 'invalid_json'],
    ['an unknown type', '{"type":"response.cancel"}', 'unknown_event'],
  ])('a frame that is %s is refused, and the socket goes on', async (_name, frame, code) => {
    await using scene = await openScene();
    scene.client.send(frame);
    expect(await scene.client.next()).toMatchObject({ type: 'error', status: 400, error: { code } });
    scene.client.create(turn);
    expect((await scene.client.events()).at(-1)?.['type']).toBe('response.completed');
  });

  test('a binary frame closes the socket, a large one as well', async () => {
    await using scene = await openScene('hello', { webSocket: { maxMessageBytes: 1000 } });
    scene.client.send(Buffer.from('{}'));
    expect((await scene.client.closed).code).toBe(1003);
    await using other = await connect(`${scene.provider.url}/responses`);
    other.create({ ...turn, input: 'x'.repeat(1000) });
    expect((await other.closed).code).toBe(1009);
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('an upgrade', () => {
  test.each([400, 401, 403, 404, 405, 426, 429, 500, 501, 503])('may be refused with %d', async (status) => {
    const refuse = { status, headers: { 'retry-after': '7' }, body: { error: { code: 'no' } }, times: 1 };
    await using provider = await fakeProvider('hello', { webSocket: { refuse } });
    await expect(connect(`${provider.url}/responses`)).rejects.toMatchObject({
      status,
      body: '{"error":{"code":"no"}}',
      headers: { 'retry-after': '7', 'content-type': 'application/json' },
    });
    await using accepted = await connect(`${provider.url}/responses`);
    accepted.create(turn);
    await accepted.events();
    expect(provider.handshakes.map((handshake) => handshake.status)).toEqual([status, 101]);
  });

  test('waits for what it is told to wait for', async () => {
    const hold = gate();
    await using provider = await fakeProvider('hello', { webSocket: { stallUpgrade: hold.promise } });
    const connecting = connect(`${provider.url}/responses`);
    await until(() => provider.upgrades === 1, 'the upgrade');
    expect([provider.sockets, provider.handshakes[0]?.status]).toEqual([0, undefined]);
    hold.open();
    await using client = await connecting;
    client.create(turn);
    await client.events();
    expect(provider.sockets).toBe(1);
  });

  test('that stalls for ever does not keep the provider from closing', async () => {
    const never = new Promise<void>(() => undefined);
    const provider = await fakeProvider('hello', { webSocket: { stallUpgrade: never } });
    const connecting = connect(`${provider.url}/responses`).catch(String);
    await until(() => provider.upgrades === 1, 'the upgrade');
    await provider.close();
    expect(await connecting).toContain('socket hang up');
    await until(() => provider.openConnections === 0, 'the connection to be forgotten');
  });
});

describe('all sockets at once', () => {
  test('close with a code', async () => {
    await using scene = await openScene([{ begin: true }, { stall: true }]);
    scene.client.create(turn);
    await scene.client.next();
    scene.provider.closeSockets(1013, 'busy');
    expect(await scene.client.closed).toEqual({ code: 1013, reason: 'busy' });
    expect((await scene.provider.requests[0]?.closed)?.how).toBe('broken');
  });

  test('are reset', async () => {
    await using scene = await openScene();
    scene.client.create(turn);
    await scene.client.events();
    scene.provider.resetSockets();
    expect((await scene.client.closed).code).toBe(1006);
    await until(() => scene.provider.openSockets === 0, 'the socket to be forgotten');
  });

  test('fall silent without closing', async () => {
    const hold = gate();
    await using scene = await openScene([{ begin: true }, { until: hold.promise }, { text: 'unheard' }]);
    const { client, provider } = scene;
    client.create(turn);
    await client.next('response.in_progress');
    provider.muteSockets();
    hold.open();
    client.ping();
    client.create({ ...turn, stream_id: 'b' });
    // A second socket, opened later, answers: by then the first would have, too.
    await using other = await connect(`${provider.url}/responses`);
    other.create(turn);
    await other.events();
    expect([client.frames.length, client.pongs, provider.requests.length]).toEqual([2, 0, 2]);
    expect(provider.openSockets).toBe(2);
  });
});

describe('time', () => {
  test('makes a socket too old: the next request is refused, and it closes', async () => {
    await using scene = await openScene(textAnswer('a'), { webSocket: { maxAgeMs: 0 } });
    scene.client.create(turn);
    expect(await scene.client.next()).toMatchObject({
      status: 400,
      error: { code: 'websocket_connection_limit_reached' },
    });
    expect((await scene.client.closed).code).toBe(1001);
    expect(scene.provider.requests).toEqual([]);
  });

  test('closes a socket that nobody uses', async () => {
    await using scene = await openScene(textAnswer('a'), { webSocket: { closeAfterIdleMs: 20 } });
    expect(await scene.client.closed).toEqual({ code: 1001, reason: 'idle' });
  });

  test('brings pings; those of the client are answered, or not', async () => {
    await using scene = await openScene('hello', { webSocket: { pingEveryMs: 5 } });
    scene.client.ping();
    await until(() => scene.client.pings > 1 && scene.client.pongs === 1, 'pings and a pong');
    await using deaf = await openScene('hello', { webSocket: { ignorePings: true } });
    deaf.client.ping();
    deaf.client.create(turn);
    await deaf.client.events();
    expect(deaf.client.pongs).toBe(0);
  });
});
