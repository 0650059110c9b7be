/** No secret and no word of a conversation in logs or metrics, whatever happens. */
import { expect, test } from '@jest/globals';
import { ask, codexHeaders, idOf, logged, openScene, said, type JsonObject } from './scene.ts';
import type { AnswerLike } from '../../src/scripted/script.ts';

/** Stands in everything that a client or a provider writes. */
const canary = 'canaryXq7';

const answers: Readonly<Record<string, AnswerLike>> = {
  [`${canary}-ok`]: [
    { reasoning: { summary: canary, encrypted: canary } },
    { text: `I say ${canary}` },
    { toolCall: { name: canary, arguments: { secret: canary } } },
  ],
  [`${canary}-refused`]: {
    status: {
      code: 400,
      headers: { 'x-request-id': `req ${canary}` },
      body: { error: { message: canary, type: canary, code: canary } },
    },
  },
  [`${canary}-plain`]: { status: { code: 502, body: `<html>${canary}</html>` } },
  [`${canary}-failed`]: [{ text: canary }, { fail: { code: canary, message: canary } }],
  [`${canary}-error`]: [{ text: canary }, { error: { code: canary, message: canary, type: canary } }],
  [`${canary}-cut`]: [{ text: canary }, { reset: true }],
  [`${canary}-odd`]: [{ event: { type: `response.${canary}`, text: canary } }, { text: canary }],
};

test('a canary in every place of a conversation is found in no log line and no metric', async () => {
  await using scene = await openScene({
    script: ({ body }) => answers[String(body.model)] ?? 'hello',
    route: {
      clients: { queryPassthrough: { allow: ['q'] } },
      provider: { auth: { type: 'Passthrough' } },
      headerPassthrough: { request: { allow: ['x-team'] } },
    },
  });
  const headers = {
    ...codexHeaders,
    authorization: `Bearer ${canary}`,
    'x-team': canary,
    'x-api-key': canary,
    'session-id': canary,
    'thread-id': canary,
    'x-codex-turn-metadata': `{"dir":"${canary}"}`,
    'user-agent': `codex_exec/${canary}`,
    cookie: canary,
  };
  const client = await scene.connect({ headers });
  const turn = async (body: JsonObject): Promise<JsonObject[]> =>
    ask(client, {
      instructions: canary,
      input: [said(canary)],
      metadata: { [canary]: canary },
      client_metadata: { session_id: canary, 'x-codex-turn-state': canary, [canary]: canary },
      prompt_cache_key: canary,
      stream_id: canary,
      ...body,
    });
  for (const model of Object.keys(answers)) await turn({ model });
  const warmup = await turn({ generate: false });
  await turn({ previous_response_id: idOf(warmup) });
  await turn({ previous_response_id: canary });
  for (const frame of [
    canary,
    `{"type":"${canary}"}`,
    `{"type":"response.create","${canary}":1,"${canary}":1}`,
  ]) {
    client.send(frame);
    await client.next('error');
  }
  client.send({ type: 'response.interrupt', response_id: canary });
  client.send({ type: 'response.steer', previous_response_id: canary, input: canary });
  await client.next('response.steer.failed');
  await client.close(1000, canary);

  const { url, port, opsUrl } = scene.bridge;
  const post = (path: string, body: string): Promise<Response> =>
    fetch(`${url}${path}?q=${canary}&${canary}=1`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
    });
  await post('/responses', JSON.stringify({ model: `${canary}-ok`, input: canary }));
  await post('/responses', canary);
  await post('/responses/compact', JSON.stringify({ model: canary, input: canary }));
  await post(`/${canary}`, canary);
  await fetch(`http://127.0.0.1:${port}/${canary}?${canary}`, { headers: { host: canary } });
  await scene.connect({ headers: { origin: `https://${canary}` } }).catch(() => undefined);
  await scene.provider.close();
  await post('/responses', JSON.stringify({ model: canary }));

  expect(await logged(scene.bridge, 'turn.end', 11)).toHaveLength(11);
  await logged(scene.bridge, 'connection.close');
  const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
  expect(JSON.stringify(scene.bridge.logs())).not.toContain(canary);
  expect(metrics).toContain('turnbridge_turns_total');
  expect(metrics).not.toContain(canary);
});

test('keys of Secrets are in no log line, also when a route is broken', async () => {
  await using scene = await openScene({
    route: {
      clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } },
      provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } },
    },
    secrets: { keys: { alice: `${canary}-client` }, own: { apiKey: '${PROVIDER_KEY}' } },
    env: { PROVIDER_KEY: `${canary}-provider` },
    script: { status: { code: 401, body: { error: { message: `Bad key ${canary}-provider` } } } },
  });
  const client = await scene.connect({ headers: { authorization: `Bearer ${canary}-client` } });
  const [error] = await ask(client, {});
  expect(JSON.stringify(error)).not.toContain(canary);
  expect(scene.provider.requests[0]?.headers['authorization']).toBe(`Bearer ${canary}-provider`);
  await scene.changeRoute({ bogus: true }, { keys: { alice: `${canary}-new` }, own: { wrong: canary } });
  await logged(scene.bridge, 'config.reload');
  expect(JSON.stringify(scene.bridge.logs())).not.toContain(canary);
});
