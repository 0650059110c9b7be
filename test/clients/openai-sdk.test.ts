/** The official OpenAI SDK for Node, its WebSocket helpers and its HTTP client, against the bridge. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider, gate, textAnswer } from '../harness/fake-provider.ts';
import type { JsonObject } from './codex-exec.ts';
import { inputOf } from './comparable.ts';
import {
  loadOpenAISdk,
  type OpenAIClient,
  type OpenAISdk,
  type SdkLane,
  type SdkResponse,
  type SdkSession,
  type SdkSocket,
} from './openai-sdk.ts';
import { answerScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

let sdk: OpenAISdk;
useClients();
beforeAll(async () => {
  sdk = await loadOpenAISdk();
});

const model = 'gpt-5.5';
const ask = (text: string): JsonObject[] => [
  { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
];

describe('ResponsesWS', () => {
  test('three requests on one socket, each continuing the one before', async () => {
    await using at = await openBoth(answerScript);
    const first = await createOn(at.socket, { model, store: false, input: ask('one') });
    const second = await createOn(at.socket, {
      model,
      store: false,
      input: ask('two'),
      previous_response_id: first.id,
    });
    const third = await createOn(at.socket, {
      model,
      store: false,
      input: ask('three'),
      previous_response_id: second.id,
    });

    expect([first, second, third].map(({ status }) => status)).toEqual(Array(3).fill('completed'));
    expect(at.provider.requests.map(({ body }) => body)).toEqual([
      { model, store: false, stream: true, input: ask('one') },
      { model, store: false, stream: true, input: [...ask('one'), ...first.output, ...ask('two')] },
      {
        model,
        store: false,
        stream: true,
        input: [...ask('one'), ...first.output, ...ask('two'), ...second.output, ...ask('three')],
      },
    ]);
  });

  test('a warm-up is answered without the provider, and its input is part of what follows', async () => {
    await using at = await openBoth(answerScript);
    const warm = await createOn(at.socket, { model, generate: false, input: ask('instructions') });
    const first = await createOn(at.socket, { model, input: ask('one'), previous_response_id: warm.id });

    expect(first.status).toBe('completed');
    expect(at.provider.requests).toHaveLength(1);
    expect(inputOf(at.provider.requests[0])).toEqual([...ask('instructions'), ...ask('one')]);
  });

  test.each([
    ['bad-request', 400],
    ['rate-limited', 429],
    ['overloaded', 503],
  ])(
    'a provider that answers %s: an error with status %i, and the socket stays usable',
    async (name, status) => {
      await using at = await openBoth((request) => (request.number === 1 ? name : textAnswer('Good again')));
      const failed = await createOn(at.socket, { model, input: ask('one') }).catch((error: unknown) => error);
      expect(failed).toMatchObject({ type: 'error', status, error: { message: expect.any(String) } });

      expect(await createOn(at.socket, { model, input: ask('two') })).toMatchObject({ status: 'completed' });
    },
  );

  test('an id that nobody knows is an error with a code, and the provider is not asked', async () => {
    await using at = await openBoth(answerScript);
    const failed = await createOn(at.socket, {
      model,
      input: ask('one'),
      previous_response_id: 'resp_of_yesterday',
    }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ status: 400, error: { code: 'previous_response_not_found' } });
    expect(at.provider.requests).toEqual([]);
  });
});

describe('the lane session helper', () => {
  test('three lanes at once, each with its own conversation', async () => {
    const all = gate();
    await using at = await openBoth(async (request) => {
      await all.promise;
      return answerScript(request);
    });
    const session = await at.openSession();
    const lanes = ['a', 'b', 'c'].map((name) => session.lane(name));
    for (const [index, lane] of lanes.entries()) lane.create({ model, input: ask(`question ${index}`) });
    await at.provider.waitForRequest(({ number }) => number === 3, 30_000); // all three are with the provider
    all.open();
    const answers = await Promise.all(lanes.map((lane) => lane.finalResponse()));

    expect(answers.map((answer) => answer.output_text)).toEqual(
      [0, 1, 2].map((index) => `Answer to: question ${index}`),
    );
    for (const [index, lane] of lanes.entries()) {
      lane.create({ model, input: ask('more'), previous_response_id: (answers[index] as SdkResponse).id });
    }
    await Promise.all(lanes.map((lane) => lane.finalResponse()));
    const continued = at.provider.requests.slice(3).map((request) => JSON.stringify(inputOf(request)[0]));
    expect(continued.toSorted()).toEqual(
      [0, 1, 2].map((index) => JSON.stringify(ask(`question ${index}`)[0])),
    );
  });

  test('a fork goes on in a lane of its own from what another lane answered', async () => {
    await using at = await openBoth(answerScript);
    const session = await at.openSession();
    const trunk = session.lane('trunk');
    trunk.create({ model, input: ask('one') });
    const first = await trunk.finalResponse();
    const fork = session.lane('fork');
    fork.create({ model, input: ask('two'), previous_response_id: first.id });
    expect((await fork.finalResponse()).output_text).toBe('Answer to: two');
    expect(inputOf(at.provider.requests[1])).toHaveLength(3);
  });

  test('a request that fails rejects in its own lane only', async () => {
    await using at = await openBoth((request) =>
      JSON.stringify(request.body).includes('the bad one') ? 'bad-request' : answerScript(request),
    );
    const session = await at.openSession();
    const good = session.lane('good');
    const bad = session.lane('bad');
    bad.create({ model, input: ask('the bad one') });
    good.create({ model, input: ask('the good one') });
    await expect(bad.finalResponse()).rejects.toMatchObject({ error: { status: 400, stream_id: 'bad' } });
    expect((await good.finalResponse()).output_text).toBe('Answer to: the good one');
  });
});

describe('the strict accumulator', () => {
  test.each([['hello'], ['reasoning'], ['tool-call'], ['long'], ['huge']])(
    'accepts every event of the script "%s"',
    async (script) => {
      await using at = await openBoth(script);
      const session = await at.openSession();
      const { final, provisional } = await accumulated(session.lane('one'));
      expect(final.status).toBe('completed');
      expect(provisional?.output).toEqual(final.output);
    },
  );

  test('accepts the events of a provider with every dialect quirk, repaired', async () => {
    await using at = await openBoth('quirks', { dialect: 'Compatible' });
    const session = await at.openSession();
    const { types, final, provisional } = await accumulated(session.lane('one'));
    expect(types[0]).toBe('response.created');
    expect(types).toContain('response.output_item.done');
    expect(final.status).toBe('completed');
    expect(provisional?.output).toEqual(final.output);
  });
});

describe('the HTTP client', () => {
  test('a streamed response: the events of the provider, each of them, in order', async () => {
    await using at = await openBoth(answerScript);
    const events: JsonObject[] = [];
    for await (const event of await at.client.responses.create({ model, input: ask('one'), stream: true })) {
      events.push(event);
    }
    expect(events[0]).toMatchObject({ type: 'response.created', sequence_number: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'response.completed' });
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, index) => index));
    expect(at.provider.requests[0]?.body).toEqual({ model, input: ask('one'), stream: true });
  });

  test('a response that is not streamed', async () => {
    await using at = await openBoth(answerScript);
    const response = await at.client.responses.create({ model, input: ask('one') });
    expect(response).toMatchObject({ status: 'completed', output_text: 'Answer to: one' });
  });

  test.each([['hello'], ['reasoning'], ['tool-call'], ['long']])(
    'its stream helper puts the events of "%s" together',
    async (script) => {
      await using at = await openBoth(script);
      const response = await at.client.responses.stream({ model, input: ask('one') }).finalResponse();
      expect(response.status).toBe('completed');
    },
  );

  test.each([
    ['bad-request', 400, 'BadRequestError'],
    ['rate-limited', 429, 'RateLimitError'],
    ['overloaded', 503, 'InternalServerError'],
  ])('a provider that answers %s: status %i, %s', async (script, status, name) => {
    await using at = await openBoth(script);
    for (const stream of [true, false]) {
      const failed: unknown = await at.client.responses
        .create({ model, input: ask('one'), stream })
        .catch((error: unknown) => error);
      expect(failed).toMatchObject({ status });
      expect((failed as Error).constructor.name).toBe(name);
    }
  });

  test('the list of models is the provider’s', async () => {
    await using at = await openBoth(answerScript);
    expect((await at.client.models.list()).data.length).toBeGreaterThan(0);
    expect(at.provider.requests).toMatchObject([{ method: 'GET', path: '/v1/models' }]);
  });
});

interface Both extends AsyncDisposable {
  readonly provider: ScriptedProvider;
  readonly client: OpenAIClient;
  readonly socket: SdkSocket;
  openSession(): Promise<SdkSession>;
}

/** A provider, a bridge before it, and the SDK connected. */
async function openBoth(script: ScriptLike, provider: JsonObject = {}): Promise<Both> {
  await using stack = new AsyncDisposableStack();
  const far = stack.use(await fakeProvider(script));
  const bridge = stack.use(await startBridge({ routes: routeTo(far.url, { provider }) }));
  const client = sdk.openClient(bridge.url);
  const owned = stack.move();
  let socket: SdkSocket | undefined;
  const openSocket = (): SdkSocket => (socket ??= sdk.openSocket(client));
  return {
    provider: far,
    client,
    get socket() {
      return openSocket();
    },
    openSession: () => sdk.openSession(openSocket()),
    async [Symbol.asyncDispose]() {
      socket?.close();
      await owned.disposeAsync();
    },
  };
}

