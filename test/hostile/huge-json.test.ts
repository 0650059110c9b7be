/** JSON that is large in every way there is: refused by a limit that has a name, or passed on as it came. */
import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { routeTo } from '../harness/bridge.ts';
import { openRawProvider, sizedReply } from '../harness/raw-provider.ts';
import { ask, openScene, typesOf, type JsonObject } from '../protocol/scene.ts';

const MIB = 1024 * 1024;
const million = 1_000_000;

const refused: [what: string, frame: () => string, code: string][] = [
  [
    'a million members',
    () =>
      `{"type":"response.create","model":"m",${Array.from({ length: million }, (_, n) => `"${String(n)}":0`).join(',')}}`,
    'invalid_json',
  ],
  [
    'one member a million times',
    () => `{"type":"response.create"${',"a":0'.repeat(million)}}`,
    'invalid_json',
  ],
  ['one member twice', () => '{"type":"response.create","model":"m","model":"n"}', 'invalid_request'],
  [
    'a member twice, once in escapes',
    () => String.raw`{"type":"response.create","model":"m","\u006dodel":"n"}`,
    'invalid_request',
  ],
  [
    'a number of a million digits',
    () => `{"type":"response.create","top_p":${'9'.repeat(million)}}`,
    'invalid_json',
  ],
  [
    'a name of a million characters',
    () => `{"type":"response.create","${'a'.repeat(million)}":0`,
    'invalid_json',
  ],
  ['a million spaces and nothing else', () => ' '.repeat(million), 'invalid_json'],
  [
    'a million backslashes in a text that never ends',
    () => `{"type":"${'\\'.repeat(million)}"`,
    'invalid_json',
  ],
  ['a type of a million characters', () => `{"type":"${'x'.repeat(million)}"}`, 'unknown_event'],
  [
    'a lane of a million characters',
    () => `{"type":"response.create","stream_id":"${'x'.repeat(million)}"}`,
    'invalid_stream_id',
  ],
];

const passed: [what: string, frame: () => string][] = [
  ['a text of 60 MiB', () => `{"type":"response.create","model":"m","input":"${'x'.repeat(60 * MIB)}"}`],
  [
    'a million items',
    () => `{"type":"response.create","model":"m","input":[${'{},'.repeat(million - 1)}{}]}`,
  ],
  [
    'a million members within one',
    () => `{"type":"response.create","model":"m","metadata":{${'"a":0,'.repeat(million)}"b":1}}`,
  ],
  [
    'a million digits within one member',
    () => `{"type":"response.create","model":"m","metadata":{"a":${'9'.repeat(million)}}}`,
  ],
];

const created = '{"type":"response.created","response":{"id":"r","output":[]}}';
const completed = '{"type":"response.completed","response":{"id":"r","output":[]}}';

const answer = sizedReply(Buffer.from(`data: ${created}\n\ndata: ${completed}\n\n`));

interface CountingProvider extends AsyncDisposable {
  readonly url: string;
  /** Bytes of each request's body. */
  readonly bodies: readonly number[];
}

/** Counts what it is sent and keeps none of it, unlike the scripted one: these are large. */
async function openCountingProvider(): Promise<CountingProvider> {
  const bodies: number[] = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      bodies.push(bytes);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${created}\n\ndata: ${completed}\n\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1`,
    bodies,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Sends the frame, then an honest one, which must be answered; returns how the first one's turn ended. */
async function play(provider: CountingProvider, text: string): Promise<{ last: JsonObject; bytes: number }> {
  await using scene = await openScene({ routes: () => routeTo(provider.url) });
  const client = await scene.connect();
  client.send(text);
  const heard = await client.events({ timeoutMs: 15_000 });
  const bytes = client.frames.reduce((sum, { data }) => sum + data.length, 0);
  expect(typesOf(await ask(client, { input: 'hi' })).at(-1)).toBe('response.completed');
  return { last: heard.at(-1) ?? {}, bytes };
}

test.each(refused)(
  'a frame of %s is refused in few words, and the next is a turn',
  async (_, frame, code) => {
    await using provider = await openCountingProvider();
    const { last, bytes } = await play(provider, frame());
    expect(last).toMatchObject({ type: 'error', error: { code } });
    expect(bytes).toBeLessThan(1_000);
    expect(provider.bodies).toHaveLength(1);
  },
);

test.each(passed)('a frame of %s is passed on, and the next is a turn', async (_, frame) => {
  await using provider = await openCountingProvider();
  const text = frame();
  expect((await play(provider, text)).last['type']).toBe('response.completed');
  expect(provider.bodies[0]).toBeGreaterThan(text.length - 100);
});

const events: [what: string, event: () => string][] = [
  ['a million members', () => `{"type":"response.metadata"${',"a":0'.repeat(million)}}`],
  ['a million digits', () => `{"type":"response.metadata","sequence_number":${'9'.repeat(million)}}`],
  [
    'an index of a million digits',
    () =>
      `{"type":"response.output_item.done","output_index":${'9'.repeat(million)},"item":{"type":"message"}}`,
  ],
  [
    'an index beyond all',
    () => '{"type":"response.output_item.done","output_index":9007199254740993,"item":{"type":"message"}}',
  ],
  ['a type of a million characters', () => `{"type":"${'x'.repeat(million)}"}`],
  [
    'a usage of a million members',
    () =>
      `{"type":"response.completed","response":{"id":"r","output":[],"usage":{${'"a":0,'.repeat(million)}"b":1}}}`,
  ],
  [
    'an output of a hundred thousand items',
    () => `{"type":"response.completed","response":{"id":"r","output":[${'{},'.repeat(100_000)}{}]}}`,
  ],
  ['an error of a million members', () => `{"type":"error","error":{${'"a":0,'.repeat(million)}"code":"c"}}`],
  [
    'a sequence that ends all counting',
    () => '{"type":"response.output_text.delta","sequence_number":1e308,"delta":"x"}',
  ],
];

describe.each(['OpenAI', 'Compatible'])('a provider of the dialect %s', (dialect) => {
  test.each(events)('that sends %s ends its turn once, and the next is a turn', async (_, event) => {
    await using provider = await openRawProvider();
    const all = [created, event(), completed];
    provider.reply = { pieces: [sizedReply(Buffer.from(all.map((text) => `data: ${text}\n\n`).join('')))] };
    await using scene = await openScene({
      routes: () => routeTo(provider.url, { provider: { dialect } }),
    });
    const client = await scene.connect();
    client.create({ model: 'm', input: 'hi' });
    await client.events({ timeoutMs: 15_000 });
    provider.reply = { pieces: [answer] };
    expect(typesOf(await ask(client, { input: 'hi' }))).toEqual(['response.created', 'response.completed']);
  });
});
