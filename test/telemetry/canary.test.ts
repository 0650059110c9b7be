/**
 * No text that a client or a provider writes, and no secret of a route, gets where operators look: traces, log, metrics,
 * the page of the ops port; nor into errors and close reasons that Turnbridge makes. Each place has a word of its own,
 * so a failure names what leaked and where.
 */
import { describe, expect, test } from '@jest/globals';
import type { AnswerLike } from '../../src/scripted/script.ts';
import { routeTo } from '../harness/bridge.ts';
import { ask, idOf, logged, said, type JsonObject } from '../protocol/scene.ts';
import { Canaries, type Allowance, type Shape } from './canaries.ts';
import { operatorExhibits, tracesAndLog } from './canary-exhibits.ts';
import { openStage, type Stage } from './canary-stage.ts';
import { clientHeaders, createFields, providerAnswers } from './canary-inputs.ts';

/** Where the line is drawn. Identifiers may be seen if they look like one; a sentence in their place may not. */
const ALLOWED_WORDS: readonly Allowance[] = [
  {
    place: /^request model$/,
    where: /^span chat: (?:name|gen_ai\.request\.model)$/,
    reason:
      'the conventions of traces for models want the model as it is asked for; metrics and logs have configured names only',
  },
  {
    place: /^(?:provider response model|request model)$/,
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
    place: /^provider x-request-id$/,
    where:
      /^(?:span POST: turnbridge\.provider\.request_id|log (?:turn\.end|attempt\.fail)|\/state\.json as .+|\/events)$/,
    reason: "an operator needs it for the provider's support",
  },
];

/** Whatever the shape: what only the two sides of the conversation hear. */
const ALLOWED_TO_CLIENTS: readonly Allowance[] = [
  {
    place: /^provider /,
    where: /^provider's error$/,
    reason:
      "an error of the provider's is the answer to what this client asked, and is handed on to it and nobody else",
  },
  {
    place: /^request (?:model|previous_response_id)$/,
    where: /^our error (?:model_not_found|previous_response_not_found)$/,
    reason: 'what is not there is named to the client that asked for it, as the API does',
  },
  {
    place: /^(?:doubled key|content-encoding)$/,
    where: /^our error (?:invalid_request|unsupported_encoding)$/,
    reason: 'so is the name, never the value, of what a request has wrongly',
  },
];

/** One turn of each answer, and everything else that can be said on a socket. */
async function talkOverSocket(stage: Stage, canaries: Canaries, answers: readonly string[]): Promise<void> {
  const client = await stage.enter({ headers: clientHeaders(canaries, 'broken') });
  const fields = createFields(canaries);
  const model = (answer: string): string => `${canaries.in('request model')}.${answer}`;
  const ask = async (body: JsonObject): Promise<JsonObject[]> => {
    client.create({ ...fields, ...body });
    return client.events();
  };
  for (const answer of answers) await ask({ model: model(answer) });
  const first = await ask({ model: model('numbers'), generate: false });
  await ask({ model: model('numbers'), previous_response_id: idOf(first) });
  await ask({ model: model('fine'), previous_response_id: canaries.in('request previous_response_id') });
  await ask({ model: model('fine'), stream_id: canaries.in('request stream_id') });
  await ask({ model: canaries.in('request model') + '.unserved' });
  await ask({ model: model('fine'), conversation: { id: canaries.in('request conversation') } });
  await ask({ model: model('fine'), input: { [canaries.in('request input key')]: 1 } });
  await ask({ model: model('fine'), client_metadata: canaries.in('request client_metadata') });
  client.create({ ...fields, model: model('stall') });
  await client.next('response.output_text.delta');
  client.send({
    type: 'response.interrupt',
    response_id: 'resp_nobody',
    note: canaries.in('interrupt note'),
  });
  client.send({ type: 'response.steer', input: said(canaries.in('steer input')) });
  client.send({ type: 'response.inject', input: [said(canaries.in('inject input'))] });
  const frames = [
    canaries.in('frame that is no JSON'),
    Buffer.from(canaries.in('binary frame')),
    { type: canaries.in('frame type'), text: canaries.in('frame member') },
    { [canaries.in('frame key')]: 1 },
    `{"type":"response.create","${canaries.in('doubled key')}":1,"${canaries.in('doubled key')}":1}`,
    { type: 'response.create', stream_id: `/${canaries.in('bad stream_id')}` },
    { type: 'session.update', session: { instructions: canaries.in('legacy event') } },
  ];
  for (const frame of frames) {
    client.send(frame);
    await client.next('error');
  }
  await client.close(3000, canaries.in('close reason of the client').slice(0, 120));
  await stage.heard.client(client);
}

