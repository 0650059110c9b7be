/** What whoever runs a bridge sees of it: health, numbers, one line per turn and per connection. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import { ask, codexHeaders, idOf, logged, openScene, said } from './scene.ts';

describe('the ops port', () => {
  test('says that the process lives and is ready', async () => {
    await using scene = await openScene();
    const healthy = await fetch(`${scene.bridge.opsUrl}/healthz`);
    expect([healthy.status, await healthy.json()]).toEqual([200, { alive: true }]);
    const ready = await fetch(`${scene.bridge.opsUrl}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
  });

  test('is another one than that of clients, in both directions', async () => {
    await using scene = await openScene();
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await fetch(`http://127.0.0.1:${scene.bridge.port}${path}`)).status).toBe(404);
    }
    expect((await fetch(`${scene.bridge.opsUrl}/v1/responses`)).status).toBe(404);
  });
});

describe('metrics', () => {
  test('count connections, handshakes, turns by outcome and frames by type', async () => {
    await using scene = await openScene({
      script: ({ body }) => (body.model === 'bad' ? 'bad-request' : 'hello'),
    });
    const client = await scene.connect({ headers: codexHeaders });
    await ask(client, {});
    await ask(client, {});
    await ask(client, { model: 'bad' });
    client.send('{}');
    await client.next('error');
    await scene.connect({ headers: { origin: 'https://example.com' } }).catch(() => undefined);
    const metric = (selector: string): Promise<number> => scene.bridge.metric(selector);
    expect(await metric('turnbridge_client_connections')).toBe(1);
    expect(await metric('turnbridge_client_connections_opened_total{client="codex"}')).toBe(1);
    expect(await metric('turnbridge_client_handshakes_total{result="accepted"}')).toBe(1);
    expect(await metric('turnbridge_client_handshakes_total{result="origin_refused"}')).toBe(1);
    expect(await metric('turnbridge_turns_total{outcome="completed"}')).toBe(2);
    expect(await metric('turnbridge_turns_total{outcome="rejected"}')).toBe(1);
    expect(await metric('turnbridge_provider_attempts_total{result="rejected"}')).toBe(1);
    expect(await metric('turnbridge_client_frames_total{direction="in",type="response.create"}')).toBe(3);
    expect(await metric('turnbridge_client_frames_total{direction="out",type="response.completed"}')).toBe(2);
    expect(await metric('turnbridge_client_frames_total{direction="out",type="error"}')).toBe(2);
    expect(await metric('turnbridge_provider_attempts_total{result="ok"}')).toBe(2);
    client.terminate();
    await until(
      async () => (await metric('turnbridge_client_connections')) === 0,
      'the connection to be gone',
    );
    expect(await metric('turnbridge_client_connections_closed_total{code="1006"}')).toBe(1);
  });

  test('count what runs and what waits', async () => {
    const held = gate();
    await using scene = await openScene({
      script: [{ begin: true }, { until: held.promise }, { text: 'x' }],
    });
    const client = await scene.connect();
    const input = [said('x'.repeat(50_000))];
    client.create({ model: 'm' });
    client.create({ model: 'm', input });
    await client.next('response.created');
    const metric = (selector: string): Promise<number> => scene.bridge.metric(selector);
    expect(await metric('turnbridge_turns_active')).toBe(1);
    expect(await metric('turnbridge_turn_queue_depth')).toBe(1);
    expect(await metric('turnbridge_queued_bytes{place="lane_queue"}')).toBeGreaterThan(50_000);
    held.open();
    await client.events();
    await client.events();
    expect(await metric('turnbridge_turns_active')).toBe(0);
    expect(await metric('turnbridge_turn_queue_depth')).toBe(0);
    expect(await metric('turnbridge_queued_bytes')).toBe(0);
  });

  test('count tokens as the provider reports them', async () => {
    await using scene = await openScene({
      script: [
        { text: 'x' },
        {
          complete: {
            usage: {
              input_tokens: 100,
              input_tokens_details: { cached_tokens: 40 },
              output_tokens: 20,
              output_tokens_details: { reasoning_tokens: 5 },
              total_tokens: 120,
            },
          },
        },
      ],
    });
    const client = await scene.connect();
    await ask(client, {});
    const metric = (selector: string): Promise<number> => scene.bridge.metric(selector);
    expect(await metric('turnbridge_input_tokens_total')).toBe(100);
    expect(await metric('turnbridge_input_cached_tokens_total')).toBe(40);
    expect(await metric('turnbridge_output_tokens_total')).toBe(20);
    expect(await metric('turnbridge_output_reasoning_tokens_total')).toBe(5);
  });
});

describe('the log', () => {
  test('has one turn.end per turn, with what an operator looks for', async () => {
    await using scene = await openScene({ route: { name: 'coding', match: { models: ['gpt-*'] } } });
    const client = await scene.connect({ headers: codexHeaders });
    const first = await ask(client, { model: 'gpt-5.5', input: [said('hi')] });
    await ask(client, { model: 'gpt-5.5', previous_response_id: idOf(first), stream_id: 'a' });
    await ask(client, { model: 'unknown' });
    const lines = await logged(scene.bridge, 'turn.end', 3);
    expect(lines).toMatchObject([
      {
        level: 'info',
        route: 'default/coding',
        provider: 'scripted',
        model: 'gpt-*',
        lane: 'default',
        client: 'codex',
        tenant: 'anonymous',
        via: 'websocket',
        transport: 'http',
        outcome: 'completed',
        continuation: 'none',
        attempts: 1,
        turn_index: 1,
        response_id: idOf(first),
      },
      { continuation: 'hit', lane: 'named', turn_index: 2, outcome: 'completed' },
      { outcome: 'rejected', error_type: 'model_not_found', status_code: 404, model: 'other', attempts: 0 },
    ]);
    for (const field of [
      'duration_ms',
      'ttfe_ms',
      'ttfo_ms',
      'bytes_in',
      'bytes_out',
      'events',
      'output_tokens',
    ]) {
      expect(lines[0]?.[field]).toEqual(expect.any(Number));
    }
    expect(new Set(lines.map((line) => line['connection_id'])).size).toBe(1);
    expect(new Set(lines.map((line) => line['turn_id'])).size).toBe(3);
  });

  test('has one connection.close per connection, with who closed and what passed', async () => {
    await using scene = await openScene({
      route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } },
      secrets: { keys: { alice: 'alice-key' } },
    });
    const client = await scene.connect({ headers: { 'x-api-key': 'alice-key' } });
    await ask(client, {});
    await client.close(1000);
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([
      { tenant: 'alice', close_code: 1000, close_initiator: 'remote', turns: 1, frames_in: 1, group: '*/v1' },
    ]);
    const second = await scene.connect({ headers: { 'x-api-key': 'alice-key' } });
    second.reset();
    const lines = await logged(scene.bridge, 'connection.close', 2);
    expect(lines[1]).toMatchObject({ close_code: 1006, close_initiator: 'network', turns: 0 });
  });
});
