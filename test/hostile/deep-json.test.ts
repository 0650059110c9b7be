/** JSON of depth 100,000 from a client: it is refused or passed on, and the next turn is a turn like any other. */
import { describe, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import type { TestClient } from '../harness/connect.ts';
import { openRawProvider, sizedReply, type RawProvider } from '../harness/raw-provider.ts';
import { openScene, type JsonObject, type Scene } from '../protocol/scene.ts';
import { deepValues, type DeepKind } from './deep-values.ts';

const answer = sizedReply(
  Buffer.from(
    [
      { type: 'response.created', sequence_number: 0, response: { id: 'resp_1', output: [] } },
      {
        type: 'response.completed',
        sequence_number: 1,
        response: { id: 'resp_1', status: 'completed', output: [] },
      },
    ]
      .map((event) => `data: ${JSON.stringify(event)}\n\n`)
      .join(''),
  ),
);

interface DeepScene extends AsyncDisposable {
  readonly scene: Scene;
  /** Takes any bytes for a request, and answers each with a finished response. */
  readonly provider: RawProvider;
}

async function openDeepScene(): Promise<DeepScene> {
  const provider = await openRawProvider();
  provider.reply = { pieces: [answer] };
  const scene = await openScene({ routes: () => routeTo(provider.url) });
  return {
    scene,
    provider,
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** A request whose member has the deep value, before or after the others. */
function requestWith(member: string, kind: DeepKind, place: 'first' | 'last'): string {
  const others = { model: '"m"', input: '"hi"' };
  const rest = Object.entries(others).filter(([name]) => name !== member);
  const deep: [string, string] = [member, deepValues[kind]];
  const members = place === 'first' ? [deep, ...rest] : [...rest, deep];
  return members.map(([name, value]) => `"${name}":${value}`).join(',');
}

/** What is said of it: the code of the error, or that the provider was asked. */
async function outcomeOf(client: TestClient, frame: string): Promise<unknown> {
  client.send(frame);
  const events = await client.events();
  const last = events.at(-1);
  return last?.['type'] === 'error' ? (last['error'] as JsonObject)['code'] : last?.['type'];
}

const passes = 'response.completed';
const plainFrame = '{"type":"response.create","model":"m","input":"hi"}';

async function post({ bridge }: Scene, path: string, body: string): Promise<Response> {
  return fetch(`${bridge.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
}

const members: [member: string, kind: DeepKind, outcome: string][] = [
  ['model', 'arrays', 'invalid_request'],
  ['model', 'objects', 'invalid_request'],
  ['input', 'arrays', passes],
  ['input', 'arrays of objects', passes],
  ['input', 'objects', 'invalid_request'],
  ['metadata', 'objects', passes],
  ['metadata', 'arrays', passes],
  ['tools', 'arrays of objects', passes],
  ['client_metadata', 'objects', passes],
  ['client_metadata', 'arrays', passes],
  ['stream_id', 'objects', 'invalid_stream_id'],
  ['stream_id', 'arrays', 'invalid_stream_id'],
  ['previous_response_id', 'arrays of objects', 'invalid_request'],
  ['generate', 'arrays', 'invalid_request'],
  ['stream', 'objects', 'invalid_request'],
  ['prompt_cache_options', 'objects', passes],
  ['response', 'arrays of objects', passes],
  ['type', 'arrays', 'unknown_event'],
  ['metadata', 'objects that never end', 'invalid_json'],
  ['anything', 'objects that never end', 'invalid_json'],
];

describe('a client that nests 100,000 deep', () => {
  test.each(members)('`%s` of %s in a frame: %s', async (member, kind, outcome) => {
    await using deep = await openDeepScene();
    const client = await deep.scene.connect();
    for (const place of ['first', 'last'] as const) {
      const request = requestWith(member, kind, place);
      const type = member === 'type' ? '' : '"type":"response.create",';
      expect(await outcomeOf(client, `{${type}${request}}`)).toBe(outcome);
    }
    expect(deep.provider.bodies).toHaveLength(outcome === passes ? 2 : 0);
    expect(await outcomeOf(client, plainFrame)).toBe(passes);
  });

  test.each(['arrays', 'objects', 'arrays of objects', 'objects that never end'] as const)(
    'a message that is nothing but %s is answered once',
    async (kind) => {
      await using deep = await openDeepScene();
      const client = await deep.scene.connect();
      const isObject = kind.startsWith('objects') && kind !== 'objects that never end';
      expect(await outcomeOf(client, deepValues[kind])).toBe(isObject ? 'unknown_event' : 'invalid_json');
      expect(await outcomeOf(client, plainFrame)).toBe(passes);
    },
  );

  test('a frame that steers or injects it hears that it failed, and does not get it back', async () => {
    await using deep = await openDeepScene();
    const client = await deep.scene.connect();
    client.send(`{"type":"response.steer","previous_response_id":"r","input":${deepValues.arrays}}`);
    client.send(`{"type":"response.inject","response_id":"r","input":${deepValues.arrays}}`);
    client.send(`{"type":"response.inject","response_id":${deepValues.objects},"input":[]}`);
    for (let answered = 0; answered < 3; answered++) {
      expect((await client.nextFrame()).data.length).toBeLessThan(1_000);
    }
    expect(await outcomeOf(client, plainFrame)).toBe(passes);
  });

  test('in what is remembered hears its next turn answered', async () => {
    await using deep = await openDeepScene();
    const client = await deep.scene.connect();
    const input = `"input":${deepValues['arrays of objects']}`;
    expect(await outcomeOf(client, `{"type":"response.create","model":"m",${input}}`)).toBe(passes);
    const more = '"previous_response_id":"resp_1","input":"and now?"';
    expect(await outcomeOf(client, `{"type":"response.create","model":"m",${more}}`)).toBe(passes);
    expect(deep.provider.bodies[1]!.length).toBeGreaterThan(deepValues.arrays.length);
    expect(deep.provider.bodies[1]).toContain('and now?');
  });

  test.each([
    ['model', 'arrays', 400],
    ['input', 'arrays', 200],
    ['input', 'objects', 400],
    ['metadata', 'arrays of objects', 200],
    ['client_metadata', 'objects', 200],
    ['stream', 'arrays', 400],
    ['stream_id', 'objects', 400],
    ['tools', 'objects that never end', 400],
  ] as const)('`%s` of %s in a body: %d', async (member, kind, status) => {
    await using deep = await openDeepScene();
    for (const place of ['first', 'last'] as const) {
      const posted = await post(deep.scene, '/responses', `{${requestWith(member, kind, place)}}`);
      expect(posted.status).toBe(status);
      await posted.text();
    }
    expect((await post(deep.scene, '/responses', '{"model":"m","input":"hi"}')).status).toBe(200);
  });

  test('a relayed body is passed on, or is one without a model', async () => {
    await using deep = await openDeepScene();
    const bodies = [
      `{"model":"m","input":${deepValues.arrays}}`,
      `{"model":${deepValues.objects}}`,
      deepValues.arrays,
    ];
    for (const body of bodies) {
      expect((await post(deep.scene, '/responses/compact', body)).status).toBe(200);
    }
    expect(deep.provider.bodies).toEqual(bodies);
  });
});
