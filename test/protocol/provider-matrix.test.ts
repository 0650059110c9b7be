/** Every service of docs/providers.md, with the route that stands there: a conversation of tool calls that ends right. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadFiles } from '../../src/config/load.ts';
import {
  dialectNames,
  dialectScript,
  dialectWebSocket,
  type DialectName,
} from '../../src/scripted/dialects.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { Answer, AnswerFunction } from '../../src/scripted/script.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { connect } from '../harness/connect.ts';
import { idOf, responseOf, said, secretNamed, typesOf } from './scene.ts';

type JsonObject = Record<string, unknown>;

const page = await readFile(join(import.meta.dirname, '../../docs/providers.md'), 'utf8');
/** What the routes of the page refer to. */
const secrets = [
  secretNamed('codex-clients', { alice: 'alice-key' }),
  ...['openai', 'azure', 'xai', 'openrouter', 'groq'].map((name) =>
    secretNamed(name, { apiKey: `${name}-key` }),
  ),
];

/** The route of one service, as the page has it. */
function routeOf(name: DialectName): string {
  const found = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
  return found.find((yaml) => yaml.includes(`metadata: { name: ${name} }`)) ?? '';
}

test.each(dialectNames)('the route of %s on docs/providers.md is one without a mistake', (name) => {
  const text = [routeOf(name), ...secrets].join('---\n');
  const { kind, problems } = loadFiles([{ name, text }], {
    env: {},
    missingVariables: 'error',
    loopbackAllowed: false,
    missingReferences: 'Refused',
    bridgeName: 'default',
  });
  expect(kind).toBe('loaded');
  expect(problems.filter(({ message }) => !/unencrypted|Secret/.test(message))).toEqual([]);
});

/** The row of a service in the page's first table. */
function rowOf(name: DialectName): string {
  const title = new RegExp(`^\\| \\[[^\\]]*\\]\\(#${name.replaceAll('-', '-?')}\\)`, 'm');
  const line = page.split('\n').find((text) => title.test(text));
  return line ?? '';
}

const hasWebSocket = (name: DialectName): boolean => dialectWebSocket(name) !== 'off';

test('docs/providers.md says of each service whether it has WebSockets', () => {
  const said_ = Object.fromEntries(
    dialectNames.map((name) => [name, rowOf(name).includes('| WebSocket, HTTP')]),
  );
  expect(said_).toEqual(Object.fromEntries(dialectNames.map((name) => [name, hasWebSocket(name)])));
});

/** Reads the whole conversation as a model would: a question gets a tool call, the tool's output gets a text. */
function converse(request: RecordedRequest): Answer {
  const input = request.context.input as readonly JsonObject[];
  const last = input.at(-1) ?? {};
  if (last['type'] !== 'function_call_output') {
    const callId = `call_${input.length}`;
    return { steps: [{ toolCall: { name: 'get_weather', arguments: { city: 'Paris' }, callId } }] };
  }
  const asked = input.some((item) => item['type'] === 'function_call' && item['call_id'] === last['call_id']);
  if (!asked) return { steps: [{ text: 'What is this the output of?' }] };
  return { steps: [{ text: `It is ${String(last['output'])}, and this is item ${input.length}.` }] };
}

/** Asks with what is new and with what came before, in whichever way its client goes on; the events of the answer. */
type Ask = (news: readonly JsonObject[], earlier: readonly JsonObject[], id: string) => Promise<JsonObject[]>;

/** Two questions, each with a tool call. Every answer must be whole and be to the whole conversation. */
async function holdConversation(ask: Ask): Promise<void> {
  const earlier: JsonObject[] = [];
  let id = '';
  for (const [question, weather] of [
    ['What is the weather in Paris?', 'sunny'],
    ['And now?', 'rainy'],
  ] as const) {
    const called = await turn([said(question)]);
    expect(called).toMatchObject([
      { type: 'function_call', name: 'get_weather', arguments: '{"city":"Paris"}' },
    ]);
    const [{ call_id: callId } = {}] = called;
    const told = { type: 'function_call_output', call_id: callId, output: weather };
    const before = earlier.length;
    expect(textIn(await turn([told]))).toBe(`It is ${weather}, and this is item ${before + 1}.`);
  }

  async function turn(news: readonly JsonObject[]): Promise<JsonObject[]> {
    const events = await ask(news, earlier, id);
    const output = outputOf(events);
    id = idOf(events);
    earlier.push(...news, ...output);
    return output;
  }
}

/** What a client has of an answer, once it has seen to it that the answer is as the API's are. */
function outputOf(events: readonly JsonObject[]): JsonObject[] {
  const types = typesOf(events);
  expect([types[0], types.at(-1)]).toEqual(['response.created', 'response.completed']);
  expect(new Set(events.map((event) => responseOf(event)['id']).filter(Boolean)).size).toBe(1);
  expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, index) => index));
  const done = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item);
  expect(responseOf(events.at(-1))['output']).toEqual(done);
  return done as JsonObject[];
}

