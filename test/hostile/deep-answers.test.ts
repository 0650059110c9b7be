/** JSON of depth 100,000 from a provider: its turn has one ending, and the socket's next turn works. */
import { describe, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { openRawProvider, sizedReply, type RawProvider } from '../harness/raw-provider.ts';
import { openScene, type Scene } from '../protocol/scene.ts';
import { deepValues, type DeepKind } from './deep-values.ts';

const dialects = ['OpenAI', 'Compatible'] as const;

interface DeepScene extends AsyncDisposable {
  readonly scene: Scene;
  readonly provider: RawProvider;
}

async function openDeepScene(dialect: string): Promise<DeepScene> {
  const provider = await openRawProvider();
  const scene = await openScene({ routes: () => routeTo(provider.url, { provider: { dialect } }) });
  return {
    scene,
    provider,
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

const created = '{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","output":[]}}';
const completed =
  '{"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","status":"completed","output":[]}}';
const item = '{"type":"response.output_item.done","sequence_number":2,"output_index":0,"item":';

/** A stream of events as text, with the deep value in one of them. */
const streams: Readonly<Record<string, (deep: string) => string[]>> = {
  'response.created': (deep) => [
    `{"type":"response.created","response":{"id":"resp_1","metadata":${deep},"output":[]}}`,
    completed,
  ],
  'an id of response.created': (deep) => [
    `{"type":"response.created","response":{"id":${deep},"output":[]}}`,
    completed,
  ],
  'response.in_progress': (deep) => [
    created,
    `{"type":"response.in_progress","response":{"id":"resp_1","tools":${deep}}}`,
    completed,
  ],
  'an item that begins': (deep) => [
    created,
    `{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i","content":${deep}}}`,
    completed,
  ],
  'an item that is done': (deep) => [
    created,
    `${item}{"type":"message","id":"i","content":${deep}}}`,
    completed,
  ],
  'an item in the place of the item': (deep) => [created, `${item}${deep}}`, completed],
  'an item of an unknown kind': (deep) => [created, `${item}{"type":"novel","id":${deep}}}`, completed],
  'the output of the terminal event': (deep) => [
    created,
    `{"type":"response.completed","response":{"id":"resp_1","output":[{"type":"message","content":${deep}}]}}`,
  ],
  'the usage': (deep) => [
    created,
    `{"type":"response.completed","response":{"id":"resp_1","output":[],"usage":${deep}}}`,
  ],
  'a delta': (deep) => [
    created,
    `{"type":"response.output_text.delta","item_id":"i","delta":"x","logprobs":${deep}}`,
    completed,
  ],
  'a sequence number': (deep) => [
    created,
    `{"type":"response.output_text.delta","sequence_number":${deep},"delta":"x"}`,
    completed,
  ],
  'the headers of an event': (deep) => [created, `{"type":"response.metadata","headers":${deep}}`, completed],
  'an event without a type': (deep) => [created, `{"deep":${deep}}`, completed],
  'the type of an event': (deep) => [created, `{"type":${deep}}`, completed],
  'an event that nobody knows': (deep) => [created, `{"type":"vendor.novelty","deep":${deep}}`, completed],
  'an error': (deep) => [created, `{"type":"error","error":${deep}}`],
  'the code of an error': (deep) => [`{"type":"error","error":{"code":${deep},"message":${deep}}}`],
  'an error without a type': (deep) => [`{"error":{"code":"x","message":"m","plan":${deep}}}`],
  'response.failed': (deep) => [
    created,
    `{"type":"response.failed","response":{"id":"resp_1","error":${deep}}}`,
  ],
  'response.incomplete': (deep) => [
    created,
    `{"type":"response.incomplete","response":{"id":"resp_1","incomplete_details":${deep},"output":[]}}`,
  ],
  'response.done': (deep) => [
    created,
    `{"type":"response.done","response":{"id":"resp_1","status":"completed","output":[],"metadata":${deep}}}`,
  ],
};

function toReply(events: readonly string[]): { pieces: Buffer[] } {
  return { pieces: [sizedReply(Buffer.from(events.map((event) => `data: ${event}\n\n`).join('')))] };
}

function jsonReply(status: string, body: string): { pieces: Buffer[] } {
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${String(body.length)}\r\n\r\n`;
  return { pieces: [Buffer.from(head + body)] };
}

const plain = toReply([created, completed]);
const ending = /^(?:response\.(?:completed|incomplete|failed)|error)$/;

/**
 * Plays the reply to a turn on a socket and to two over HTTP; each must end once, and the next one well. Returns the
 * type of the first one's ending.
 */
async function playEverywhere(deep: DeepScene, reply: { pieces: Buffer[] }): Promise<string> {
  const client = await deep.scene.connect();
  deep.provider.reply = reply;
  client.create({ model: 'm', input: 'hi' });
  const events = await client.events();
  deep.provider.reply = plain;
  client.create({ model: 'm', input: 'and now?' });
  const next = await client.events();
  expect(next.map(({ type }) => type)).toEqual(['response.created', 'response.completed']);
  expect(client.frames.filter(({ json }) => ending.test(String(json?.['type'])))).toHaveLength(2);
  deep.provider.reply = reply;
  for (const stream of [true, false]) {
    const posted = await fetch(`${deep.scene.bridge.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'hi', stream }),
    });
    expect(posted.status).toBeGreaterThanOrEqual(200);
    expect((await posted.text()).length).toBeGreaterThan(2);
  }
  return String(events.at(-1)?.['type']);
}

