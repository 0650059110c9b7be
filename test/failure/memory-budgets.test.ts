/** What bytes are held for answers, and whose: counted, given back, and refused where there is no room. */
import { zstdCompressSync, constants } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { openByteProvider } from '../harness/byte-provider.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { ask, idOf, openScene, responseOf, routeFile, typesOf, type JsonObject } from '../protocol/scene.ts';
import type { Answer, Step } from '../../src/scripted/script.ts';

const mib = 1_048_576;

const big = 'x'.repeat(300_000);
const halfAnEvent: readonly Step[] = [
  { begin: true },
  { raw: `data: {"type":"response.output_text.delta","delta":"${big}` },
  { stall: true },
];
const manyItems: readonly Step[] = [
  { begin: true },
  ...Array.from({ length: 8 }, (): Step => ({ text: 'y'.repeat(60_000) })),
  { stall: true },
];

describe('what has to be held of an answer until it is whole', () => {
  test.each([
    ['an unfinished event', 'OpenAI', halfAnEvent],
    ['items that may have to be repaired', 'Compatible', manyItems],
  ] as const)('%s is counted and given back', async (_, dialect, steps) => {
    await using scene = await openScene({ script: [...steps], route: { provider: { dialect } } });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await until(() => scene.bridge.bridge.usedBytes.answers > 200_000, 'the answer to be counted');
    expect(await scene.bridge.metric('turnbridge_queued_bytes{place="answer"}')).toBeGreaterThan(200_000);
    client.terminate();
    await until(() => scene.bridge.bridge.usedBytes.answers === 0, 'the memory to be given back');
  });

  test('is given back also when the turn is ended by an event of the very read that is counted', async () => {
    const error = 'data: {"type":"error","error":{"code":"server_error","message":"Sorry."}}\n\n';
    await using scene = await openScene({
      script: [...manyItems.slice(0, -1), { raw: error }, { stall: true }],
      route: { provider: { dialect: 'Compatible' } },
    });
    const events = await ask(await scene.connect(), {});
    expect(events.at(-1)).toMatchObject({ type: 'response.failed' });
    expect(scene.bridge.bridge.usedBytes.answers).toBe(0);
  });

  test.each([
    ['an unfinished event', 'OpenAI', halfAnEvent],
    ['items that may have to be repaired', 'Compatible', manyItems],
  ] as const)(
    '%s without room for it ends its turn, which says why; other turns go on',
    async (_, dialect, steps) => {
      await using scene = await openScene({
        script: ({ body }) => (body.model === 'big' ? [...steps] : [{ text: 'small' }]),
        route: { provider: { dialect } },
        budgets: { answerBytes: 150_000 },
      });
      const client = await scene.connect();
      const events = await ask(client, { model: 'big' });
      expect(responseOf(events.at(-1))).toMatchObject({
        status: 'failed',
        error: { code: 'slow_down', message: expect.stringContaining('--answer-budget') },
      });
      expect(scene.bridge.bridge.usedBytes.answers).toBe(0);
      const [request] = scene.provider.requests;
      expect((await request?.closed)?.how).toBe('client-closed');
      expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
      expect(await scene.bridge.metric('turnbridge_errors_total{error_type="no_room"}')).toBeGreaterThan(0);
    },
  );

  test('a JSON answer without room for it is refused with 503, before anything was told', async () => {
    const answer: Answer = { form: 'json', steps: [{ text: 'z'.repeat(400_000) }] };
    await using scene = await openScene({ script: answer, budgets: { answerBytes: 150_000 } });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      { type: 'error', status: 503, error: { code: 'slow_down' }, headers: { 'retry-after': '1' } },
    ]);
  });
});

test('a turn whose items do not fit the memory for all transcripts goes on, and cannot be continued', async () => {
  await using scene = await openScene({
    script: ({ body }) =>
      body.model === 'long'
        ? Array.from({ length: 10 }, (): Step => ({ text: 'y'.repeat(20_000) }))
        : [{ text: 'short' }],
    budgets: { transcriptBytes: 100_000 },
  });
  const client = await scene.connect();
  let most = 0;
  client.create({ model: 'long' });
  const events: JsonObject[] = [];
  while (events.at(-1)?.['type'] !== 'response.completed') {
    // oxlint-disable-next-line no-await-in-loop -- one event after the other
    events.push(await client.next());
    most = Math.max(most, scene.bridge.bridge.usedBytes.transcripts);
  }
  expect(events.filter(({ type }) => type === 'response.output_item.done')).toHaveLength(10);
  expect(most).toBeLessThan(125_000);
  expect(await ask(client, { previous_response_id: idOf(events) })).toMatchObject([
    { type: 'error', error: { code: 'previous_response_not_found' } },
  ]);
  expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
});

test('a JSON body that its client does not take counts as unsent', async () => {
  const size = 24 * mib; // far more than the system's buffers on the way take
  await using provider = await openByteProvider(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n');
    socket.write('data: {"type":"response.completed","response":{"id":"resp_1","object":"response","text":"');
    socket.write(Buffer.alloc(size, 'z'));
    socket.end('"}}\n\n');
  });
  await using scene = await openScene({ routes: () => routeFile(provider.url) });
  await using raw = await openRawSocket(scene.bridge.port);
  raw.socket.pause();
  let takenBytes = 0;
  raw.socket.on('data', ({ length }: Buffer) => (takenBytes += length));
  const body = JSON.stringify({ model: 'm', input: 'go' });
  raw.write(
    `POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await until(() => scene.bridge.bridge.usedBytes.clientSend > mib, 'the body to wait', 10_000);
  raw.socket.resume();
  await until(() => takenBytes > size, 'the body to be taken', 10_000);
  await until(() => scene.bridge.bridge.usedBytes.clientSend === 0, 'the bytes to be given back');
  expect(raw.received().subarray(0, 15).toString()).toBe('HTTP/1.1 200 OK');
  raw.reset();
});

test('a zstd body whose window is beyond 8 MiB is refused: it would be held beside what is counted', async () => {
  await using scene = await openScene();
  const plain = Buffer.from(JSON.stringify({ model: 'm', input: 'a'.repeat(20 * mib) }));
  const post = async (windowLog: number): Promise<number> => {
    const answer = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'zstd' },
      body: zstdCompressSync(plain, { params: { [constants.ZSTD_c_windowLog]: windowLog } }),
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  expect([await post(23), await post(25)]).toEqual([200, 400]);
});
