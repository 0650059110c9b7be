/** The other ways to continue a route can choose, and what happens when memory runs out. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { ask, idOf, openScene, responseOf, said, typesOf } from './scene.ts';

const unknown = { type: 'error', status: 400, error: { code: 'previous_response_not_found' } };

describe('mode Stateless', () => {
  test('blanks the id of the terminal event, so that clients send everything each time', async () => {
    await using scene = await openScene({ route: { continuation: { mode: 'Stateless' } } });
    const client = await scene.connect();
    const events = await ask(client, { input: [said('one')] });
    expect(responseOf(events[0])['id']).toMatch(/^resp_/);
    expect(idOf(events)).toBe('');
    expect(typesOf(events).at(-1)).toBe('response.completed');
  });

  test('answers warm-ups with a blank id and remembers nothing', async () => {
    await using scene = await openScene({ route: { continuation: { mode: 'Stateless' } } });
    const client = await scene.connect();
    expect(idOf(await ask(client, { generate: false, input: [said('big')] }))).toBe('');
    expect(scene.bridge.bridge.usedBytes.transcripts).toBe(0);
    expect(scene.provider.requests).toEqual([]);
  });

  test('knows no id at all', async () => {
    await using scene = await openScene({ route: { continuation: { mode: 'Stateless' } } });
    const client = await scene.connect();
    const events = await ask(client, { input: [said('one')] });
    const id = String(responseOf(events[0])['id']);
    const [error] = await ask(client, { previous_response_id: id });
    expect(error).toMatchObject(unknown);
    expect(JSON.stringify(error)).toContain('keeps nothing between requests');
  });
});

describe('mode Provider', () => {
  test('passes ids through to a provider that stores, and keeps nothing here', async () => {
    await using scene = await openScene({ route: { continuation: { mode: 'Provider' } } });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('one')] });
    await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    await ask(client, { previous_response_id: 'resp_of_yesterday', input: [said('three')] });
    expect(
      scene.provider.requests.slice(1).map(({ body }) => [body['previous_response_id'], body.input]),
    ).toEqual([
      [idOf(first), [said('two')]],
      ['resp_of_yesterday', [said('three')]],
    ]);
    expect(scene.bridge.bridge.usedBytes.transcripts).toBe(0);
  });

  test('still answers warm-ups here, and unfolds them in front of the first turn', async () => {
    await using scene = await openScene({ route: { continuation: { mode: 'Provider' } } });
    const client = await scene.connect();
    const warmup = await ask(client, {
      generate: false,
      previous_response_id: 'resp_stored',
      input: [said('instructions')],
    });
    await ask(client, { previous_response_id: idOf(warmup), input: [said('one')] });
    expect(scene.provider.requests.map(({ body }) => [body['previous_response_id'], body.input])).toEqual([
      ['resp_stored', [said('instructions'), said('one')]],
    ]);
  });
});

describe('memory that runs out', () => {
  test('on one connection, the lane remembered longest ago goes first', async () => {
    await using scene = await openScene({
      script: [{ text: 'short' }],
      route: { continuation: { maxBytesPerConnection: 14_000 } },
    });
    const client = await scene.connect();
    const a = await ask(client, { stream_id: 'a', input: [said('a'.repeat(5000))] });
    const b = await ask(client, { stream_id: 'b', input: [said('b'.repeat(5000))] });
    const c = await ask(client, { stream_id: 'c', input: [said('c'.repeat(5000))] });
    expect(await ask(client, { stream_id: 'a', previous_response_id: idOf(a) })).toMatchObject([unknown]);
    for (const [lane, events] of [
      ['b', b],
      ['c', c],
    ] as const) {
      const next = await ask(client, { stream_id: lane, previous_response_id: idOf(events) });
      expect(typesOf(next).at(-1)).toBe('response.completed');
    }
    expect(await scene.bridge.metric('turnbridge_transcript_evictions_total')).toBe(1);
  });

  test('a chain that grows beyond the limit is told so, and a full request goes through', async () => {
    await using scene = await openScene({
      script: [{ text: 'short' }],
      route: { continuation: { maxBytesPerConnection: 8_000 } },
    });
    const client = await scene.connect();
    const first = await ask(client, { input: [said('x'.repeat(5000))] });
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('y'.repeat(5000))] });
    expect(typesOf(second).at(-1)).toBe('response.completed');
    expect(await ask(client, { previous_response_id: idOf(second) })).toMatchObject([unknown]);
    const whole = await ask(client, { input: [said('z'.repeat(20_000))] });
    expect(typesOf(whole).at(-1)).toBe('response.completed');
  });

  test('a warm-up that is too large to remember gets a blank id: the client sends everything', async () => {
    await using scene = await openScene({ route: { continuation: { maxBytesPerConnection: 2_000 } } });
    const client = await scene.connect();
    expect(idOf(await ask(client, { generate: false, input: [said('x'.repeat(3000))] }))).toBe('');
  });

  test('in the process, the connection that spoke longest ago forgets', async () => {
    await using scene = await openScene({
      script: [{ text: 'short' }],
      budgets: { transcriptBytes: 12_000 },
    });
    const quiet = await scene.connect();
    const busy = await scene.connect();
    const old = await ask(quiet, { input: [said('q'.repeat(6000))] });
    const recent = await ask(busy, { input: [said('b'.repeat(6000))] });
    expect(scene.bridge.bridge.usedBytes.transcripts).toBeLessThanOrEqual(12_000);
    expect(await ask(quiet, { previous_response_id: idOf(old) })).toMatchObject([unknown]);
    const next = await ask(busy, { previous_response_id: idOf(recent) });
    expect(typesOf(next).at(-1)).toBe('response.completed');
  });

  test('is counted, and given back when the connection ends', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    await ask(client, { input: [said('x'.repeat(50_000))] });
    expect(await scene.bridge.metric('turnbridge_transcript_bytes')).toBeGreaterThan(50_000);
    client.terminate();
    await until(async () => (await scene.bridge.metric('turnbridge_transcript_bytes')) === 0, 'no byte left');
  });
});
