/**
 * As canary.test.ts, for what providers and clients can say on WebSockets to providers: headers of a 101, the body of a
 * refused upgrade, close reasons, pings, and everything that is passed on to `/realtime`.
 */
import { describe, expect, test } from '@jest/globals';
import type { AnswerLike } from '../../src/scripted/script.ts';
import { routeTo } from '../harness/bridge.ts';
import { connect } from '../harness/connect.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { ask, logged } from '../protocol/scene.ts';
import { Canaries, type Allowance, type Shape } from './canaries.ts';
import { operatorExhibits } from './canary-exhibits.ts';
import { clientHeaders, createFields, providerAnswers } from './canary-inputs.ts';
import { openStage, type Stage } from './canary-stage.ts';

const ALLOWED_WORDS: readonly Allowance[] = [
  {
    place: /^provider response model$/,
    where: /^span chat: gen_ai\.response\.model$/,
    reason: 'the model that answered, which may be another than was asked for',
  },
  {
    place: /^provider response id$/,
    where:
      /^(?:span [\w.]+: (?:gen_ai\.response\.id|turnbridge\.response\.id)|log turn\.end|\/state\.json as .+|\/events)$/,
    reason: "an operator needs it for the provider's support; it opens nothing without the key",
  },
  {
    place: /^101 x-request-id$/,
    where:
      /^(?:span WS: turnbridge\.provider\.request_id|log (?:turn\.end|attempt\.fail)|\/state\.json as .+|\/events)$/,
    reason: "an operator needs it for the provider's support",
  },
];

const ALLOWED_TO_CLIENTS: readonly Allowance[] = [
  {
    place: /^(?:provider|refusal) /,
    where: /^provider's error$/,
    reason:
      "an error of the provider's is the answer to what this client asked, and is handed on to it alone",
  },
];

function answersOf(canaries: Canaries): Readonly<Record<string, AnswerLike>> {
  const all = providerAnswers(canaries);
  const told = ['fine', 'failed', 'error', 'r400', 'r401', 'r429', 'r500', 'reset'] as const;
  return {
    ...Object.fromEntries(told.map((name) => [name, all[name] ?? 'hello'])),
    closed: [
      { text: canaries.in('provider text') },
      { close: { code: 1011, reason: canaries.in('close reason').slice(0, 120) } },
    ],
    own: [{ close: { code: 4321, reason: canaries.in('close reason of its own').slice(0, 120) } }],
    binary: [{ text: canaries.in('provider text') }, { binary: canaries.in('binary message') }],
  };
}

/** A token of a header has no spaces. */
function tokenOf(canaries: Canaries, place: string): string {
  return canaries.in(place).replaceAll(' ', '-');
}

/** Each answer of a provider on a WebSocket of ours, and each way to refuse one. */
async function talk(stage: Stage, canaries: Canaries, models: readonly string[]): Promise<void> {
  const client = await stage.enter({ headers: clientHeaders(canaries, 'valid') });
  for (const model of models) {
    // oxlint-disable-next-line no-await-in-loop -- on the same socket, one after the other
    await ask(client, { ...createFields(canaries), model });
  }
  await client.close(3000, canaries.in('close reason of the client').slice(0, 120));
  await stage.heard.client(client);
}

/** A WebSocket that is passed on, with all that can be said on it. */
async function passOn(stage: Stage, canaries: Canaries): Promise<void> {
  const { url } = stage.scene.bridge;
  const query = new URLSearchParams({ model: 'fine', token: canaries.in('realtime query') }).toString();
  const secret = `openai-insecure-api-key.${tokenOf(canaries, 'realtime subprotocol key')}`;
  const at = `${url}/realtime?${query}`;
  const { authorization: _, ...headers } = clientHeaders(canaries, 'valid');
  const client = await connect(at, { headers, protocols: ['realtime', secret] });
  client.send(canaries.in('realtime text'));
  client.send(Buffer.from(canaries.in('realtime binary')));
  await client.nextFrame();
  client.send(`close 4001 ${canaries.in('realtime close reason').slice(0, 60)}`);
  await client.closed;
  const leaving = await connect(at, { headers, protocols: ['realtime'] });
  await leaving.close(4002, canaries.in('realtime close reason of the client').slice(0, 120));
  await logged(stage.scene.bridge, 'tunnel.close', 2);
}

describe.each<Shape>(['word', 'sentence'])('a %s', (shape) => {
  test('on a WebSocket to a provider is seen in no trace, log, metric, page or error of ours', async () => {
    const canaries = new Canaries(shape);
    const answers = answersOf(canaries);
    const names = Object.keys(answers);
    const headers = Object.fromEntries(
      ['x-request-id', 'server', 'openai-organization', 'x-codex-primary-used-percent', 'x-ratelimit-a'].map(
        (name) => [name, canaries.in(`101 ${name}`)],
      ),
    );
    await using speaking = await fakeProvider(({ body }) => answers[String(body.model)] ?? 'hello', {
      webSocket: { headers, pingEveryMs: 20, greeting: canaries.in('greeting') },
    });
    const refusing = (status: number) =>
      fakeProvider('hello', {
        webSocket: {
          refuse: {
            status,
            headers: { server: canaries.in(`refusal header ${status}`) },
            body: {
              error: { message: canaries.in(`refusal body ${status}`), code: canaries.in('refusal code') },
            },
          },
        },
      });
    await using unknown = await refusing(404);
    await using unwell = await refusing(503);
    await using strict = await refusing(401);
    const route = (name: string, models: readonly string[], url: string, transport: string): string =>
      routeTo(url, {
        name,
        match: { models },
        clients: { auth: { type: 'Passthrough' } },
        provider: { transport, auth: { type: 'Passthrough' } },
      });
    await using stage = await openStage({
      routes: () =>
        [
          route('speaking', names, speaking.url, 'WebSocket'),
          route('unknown', ['unknown'], unknown.url, 'Auto'),
          route('unwell', ['unwell'], unwell.url, 'Auto'),
          route('strict', ['strict'], strict.url, 'WebSocket'),
        ].join('---\n'),
    });
    const { scene, receiver, heard } = stage;
    await talk(stage, canaries, [...names, 'unknown', 'unwell', 'strict']);
    await passOn(stage, canaries);
    await receiver.waitFor(({ attributes }) => attributes['turnbridge.model'] === 'strict', 'the last turn');
    expect(speaking.requests.length).toBeGreaterThanOrEqual(names.length);
    const exhibits = [...(await operatorExhibits(scene.bridge, receiver)), ...heard.exhibits];
    const allowances = [...ALLOWED_TO_CLIENTS, ...(shape === 'word' ? ALLOWED_WORDS : [])];
    expect(canaries.leaks(exhibits, allowances)).toEqual([]);
    expect(canaries.unused(exhibits, allowances)).toEqual([]);
  });
});