describe.each(dialects)('a provider of the dialect %s that nests 100,000 deep', (dialect) => {
  test.each(Object.entries(streams))(
    'in %s: the turn ends, and the next is answered',
    async (_, streamOf) => {
      await using deep = await openDeepScene(dialect);
      // in the other dialect events pass unread: what is no JSON is the client's to see
      const kinds: DeepKind[] =
        dialect === 'OpenAI' ? ['arrays of objects'] : ['arrays of objects', 'objects that never end'];
      for (const kind of kinds) {
        expect(await playEverywhere(deep, toReply(streamOf(deepValues[kind])))).toMatch(ending);
      }
    },
  );
});

describe('a provider that nests 100,000 deep', () => {
  test.each([
    [
      'a response',
      (deep: string) => `{"object":"response","status":"completed","output":[],"metadata":${deep}}`,
    ],
    ['the output', (deep: string) => `{"object":"response","status":"completed","output":${deep}}`],
    ['an item', (deep: string) => `{"object":"response","output":[{"type":"message","content":${deep}}]}`],
    ['the status', (deep: string) => `{"object":"response","output":[],"status":${deep}}`],
    ['an error', (deep: string) => `{"error":${deep}}`],
    ['nothing else', (deep: string) => deep],
  ])('in a JSON answer, as %s: the turn ends, and the next is answered', async (_, bodyOf) => {
    await using deep = await openDeepScene('OpenAI');
    for (const kind of ['objects', 'objects that never end'] as const) {
      expect(await playEverywhere(deep, jsonReply('200 OK', bodyOf(deepValues[kind])))).toMatch(ending);
    }
  });

  test.each([
    ['the error', (deep: string) => `{"error":${deep}}`],
    ['its code', (deep: string) => `{"error":{"code":${deep},"message":"m","type":${deep}}}`],
    ['an extra of it', (deep: string) => `{"error":{"code":"c","message":"m","plan":${deep}}}`],
    ['a message', (deep: string) => `{"message":"m","code":${deep}}`],
    ['nothing else', (deep: string) => deep],
  ])('in a refusal, as %s: it is an error like any other', async (_, bodyOf) => {
    await using deep = await openDeepScene('OpenAI');
    const statuses = ['400 Bad Request', '429 Too Many Requests', '500 Internal Server Error', '503 Busy'];
    for (const [n, value] of Object.values(deepValues).entries()) {
      expect(await playEverywhere(deep, jsonReply(statuses[n]!, bodyOf(value)))).toBe('error');
    }
  });
});