/** The same over HTTP, and what is relayed, and what is served to nobody. */
async function talkOverHttp(stage: Stage, canaries: Canaries, answers: readonly string[]): Promise<void> {
  const { post, raw } = stage;
  const headers = { ...clientHeaders(canaries, 'valid'), 'content-type': 'application/json' };
  const query = new URLSearchParams({
    q: canaries.in('query value'),
    token: canaries.in('query token'),
    [canaries.in('query name')]: '1',
  }).toString();
  const { stream_id: _, ...fields } = createFields(canaries) as JsonObject & { stream_id?: string };
  const bodyOf = (answer: string, stream: boolean): string =>
    JSON.stringify({ ...fields, model: `${canaries.in('request model')}.${answer}`, stream });
  for (const answer of answers) {
    await post(`/responses?${query}`, bodyOf(answer, true), headers);
    await post(`/responses?${query}`, bodyOf(answer, false), headers);
  }
  const path = encodeURIComponent(canaries.in('path'));
  await post('/responses', canaries.in('HTTP body that is no JSON'), headers);
  await post('/responses', JSON.stringify([canaries.in('HTTP body that is a list')]), headers);
  await post('/responses', '{}', { ...headers, 'content-encoding': canaries.in('content-encoding') });
  await post('/responses', '{}', { ...headers, 'content-type': canaries.in('content-type') });
  await post(
    `/responses/compact?${query}`,
    JSON.stringify({ model: 'm', input: canaries.in('relayed body') }),
    headers,
  );
  await post(`/models?${query}`, '', headers, 'GET');
  await post(`/models?${query}`, '', headers, 'DELETE');
  await post(`/${path}?${query}`, canaries.in('body for nobody'), headers);
  await raw(`GET /${path}?${query} HTTP/1.1\r\nhost: ${canaries.in('host')}\r\nconnection: close\r\n\r\n`);
  await raw(`GET /v1/responses HTTP/1.1\r\nhost: a\r\n${path} ${canaries.in('broken header line')}\r\n\r\n`);
  await raw(`${canaries.in('broken request line')}\r\n\r\n`);
}

/** Upgrades that are refused, each for another reason. */
async function knock({ open, scene }: Stage, canaries: Canaries): Promise<void> {
  const headers = clientHeaders(canaries, 'valid');
  const { url } = scene.bridge;
  const path = encodeURIComponent(canaries.in('path'));
  await open({ headers: { ...headers, origin: `https://${canaries.in('origin').replaceAll(' ', '-')}` } });
  await open({ headers }, `${url}/${path}`);
  await open({ headers }, `${url}/responses/${path}?key=${path}`);
  await open({ headers, protocols: [`openai-insecure-api-key.${secretOf(canaries, 'subprotocol key')}`] });
  await open({ headers: { ...headers, 'x-turnbridge-via': `test-bridge, ${canaries.in('via')}` } });
}

/** A token may stand there only: the sentence has no spaces either. */
function secretOf(canaries: Canaries, place: string): string {
  return canaries.in(place).replaceAll(' ', '-');
}

const ANSWERS = [
  'fine',
  'numbers',
  'incomplete',
  'failed',
  'error',
  'r400',
  'r401',
  'r404',
  'r429',
  'r500',
  'r302',
  'html',
  'page',
  'json',
  'broken',
  'reset',
  'cut',
];

describe.each<Shape>(['word', 'sentence'])('a %s', (shape) => {
  test('that a client or a provider wrote is seen in no trace, log, metric, page or error of ours', async () => {
    const canaries = new Canaries(shape);
    const answers = providerAnswers(canaries);
    await using stage = await openStage({
      script: ({ body }) => answers[String(body.model).split('.').at(-1) ?? ''] ?? 'hello',
      routes: (url) => {
        const route = {
          clients: { queryPassthrough: { allow: ['q'] } },
          headerPassthrough: { request: { allow: ['x-team'] } },
        };
        const models = [...ANSWERS, 'stall'].map((name) => `*.${name}`).concat('m');
        const auth = { type: 'Passthrough' };
        const silent = { match: { models: ['*.silent'] }, timeouts: { firstEventSeconds: 1 } };
        return [
          routeTo(url, { ...route, provider: { auth, models } }),
          routeTo(url, { ...route, ...silent, name: 'silent', provider: { auth } }),
        ].join('---\n');
      },
    });
    const { scene, receiver, heard } = stage;
    await talkOverSocket(stage, canaries, [...ANSWERS, 'silent']);
    await talkOverHttp(stage, canaries, ANSWERS);
    await knock(stage, canaries);
    await scene.provider.close();
    await stage.post(
      '/responses',
      JSON.stringify({ model: `${canaries.in('request model')}.fine`, input: 'a' }),
      {
        ...clientHeaders(canaries, 'valid'),
        'content-type': 'application/json',
      },
    );
    await receiver.waitFor(
      ({ attributes }) => attributes['turnbridge.code'] === 'provider_unreachable',
      'the last turn',
    );
    const exhibits = [...(await operatorExhibits(scene.bridge, receiver)), ...heard.exhibits];
    const allowances = [...ALLOWED_TO_CLIENTS, ...(shape === 'word' ? ALLOWED_WORDS : [])];
    expect(canaries.leaks(exhibits, allowances)).toEqual([]);
    expect(canaries.unused(exhibits, allowances)).toEqual([]);
  });
});

