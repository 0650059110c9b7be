/** Turns over plain HTTP: the same routes and the same care, for Codex's fallback and for clients without a socket. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { closedUrl } from '../harness/nowhere.ts';
import { promptly } from '../harness/promptly.ts';
import { within } from '../harness/wait-for.ts';
import {
  codexHeaders,
  logged,
  openScene,
  responseOf,
  said,
  textOf,
  typesOf,
  type JsonObject,
  type Scene,
} from './scene.ts';
import type { Answer } from '../../src/scripted/script.ts';

function post(scene: Scene, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${scene.bridge.url}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

interface NamedEvent {
  readonly name: string | undefined;
  readonly data: JsonObject;
}

/** The events of a whole SSE body. */
function parseSse(text: string): NamedEvent[] {
  return text
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => ({
      name: /^event: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as JsonObject,
    }));
}

describe('with stream: true', () => {
  test.each(['crlf', 'noEventLine', 'multiLineData', 'done', 'responseDoneAlias'] as const)(
    'a provider with %s is heard as any other: one line of data in each event',
    async (quirk) => {
      await using scene = await openScene({
        script: { quirks: [quirk], steps: [{ text: 'the same text' }] },
      });
      const answer = await post(scene, { model: 'm', stream: true, input: [said('hi')] });
      const body = await answer.text();
      const events = parseSse(body).map(({ data }) => data);
      expect(textOf(events)).toBe('the same text');
      expect(typesOf(events).at(-1)).toBe('response.completed');
      for (const line of body.split('\n')) expect(line).toMatch(/^(?:(?:event|data): .*)?$/);
    },
  );

  test('a provider cannot end an event early, or put one in between', async () => {
    const forged = '{"type":"response.output_text.delta","delta":"x"\n\nevent: response.completed\ndata: {}}';
    const raw = `data: ${forged.replaceAll('\n', '\rdata: ')}\n\n`;
    await using scene = await openScene({ script: [{ begin: true }, { raw }, { text: 'fine' }] });
    const answer = await post(scene, { model: 'm', stream: true, input: [said('hi')] });
    const body = await answer.text();
    expect(body.match(/^event: response\.completed$/gm)).toHaveLength(1);
    for (const line of body.split('\n')) expect(line).toMatch(/^(?:(?:event|data): .*)?$/);
  });

  test('the answer is an event stream whose names and data agree, byte for byte those of the provider', async () => {
    await using scene = await openScene();
    const answer = await post(scene, { model: 'm', stream: true, input: [said('hi')] }, codexHeaders);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    const events = parseSse(await answer.text());
    for (const { name, data } of events) expect(name).toBe(data['type']);
    const direct = await fetch(`${scene.provider.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', stream: true, input: [said('hi')] }),
    });
    expect(typesOf(events.map(({ data }) => data))).toEqual(
      typesOf(parseSse(await direct.text()).map(({ data }) => data)),
    );
    expect(scene.provider.requests[0]?.body).toEqual({ model: 'm', stream: true, input: [said('hi')] });
  });

  test('events come one by one, not when all is done', async () => {
    const held = gate();
    await using scene = await openScene({
      script: [{ text: 'first' }, { until: held.promise }, { text: 'second' }],
    });
    const answer = await post(scene, { model: 'm', stream: true });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('response.output_item.done'))
      text += (await within(reader.read(), 'the first item')).value;
    expect(text).not.toContain('second');
    held.open();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(typesOf(parseSse(text).map(({ data }) => data)).at(-1)).toBe('response.completed');
  });

  test('a refusal before the stream is an HTTP error with its headers', async () => {
    await using scene = await openScene({ script: 'rate-limited' });
    const answer = await post(scene, { model: 'm', stream: true });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  });

  test.each(['reset', 'cut', 'error-event'])(
    'a stream that breaks (%s) ends with response.failed',
    async (script) => {
      await using scene = await openScene({ script });
      const answer = await post(scene, { model: 'm', stream: true });
      expect(answer.status).toBe(200);
      const events = parseSse(await answer.text());
      expect(events.at(-1)).toMatchObject({
        name: 'response.failed',
        data: {
          sequence_number: events.length - 1,
          response: { id: responseOf(events[0]!.data)['id'], status: 'failed' },
        },
      });
      expect(events.map(({ name }) => name)).not.toContain('error');
    },
  );

  test('a provider that cannot be reached is a 502', async () => {
    await using scene = await openScene({ route: { provider: { url: `${closedUrl}/v1` } } });
    const answer = await post(scene, { model: 'm', stream: true });
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: 'provider_unreachable' } });
  });
});

describe('without a stream', () => {
  test.each([{ stream: false }, {}])('the answer is the response object (%j)', async (fields) => {
    await using scene = await openScene();
    const answer = await post(scene, { model: 'm', input: 'hi', ...fields });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({
      object: 'response',
      status: 'completed',
      output: [{ type: 'message' }],
    });
    expect(scene.provider.requests[0]?.body.stream).toBe(true);
  });

  test('an incomplete response is a 200 that says so', async () => {
    await using scene = await openScene({ script: [{ text: 'x' }, { incomplete: 'max_output_tokens' }] });
    const answer = await post(scene, { model: 'm' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'incomplete' });
  });

  test.each([
    ['rate_limit_exceeded', 429],
    ['server_error', 502],
    ['context_length_exceeded', 400],
    ['server_is_overloaded', 503],
  ])('a response that failed with %s is an HTTP %d', async (code, status) => {
    await using scene = await openScene({
      script: [{ text: 'x' }, { fail: { code, message: 'It failed.' } }],
    });
    const answer = await post(scene, { model: 'm' });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code, message: 'It failed.' } });
  });

  test('a refusal of the provider keeps its status', async () => {
    const refusal: Answer = {
      status: { code: 404, body: { error: { message: 'No.', code: 'model_not_found' } } },
    };
    await using scene = await openScene({ script: refusal });
    const answer = await post(scene, { model: 'm' });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'model_not_found', message: 'No.' } });
  });
});

describe('a request that is refused here', () => {
  test.each([
    ['no JSON', 'hello', 400, 'invalid_json'],
    ['nothing', '', 400, 'invalid_json'],
    ['an array', '[]', 400, 'invalid_json'],
    ['a lane', '{"model":"m","stream_id":"a"}', 400, 'invalid_stream_id'],
    ['a warm-up', '{"model":"m","generate":false}', 400, 'invalid_request'],
    ['background', '{"model":"m","background":true}', 400, 'unsupported_parameter'],
  ])('%s costs the provider nothing', async (_, body, status, code) => {
    await using scene = await openScene();
    const answer = await post(scene, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code } });
    expect(scene.provider.requests).toEqual([]);
  });

  test('a model that nobody serves is a 404', async () => {
    await using scene = await openScene({ route: { match: { models: ['gpt-*'] } } });
    const answer = await post(scene, { model: 'claude' });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'model_not_found', param: 'model' } });
  });
});

describe('what a turn over HTTP is not', () => {
  test('it remembers nothing: ids of earlier responses are the provider’s affair', async () => {
    await using scene = await openScene();
    await (await post(scene, { model: 'm', previous_response_id: 'resp_stored', input: 'x' })).json();
    expect(scene.provider.requests[0]?.body).toMatchObject({
      previous_response_id: 'resp_stored',
      input: 'x',
    });
    expect(scene.bridge.bridge.usedBytes.transcripts).toBe(0);
  });

  test('it is logged and counted like any other', async () => {
    await using scene = await openScene();
    await (await post(scene, { model: 'm' })).json();
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ via: 'http', outcome: 'completed' }]);
    expect(await scene.bridge.metric('turnbridge_turns_total{outcome="completed"}')).toBe(1);
  });

  test('a client that goes away stops the provider at once', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
    let left = 0;
    await promptly(async () => {
      left += 1;
      const leaving = new AbortController();
      const answer = await fetch(`${scene.bridge.url}/responses`, {
        method: 'POST',
        body: '{"model":"m","stream":true}',
        signal: leaving.signal,
      });
      expect(answer.status).toBe(200);
      const leftAt = performance.now();
      leaving.abort();
      const end = await within(scene.provider.requests.at(-1)!.closed, 'the end of the request');
      expect(end.how).toBe('client-closed');
      return end.at - leftAt;
    });
    const ends = await logged(scene.bridge, 'turn.end', left);
    expect(ends.map(({ outcome }) => outcome)).toEqual(Array(left).fill('disconnected'));
  });
});