/** Sends one request and resolves with the response of its terminal event; rejects with an `error` event. */
function createOn(socket: SdkSocket, request: JsonObject): Promise<SdkResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<SdkResponse>();
  socket.on('event', (event) => {
    if (['response.completed', 'response.incomplete', 'response.failed'].includes(String(event['type']))) {
      resolve(event['response'] as SdkResponse);
    }
  });
  socket.on('error', (error) => reject(error['error']));
  socket.send({ type: 'response.create', ...request });
  return promise;
}

interface Accumulated {
  readonly types: readonly unknown[];
  /** The response of the terminal event. */
  readonly final: SdkResponse;
  /** What the accumulator had put together by then. */
  readonly provisional: SdkResponse | undefined;
}

/** Runs one request in a lane, feeding every event to the accumulator; rejects when it cannot make sense of one. */
async function accumulated(lane: SdkLane): Promise<Accumulated> {
  const accumulator = sdk.openAccumulator();
  const types: unknown[] = [];
  let provisional: SdkResponse | undefined;
  lane.create({ model, input: ask('What is the weather?') });
  for (;;) {
    const event = await lane.receive();
    types.push(event['type']);
    accumulator.add(event);
    const { current } = accumulator;
    if (current?.phase === 'unavailable') throw current.error;
    if (current?.phase === 'terminal') {
      return { types, final: event['response'] as SdkResponse, provisional };
    }
    provisional = current?.snapshot;
  }
}
