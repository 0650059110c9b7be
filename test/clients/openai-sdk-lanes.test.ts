/** The SDK's lane session and its steering, through the bridge to a provider that has both. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { AnswerFunction } from '../../src/scripted/script.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider, gate } from '../harness/fake-provider.ts';
import type { JsonObject } from './codex-exec.ts';
import { textOf, wholeInputOf } from './comparable.ts';
import {
  loadOpenAISdk,
  type OpenAISdk,
  type SdkLane,
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

const model = 'gpt-6-astra';
const said = (text: string): JsonObject => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});

interface Scene extends AsyncDisposable {
  readonly provider: ScriptedProvider;
  readonly socket: SdkSocket;
  readonly session: SdkSession;
}

/** A provider with WebSockets, a bridge before it that knows what they can do, and the SDK's session. */
async function openScene(script: AnswerFunction, capabilities: readonly string[]): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const lanes = capabilities.includes('Lanes');
  const provider = stack.use(await fakeProvider(script, { webSocket: { lanes } }));
  const toProvider = { transport: 'WebSocket', capabilities };
  const bridge = stack.use(await startBridge({ routes: routeTo(provider.url, { provider: toProvider }) }));
  const socket = sdk.openSocket(sdk.openClient(bridge.url));
  stack.defer(() => socket.close());
  const session = await sdk.openSession(socket);
  const owned = stack.move();
  return { provider, socket, session, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The events of a lane until one of this type, it included. */
async function eventsUntil(lane: SdkLane, type: string): Promise<JsonObject[]> {
  const events: JsonObject[] = [];
  do events.push(await lane.receive());
  while (events.at(-1)?.['type'] !== type);
  return events;
}

const responseIn = (events: readonly JsonObject[]): JsonObject => events.at(-1)?.['response'] as JsonObject;

describe.each<[string, readonly string[], number]>([
  ['a provider with lanes: one socket for all', ['Lanes'], 1],
  ['a provider without lanes: a socket for each', [], 3],
])('%s', (_, capabilities, sockets) => {
  test('three lanes at once, each with its own conversation', async () => {
    const all = gate();
    await using scene = await openScene(async (request) => {
      await all.promise;
      return answerScript(request);
    }, capabilities);
    const { provider, session } = scene;
    const lanes = ['a', 'b', 'c'].map((name) => session.lane(name));
    for (const [index, lane] of lanes.entries()) lane.create({ model, input: [said(`question ${index}`)] });
    await provider.waitForRequest(({ number }) => number === 3, 30_000); // all three are with the provider
    all.open();
    const answers = await Promise.all(lanes.map((lane) => lane.finalResponse()));
    expect(answers.map((answer) => answer.output_text)).toEqual(
      [0, 1, 2].map((index) => `Answer to: question ${index}`),
    );

    for (const [index, lane] of lanes.entries()) {
      lane.create({ model, input: [said('more')], previous_response_id: answers[index]?.id });
    }
    await Promise.all(lanes.map((lane) => lane.finalResponse()));
    const continued = provider.requests.slice(3);
    expect(continued.map((request) => textOf(wholeInputOf(request)[0])).sort()).toEqual(
      [0, 1, 2].map((index) => `question ${index}`),
    );
    // the provider goes on from what it remembers: only what is new was sent
    expect(continued.map(({ body }) => (body.input as unknown[]).length)).toEqual([1, 1, 1]);
    expect(provider.sockets).toBe(sockets);
    expect(new Set(provider.requests.map(({ streamId }) => streamId)).size).toBe(sockets === 1 ? 3 : 1);
  });

  test('a fork goes on in a lane of its own from what another lane answered', async () => {
    await using scene = await openScene(answerScript, capabilities);
    const trunk = scene.session.lane('trunk');
    trunk.create({ model, input: [said('one')] });
    const first = await trunk.finalResponse();
    const fork = scene.session.lane('fork');
    fork.create({ model, input: [said('two')], previous_response_id: first.id, store: false });
    const settled = await fork.finalResponse().catch((error: unknown) => error);
    // each lane's socket remembers its own: there the SDK is told so, and sends everything
    expect(settled).toMatchObject(
      sockets === 1
        ? { output_text: 'Answer to: two' }
        : { error: { error: { code: 'previous_response_not_found' } } },
    );
  });
});

describe('steering', () => {
  const capabilities = ['Lanes', 'Steer'];
  /** Says something and then waits for ever: it ends by being steered, or not at all. */
  const endless: AnswerFunction = () => [
    { text: 'A long story', unfinished: true },
    { until: new Promise(() => undefined) },
  ];

  test('a steer is accepted, its response ends as incomplete, and its successor comes in the same lane', async () => {
    await using scene = await openScene(endless, capabilities);
    const lane = scene.session.lane('story');
    lane.create({ model, input: [said('Tell me a story')] });
    const { id } = responseIn(await eventsUntil(lane, 'response.created'));
    await eventsUntil(lane, 'response.output_text.delta');
    scene.socket.send({ type: 'response.steer', previous_response_id: id, input: [said('Make it short')] });

    const steered = await eventsUntil(lane, 'response.incomplete');
    expect(steered.find(({ type }) => type === 'response.steer.accepted')).toMatchObject({
      steer: { previous_response_id: id },
      stream_id: 'story',
    });
    expect(responseIn(steered)).toMatchObject({ id, incomplete_details: { reason: 'steered' } });
    const [created, ...successor] = await eventsUntil(lane, 'response.completed');
    expect(created).toMatchObject({ type: 'response.created', stream_id: 'story' });
    expect(textOf((responseIn(successor)['output'] as JsonObject[])[0])).toBe('Steered: Make it short');
    expect(scene.provider.controlFrames.map(({ type }) => type)).toEqual(['response.steer']);
    // the successor is what the lane goes on from
    const next = responseIn(successor)['id'];
    scene.provider.use(answerScript);
    lane.create({ model, input: [said('And then?')], previous_response_id: next });
    expect((await lane.finalResponse()).output_text).toBe('Answer to: And then?');
  });

  test('a steer while a tool call is open waits for the call’s output', async () => {
    const more = gate();
    const script: AnswerFunction = (request) =>
      request.number === 1
        ? [
            { toolCall: { name: 'get_weather', arguments: { city: 'Paris' }, callId: 'call_1' } },
            { until: more.promise },
          ]
        : answerScript(request);
    await using scene = await openScene(script, capabilities);
    const lane = scene.session.lane('tools');
    lane.create({ model, input: [said('What is the weather?')] });
    const { id } = responseIn(await eventsUntil(lane, 'response.created'));
    await eventsUntil(lane, 'response.output_item.done');
    scene.socket.send({ type: 'response.steer', previous_response_id: id, input: [said('In French')] });
    await eventsUntil(lane, 'response.steer.accepted');
    more.open();
    const [pending] = (await eventsUntil(lane, 'response.steer.pending')).slice(-1);
    expect(pending).toMatchObject({ required_input: [{ call_id: 'call_1', name: 'get_weather' }] });

    const output = { type: 'function_call_output', call_id: 'call_1', output: 'sunny' };
    lane.create({ model, input: [output], previous_response_id: id });
    await eventsUntil(lane, 'response.completed');
    const types = wholeInputOf(scene.provider.requests[1] as never).map(({ type, role }) => role ?? type);
    expect(types).toEqual(['user', 'function_call', 'user', 'function_call_output']);
  });

  test('a steer for a response that nobody knows is refused, and its turn goes on', async () => {
    await using scene = await openScene(endless, capabilities);
    const failed = Promise.withResolvers<JsonObject>();
    scene.socket.on('event', (event) => {
      if (event['type'] === 'response.steer.failed') failed.resolve(event);
    });
    scene.socket.send({ type: 'response.steer', previous_response_id: 'resp_none', input: [said('Stop')] });
    expect(await failed.promise).toMatchObject({
      error: { code: 'response_not_found' },
      steer: { previous_response_id: 'resp_none' },
    });
  });

  test('without the capability a steer is refused here, and the provider does not hear of it', async () => {
    await using scene = await openScene(endless, ['Lanes']);
    const lane = scene.session.lane('story');
    lane.create({ model, input: [said('Tell me a story')] });
    const { id } = responseIn(await eventsUntil(lane, 'response.created'));
    const failed = Promise.withResolvers<JsonObject>();
    scene.socket.on('event', (event) => {
      if (event['type'] === 'response.steer.failed') failed.resolve(event);
    });
    scene.socket.send({ type: 'response.steer', previous_response_id: id, input: [said('Stop')] });
    expect(await failed.promise).toMatchObject({ error: { code: 'steering_not_supported' } });
    expect(scene.provider.controlFrames).toEqual([]);
  });
});
