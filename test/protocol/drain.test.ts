/** SIGTERM loses no turn: who is idle goes, who is busy finishes, who is new is sent elsewhere. */
import { describe, expect, test } from '@jest/globals';
import { ownPort } from '../harness/own-port.ts';
import { until, within } from '../harness/wait-for.ts';
import { firstRefusal, heldAnswer } from './drain-scene.ts';
import { errorIn } from './refused-upgrade.ts';
import { ask, logged, openScene, responseOf, textOf, typesOf } from './scene.ts';

describe('a drain', () => {
  test('closes idle connections with 1012 and ends', async () => {
    await using scene = await openScene();
    const clients = await Promise.all([scene.connect(), scene.connect(), scene.connect()]);
    await ask(clients[0], {});
    await within(scene.bridge.drain({ spreadMs: 100 }), 'the end of the drain');
    for (const { closed } of clients) expect(await closed).toEqual({ code: 1012, reason: 'service restart' });
    expect(clients[1].frames).toEqual([]);
  });

  test('closes a busy connection right after its terminal event', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    const drained = scene.bridge.drain();
    await firstRefusal(scene);
    open();
    const events = await client.events();
    expect(textOf(events)).toBe('to the end');
    expect(typesOf(events).at(-1)).toBe('response.completed');
    expect((await within(client.closed, 'the close')).code).toBe(1012);
    expect(client.frames.at(-1)?.json).toMatchObject({ type: 'response.completed' });
    await within(drained, 'the end of the drain');
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'completed' }]);
  });

  test('answers new upgrades and requests with 503 and Retry-After: 1', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    const drained = scene.bridge.drain();
    const refused = await firstRefusal(scene);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(errorIn(refused.body)).toMatchObject({ code: 'server_draining' });
    const post = await fetch(`${scene.bridge.url}/responses`, { method: 'POST', body: '{"model":"m"}' });
    expect(post.status).toBe(503);
    expect(post.headers.get('retry-after')).toBe('1');
    expect(post.headers.get('connection')).toBe('close');
    expect(scene.provider.requests).toHaveLength(1);
    open();
    await within(drained, 'the end of the drain');
  });

  test('fails readiness at once, and goes on accepting for the delay', async () => {
    await using scene = await openScene();
    void scene.bridge.drain({ delayMs: 600_000 }); // the scene's end ends it
    const ready = await fetch(`${scene.bridge.opsUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, reason: 'draining' });
    expect((await fetch(`${scene.bridge.opsUrl}/healthz`)).status).toBe(200);
    expect(await scene.bridge.metric('turnbridge_draining')).toBe(1);
    const late = await scene.connect();
    expect(typesOf(await ask(late, {})).at(-1)).toBe('response.completed');
  });

  test('refuses what is new, and closes what is idle, when the delay is over and not before', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    const busy = await scene.connect(); // holds the drain, so that there is somebody who refuses
    busy.create({ model: 'm' });
    await busy.next('response.created');
    const idle = await scene.connect();
    const begunAt = performance.now();
    const closed = idle.closed.then(({ code }) => ({ code, afterMs: performance.now() - begunAt }));
    const drained = scene.bridge.drain({ delayMs: 300 });
    await firstRefusal(scene);
    expect(performance.now() - begunAt).toBeGreaterThan(299);
    const { code, afterMs } = await within(closed, 'the close');
    expect(code).toBe(1012);
    expect(afterMs).toBeGreaterThan(299);
    open();
    await within(drained, 'the end of the drain');
  });

  test('tells a busy connection that asks for more to open another one', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    const drained = scene.bridge.drain();
    await firstRefusal(scene);
    client.create({ model: 'm', stream_id: 'a' });
    expect(await client.next('error')).toMatchObject({
      status: 400,
      stream_id: 'a',
      error: { code: 'websocket_connection_limit_reached' },
    });
    open();
    await within(drained, 'the end of the drain');
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('lets turns that wait in their lane run, too', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    const client = await scene.connect();
    client.create({ model: 'm' });
    client.create({ model: 'm' });
    await client.next('response.created');
    const drained = scene.bridge.drain();
    await firstRefusal(scene);
    open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
    await within(drained, 'the end of the drain');
  });

  test('lets HTTP requests finish', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    const streaming = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: '{"model":"m","stream":true}',
    });
    const drained = scene.bridge.drain();
    await firstRefusal(scene);
    open();
    expect(await streaming.text()).toContain('response.completed');
    await within(drained, 'the end of the drain');
  });

  test('is over at once when nobody is there, and may be asked for twice', async () => {
    await using scene = await openScene({ port: await ownPort() });
    const drained = scene.bridge.drain();
    expect(scene.bridge.drain()).toBeInstanceOf(Promise);
    await within(Promise.all([drained, scene.bridge.drain()]), 'the end of the drain');
    await expect(fetch(scene.bridge.url)).rejects.toThrow('fetch failed');
  });
});

describe('the deadline of a drain', () => {
  test('is followed by a time in which metrics tell of the turns that were cut', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.created');
    const drained = scene.bridge.drain({ deadlineMs: 1, lingerMs: 600_000 });
    await client.closed;
    await until(async () => {
      const metrics = await (await fetch(`${scene.bridge.opsUrl}/metrics`)).text();
      return /^turnbridge_turns_total\{.*outcome="drained"\} 1$/m.test(metrics);
    }, 'the metric of the turn that was cut');
    expect(scene.bridge.bridge.connections).toBe(0);
    await within(scene.bridge.bridge.close(), 'the end at once, which a second signal asks for');
    await within(drained, 'the end of the drain');
  });

  test('cuts a turn that has no finished item with an error that makes clients open another socket', async () => {
    await using scene = await openScene({ script: [{ text: 'half', unfinished: true }, { stall: true }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.output_text.delta');
    await within(scene.bridge.drain({ deadlineMs: 50 }), 'the end of the drain');
    expect((await client.events()).at(-1)).toMatchObject({
      type: 'error',
      status: 400,
      error: { code: 'websocket_connection_limit_reached' },
    });
    expect((await client.closed).code).toBe(1012);
    expect((await scene.provider.requests[0]!.closed).how).toBe('client-closed');
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'drained' }]);
  });

  test('cuts a turn with a finished item with response.failed of the same id', async () => {
    await using scene = await openScene({ script: [{ text: 'whole' }, { stall: true }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    const created = await client.next('response.created');
    await client.next('response.output_item.done');
    await within(scene.bridge.drain({ deadlineMs: 50 }), 'the end of the drain');
    expect((await client.events()).at(-1)).toMatchObject({
      type: 'response.failed',
      response: { id: responseOf(created)['id'], error: { code: 'server_draining' } },
    });
    expect((await client.closed).code).toBe(1012);
  });

  test('cuts turns that wait, and turns over HTTP', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    client.create({ model: 'm' });
    await client.next('response.created');
    const streaming = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: '{"model":"m","stream":true}',
    });
    const drained = scene.bridge.drain({ deadlineMs: 50 });
    expect(typesOf(await client.events()).at(-1)).toBe('error');
    expect(typesOf(await client.events()).at(-1)).toBe('error');
    const body = await streaming.text().catch((error: unknown) => String(error));
    expect(body).not.toContain('response.completed');
    await within(drained, 'the end of the drain');
    expect(scene.provider.requests).toHaveLength(2);
  });
});

describe('the maximum age of a connection', () => {
  test('closes it with 1012 between turns', async () => {
    await using scene = await openScene({ route: { limits: { maxConnectionAgeSeconds: 1 } } });
    const idle = await scene.connect();
    expect(await within(idle.closed, 'the close')).toEqual({ code: 1012, reason: 'maximum connection age' });
    expect(idle.frames).toEqual([]);
  });

  test('waits for a turn that runs', async () => {
    const { script, open } = heldAnswer();
    // so that its turn begins sooner, though the machine may stand still
    await using scene = await openScene({ script, route: { limits: { maxConnectionAgeSeconds: 3 } } });
    const busy = await scene.connect();
    const idle = await scene.connect();
    busy.create({ model: 'm' });
    await busy.next('response.created');
    await within(idle.closed, 'the close of the other one', 15_000);
    open();
    expect(typesOf(await busy.events()).at(-1)).toBe('response.completed');
    expect((await within(busy.closed, 'the close')).code).toBe(1012);
  });
});