function textIn(output: readonly JsonObject[]): string {
  const content = output[0]?.['content'] as readonly { text: string }[] | undefined;
  return content?.map(({ text }) => text).join('') ?? '';
}

interface Service extends AsyncDisposable {
  readonly provider: ScriptedProvider;
  readonly url: string;
}

/** The service and a bridge with the page's route to it; `transport` is put into the route. */
async function open(
  name: DialectName,
  transport: string,
  script: AnswerFunction = converse,
): Promise<Service> {
  await using stack = new AsyncDisposableStack();
  const provider = stack.use(
    await fakeProvider(dialectScript(name, script), { webSocket: dialectWebSocket(name) }),
  );
  const here = `transport: ${transport}\n      url: ${new URL(provider.url).origin}`;
  const route = routeOf(name).replace(/url: https?:\/\/[^/\s]+/, here);
  const bridge = stack.use(await startBridge({ routes: [route, ...secrets].join('---\n') }));
  const owned = stack.move();
  return { provider, url: bridge.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const headers = { authorization: 'Bearer alice-key' };
const model = 'gpt-5.5';

async function overWebSocket({ url }: Service): Promise<void> {
  await using client = await connect(`${url}/responses`, { headers });
  await holdConversation((news, _, id) => {
    client.create({ model, store: false, input: news, ...(id !== '' && { previous_response_id: id }) });
    return client.events();
  });
}

/** @param hasIds It names the response before and sends what is new; else it sends everything. */
async function overPosts({ url }: Service, hasIds: boolean): Promise<void> {
  await holdConversation(async (news, earlier, id) => {
    const input = hasIds ? news : [...earlier, ...news];
    const previous = hasIds && id !== '' ? { previous_response_id: id } : {};
    const response = await fetch(`${url}/responses`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ model, store: hasIds, stream: true, input, ...previous }),
    });
    expect(response.status).toBe(200);
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
    return lines.map((line) => JSON.parse(line.slice(6)) as JsonObject);
  });
}

/** How the provider was asked: by frames or by posts. */
function transportsOf({ provider }: Service): readonly string[] {
  return [...new Set(provider.requests.map(({ via }) => via))];
}

const ways = dialectNames.flatMap((name): [DialectName, string, string][] => [
  [name, 'Auto', hasWebSocket(name) ? 'websocket' : 'http'],
  [name, 'HTTP', 'http'],
  ...(hasWebSocket(name) ? [[name, 'WebSocket', 'websocket'] as [DialectName, string, string]] : []),
]);

describe.each(ways)('%s, transport %s', (name, transport, via) => {
  test('a client with a WebSocket, which sends what is new', async () => {
    await using service = await open(name, transport);
    await overWebSocket(service);
    expect(transportsOf(service)).toEqual([via]);
    expect(service.provider.upgrades).toBe(via === 'websocket' ? 1 : 0);
  });

  test('a client that posts everything', async () => {
    await using service = await open(name, transport);
    await overPosts(service, false);
    expect(transportsOf(service)).toEqual([via]);
  });
});

test.each(ways.filter(([name]) => rowOf(name).includes('| yes')))(
  '%s, transport %s: a client that posts what is new, for the service remembers the rest',
  async (name, transport, via) => {
    await using service = await open(name, transport);
    await overPosts(service, true);
    expect(transportsOf(service)).toEqual([via]);
  },
);

test.each(ways.filter(([, transport]) => transport !== 'HTTP'))(
  '%s, transport %s: two lanes at once, each with its own conversation',
  async (name, transport) => {
    await using service = await open(name, transport);
    await using client = await connect(`${service.url}/responses`, { headers });
    const inLane = (lane: string): Promise<void> =>
      holdConversation(async (news, _, id) => {
        const previous = id === '' ? {} : { previous_response_id: id };
        client.create({ model, store: false, stream_id: lane, input: news, ...previous });
        const events = await client.events({ lane });
        expect(events.every((event) => event['stream_id'] === lane)).toBe(true);
        return events;
      });
    await Promise.all([inLane('a'), inLane('b')]);
  },
);

/** As the public API says it; each service has a form of its own. */
const busy = {
  message: 'Too many requests.',
  type: 'rate_limit_error',
  param: null,
  code: 'rate_limit_exceeded',
};

test.each(ways)(
  '%s, transport %s: a refusal is told in the form of the API, and the socket is good for the next turn',
  async (name, transport) => {
    let asked = 0;
    const refuseFirst: AnswerFunction = (request) =>
      (asked += 1) === 1 ? { status: { code: 429, body: { error: busy } } } : converse(request);
    await using service = await open(name, transport, refuseFirst);
    await using client = await connect(`${service.url}/responses`, { headers });
    client.create({ model, store: false, input: [said('Hello')] });
    const [refusal = {}] = await client.events();
    expect(refusal).toMatchObject({ type: 'error', status: 429, error: { message: busy.message } });
    const { type, code } = refusal['error'] as JsonObject;
    expect([typeof type, typeof (code ?? '')]).toEqual(['string', 'string']);
    client.create({ model, store: false, input: [said('Hello')] });
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
  },
);