/** Seen where the provider continues, since the id is the provider's then. */
const ALLOWED_WHERE_PROVIDER_CONTINUES: readonly Allowance[] = [
  {
    place: /^request previous_response_id$/,
    where: /^span chat: gen_ai\.request\.previous_response\.id$/,
    reason: "the provider's id of the response before, as its own support knows it",
  },
];

test('no secret of a route and no key of a client is seen anywhere, whatever goes wrong', async () => {
  const canaries = new Canaries('word');
  const at = (place: string): string => canaries.in(place);
  const receiverKey = at('key of the receiver of traces');
  process.env['OTEL_EXPORTER_OTLP_HEADERS'] = `authorization=${receiverKey}`;
  await using stage = await openStage({
    route: {
      clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } },
      provider: {
        auth: { type: 'APIKey', secretRef: { name: 'own' } },
        query: [{ name: 'api-version', value: at('route query') }],
        headers: { set: [{ name: 'x-of-route', value: at('route header') }] },
      },
      continuation: { mode: 'Provider' },
      limits: { maxMessageBytes: 8_192 },
    },
    secrets: { keys: { alice: at('client key') }, own: { apiKey: '${PROVIDER_KEY}' } },
    env: { PROVIDER_KEY: at('provider key'), OTHER: at('environment') },
    script: ({ body }) => {
      const refused = (code: number): AnswerLike => ({
        status: { code, body: { error: { message: `Bad key ${at('provider key')}` } } },
      });
      const answers: Record<string, AnswerLike> = {
        r401: refused(401),
        r403: refused(403),
        stall: [{ text: 'a' }, { stall: true }],
      };
      return answers[String(body.model)] ?? 'hello';
    },
  }).finally(() => delete process.env['OTEL_EXPORTER_OTLP_HEADERS']);
  const { scene, heard, receiver, open, enter, post } = stage;
  const right = { authorization: `Bearer ${at('client key')}` };
  const wrong = { authorization: `Bearer ${at('wrong client key')}`, 'x-api-key': at('wrong x-api-key') };
  await open({ headers: wrong });
  await open({ protocols: ['realtime', `openai-insecure-api-key.${at('wrong subprotocol key')}`] });
  await post('/responses', JSON.stringify({ model: 'm', input: at('input of a stranger') }), wrong);
  const client = await enter({
    protocols: ['realtime', `openai-insecure-api-key.${at('client key')}`],
  });
  for (const model of ['m', 'r401', 'r403'])
    await ask(client, { model, previous_response_id: at('request previous_response_id') });
  await post('/responses', JSON.stringify({ model: 'r401', input: 'a' }), right);
  await post('/models', '', right, 'GET');
  const leaving = await enter({ headers: right });
  leaving.create({ model: 'stall', input: at('input of who leaves') });
  await leaving.next('response.output_text.delta');
  leaving.terminate();
  const loud = await enter({ headers: right });
  loud.create({ model: 'm', input: at('too much input').repeat(1_000) });
  await loud.closed;
  await scene.changeRoute(
    { bogus: at('broken route') },
    { keys: { alice: at('new key') }, own: { a: at('entry') } },
  );
  await logged(scene.bridge, 'config.reload');
  client.create({ model: 'stall', input: at('input of who is drained') });
  await client.next('response.output_text.delta');
  await receiver.waitFor(({ attributes }) => attributes['turnbridge.outcome'] === 'disconnected', 'who left');
  const page = await operatorExhibits(scene.bridge, receiver);
  await scene.bridge.drain({ deadlineMs: 1 });
  await receiver.waitFor(
    ({ attributes }) => attributes['turnbridge.outcome'] === 'drained',
    'who is drained',
  );
  await heard.client(client, 'by the bridge');
  await heard.client(loud, 'by the bridge');
  const exhibits = [...page, ...tracesAndLog(scene.bridge, receiver), ...heard.exhibits];
  expect(canaries.leaks(exhibits, ALLOWED_WHERE_PROVIDER_CONTINUES)).toEqual([]);
  expect(canaries.unused(exhibits, ALLOWED_WHERE_PROVIDER_CONTINUES)).toEqual([]);
  const secretsAsTheyTravelled = JSON.stringify([
    scene.provider.requests.map(({ headers }) => headers),
    receiver.headers,
  ]);
  expect(secretsAsTheyTravelled).toContain(at('provider key'));
  expect(secretsAsTheyTravelled).toContain(receiverKey);
  expect(heard.exhibits.map(({ where }) => where)).toEqual(
    expect.arrayContaining(['our error invalid_api_key', 'our error provider_unauthorized', 'close reason']),
  );
});
