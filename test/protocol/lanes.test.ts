/** Several conversations on one socket: lanes run side by side, and within a lane one turn follows the other. */
import { describe, expect, test } from '@jest/globals';
import { gate, type Gate } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import { ask, openScene, said, textOf, typesOf, type JsonObject } from './scene.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { Step } from '../../src/scripted/script.ts';

/** Each answer waits at its gate, which is named by its model. */
function gated(gates: Readonly<Record<string, Gate>>) {
  return ({ body }: RecordedRequest): readonly Step[] => {
    const model = String(body.model);
    return [
      { begin: true },
      { until: gates[model]?.promise ?? Promise.resolve() },
      { text: `answer ${model}` },
    ];
  };
}

const lanesOf = (events: readonly JsonObject[]): unknown[] => [
  ...new Set(events.map((each) => each['stream_id'])),
];

describe('lanes', () => {
  test('three run at once, each in its own order, and every event names its lane', async () => {
    const gates = { a: gate(), b: gate(), c: gate() };
    await using scene = await openScene({ script: gated(gates) });
    const client = await scene.connect();
    for (const lane of ['a', 'b', 'c']) client.create({ model: lane, stream_id: lane });
    for (const lane of ['a', 'b', 'c']) await client.next('response.in_progress', { lane });
    expect(scene.provider.requests).toHaveLength(3);
    for (const lane of ['c', 'a', 'b'] as const) {
      gates[lane].open();
      const events = await client.events({ lane });
      expect(textOf(events)).toBe(`answer ${lane}`);
      expect(lanesOf(events)).toEqual([lane]);
      expect(typesOf(events).at(-1)).toBe('response.completed');
    }
    for (const lane of ['a', 'b', 'c']) {
      const own = client.frames.map(({ json }) => json!).filter((event) => event['stream_id'] === lane);
      expect(own.map((event) => event['sequence_number'])).toEqual(own.map((_, n) => n));
    }
  });

  test('the default lane has no name, runs beside the others and counts as none', async () => {
    await using scene = await openScene({ route: { limits: { maxLanes: 1 } } });
    const client = await scene.connect();
    expect(lanesOf(await ask(client, { stream_id: 'only' }))).toEqual(['only']);
    expect(lanesOf(await ask(client, {}))).toEqual([undefined]);
    expect(lanesOf(await ask(client, { stream_id: 'only' }))).toEqual(['only']);
  });

  test('the turns of one lane never overlap and keep their order', async () => {
    const gates = { first: gate(), second: gate() };
    await using scene = await openScene({ script: gated(gates) });
    const client = await scene.connect();
    client.create({ model: 'first' });
    client.create({ model: 'second' });
    client.create({ model: 'third' });
    await client.next('response.in_progress');
    expect(scene.provider.requests).toHaveLength(1);
    gates.second.open();
    gates.first.open();
    for (const model of ['first', 'second', 'third']) {
      expect(textOf(await client.events())).toBe(`answer ${model}`);
    }
    const [first, second] = scene.provider.requests;
    expect(second!.startedAt).toBeGreaterThan((await first!.closed).at - 1);
  });

  test('a failing turn lets the next one of its lane go on', async () => {
    await using scene = await openScene({
      script: ({ number }) => (number === 1 ? 'bad-request' : [{ text: 'fine' }]),
    });
    const client = await scene.connect();
    client.create({ model: 'm', stream_id: 'a' });
    client.create({ model: 'm', stream_id: 'a' });
    expect(await client.next()).toMatchObject({ type: 'error', status: 400, stream_id: 'a' });
    expect(textOf(await client.events())).toBe('fine');
  });

  test('one lane more than allowed is refused with its name, and the others go on', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    for (let n = 1; n <= 32; n++) await ask(client, { stream_id: `lane-${n}` });
    client.create({ model: 'm', stream_id: 'lane-33' });
    expect(await client.next()).toMatchObject({
      type: 'error',
      status: 400,
      stream_id: 'lane-33',
      error: {
        type: 'invalid_request_error',
        code: 'websocket_stream_limit_reached',
        param: 'stream_id',
        message: expect.stringContaining('32 lanes'),
      },
    });
    expect(scene.provider.requests).toHaveLength(32);
    expect(typesOf(await ask(client, { stream_id: 'lane-7' })).at(-1)).toBe('response.completed');
  });
});

describe('turns in flight', () => {
  test('the seventeenth waits until one of sixteen has ended', async () => {
    const gates = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`m${n}`, gate()]));
    await using scene = await openScene({ script: gated(gates) });
    const client = await scene.connect();
    for (let n = 0; n < 17; n++) client.create({ model: `m${n}`, stream_id: `lane-${n}` });
    for (let n = 0; n < 16; n++) await client.next('response.in_progress', { lane: `lane-${n}` });
    client.ping();
    await until(() => client.pongs === 1, 'every frame to be read');
    expect(scene.provider.requests).toHaveLength(16);
    expect(await scene.bridge.metric('turnbridge_turn_queue_depth')).toBe(1);
    gates['m5']!.open();
    await client.events({ lane: 'lane-5' });
    await client.next('response.in_progress', { lane: 'lane-16' });
    for (const each of Object.values(gates)) each.open();
    for (let n = 0; n < 17; n++) if (n !== 5) await client.events({ lane: `lane-${n}` });
    expect(scene.provider.requests).toHaveLength(17);
  });

  test('lanes that wait start in the order in which they asked', async () => {
    const gates = { a: gate() };
    await using scene = await openScene({
      script: gated(gates),
      route: { limits: { maxTurnsInFlight: 1 } },
    });
    const client = await scene.connect();
    for (const lane of ['a', 'b', 'c', 'd']) client.create({ model: lane, stream_id: lane });
    await client.next('response.in_progress', { lane: 'a' });
    gates.a.open();
    for (const lane of ['a', 'b', 'c', 'd']) await client.events({ lane });
    expect(scene.provider.requests.map(({ body }) => body.model)).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a queue that is full', () => {
  test('refuses the next turn with 429 and retry-after 1, and keeps what waits', async () => {
    const gates = { m0: gate() };
    await using scene = await openScene({ script: gated(gates), route: { limits: { maxQueuedTurns: 2 } } });
    const client = await scene.connect();
    for (const model of ['m0', 'm1', 'm2', 'm3']) client.create({ model, input: [said(model)] });
    expect(await client.next('error')).toMatchObject({
      status: 429,
      error: {
        type: 'rate_limit_error',
        code: 'queue_full',
        message: expect.stringContaining('2 turns are waiting'),
      },
      headers: { 'retry-after': '1' },
    });
    gates.m0.open();
    for (const model of ['m0', 'm1', 'm2']) expect(textOf(await client.events())).toBe(`answer ${model}`);
    expect(typesOf(await ask(client, { model: 'm4' })).at(-1)).toBe('response.completed');
    expect(scene.provider.requests).toHaveLength(4);
  });

  test('counts over all lanes, and names the lane that was refused', async () => {
    const gates = { m0: gate() };
    await using scene = await openScene({ script: gated(gates), route: { limits: { maxQueuedTurns: 1 } } });
    const client = await scene.connect();
    client.create({ model: 'm0', stream_id: 'a' });
    client.create({ model: 'm1', stream_id: 'a' });
    client.create({ model: 'm2', stream_id: 'a' });
    expect(await client.next('error')).toMatchObject({ status: 429, stream_id: 'a' });
    gates.m0.open();
    await client.events({ lane: 'a' });
    expect(textOf(await client.events({ lane: 'a' }))).toBe('answer m1');
  });
});
