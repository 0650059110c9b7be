/** Ten thousand refusals of each kind by the real command: each is cheap, and none of them leaves anything behind. */
import { describe, expect, test } from '@jest/globals';
import { connect as connectTcp } from 'node:net';
import { until } from '../harness/wait-for.ts';
import { refusalFigures } from '../hostile/hostile-page.ts';
import { emptied, openBridgeProcess, toMib, type BridgeProcess } from './bridge-process.ts';
import { openInspector, type Inspector } from './inspector.ts';
import { openLoadClient } from './load-clients.ts';
import { openLoadProvider } from './load-provider.ts';
import { budgets, tell } from './load-scene.ts';
import { residentBoundMib } from './resident-bound.ts';

const COUNT = 10_000;
/** So many at once: beyond a listener's backlog it would be the system that refuses. */
const AT_ONCE = 100;
/** What the page names was measured on a quiet machine. */
const MAX_TIMES_MEASURED = 5;
/** Others may have had the processor meanwhile: what costs too much is measured again. */
const LOOKS = 3;
/** Looking opens some itself. */
const OWN_DESCRIPTORS = 3;
/** Those that are open beside, and those that come at once. */
const MOST_CONNECTIONS = 200;
/** Bytes on the heap that a refusal leaves when all garbage is gone: anything that is kept of each would have more. */
const MAX_LEFT_BYTES = 100;

interface RefusingBridge extends AsyncDisposable {
  readonly bridge: BridgeProcess;
  readonly inspector: Inspector;
}

interface Wishes {
  readonly limits?: object;
  readonly flags?: readonly string[];
}

/** A bridge that checks keys: alice has one. */
async function openKeyedBridge({ limits = {}, flags = [] }: Wishes = {}): Promise<RefusingBridge> {
  const provider = await openLoadProvider();
  const bridge = await openBridgeProcess({
    providerUrl: provider.url,
    budgets,
    route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } }, limits },
    secrets: { keys: { alice: 'alice-key-1' } },
    flags,
    inspect: true,
  });
  const scene: RefusingBridge = {
    bridge,
    inspector: await openInspector(bridge.inspectorUrl ?? ''),
    [Symbol.asyncDispose]: async () => {
      await scene.inspector[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
      await bridge[Symbol.asyncDispose]();
    },
  };
  return scene;
}

const key = { authorization: 'Bearer alice-key-1' };

/** The text of a request's head. */
function head(line: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: 'a', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function upgrade(path: string, headers: Readonly<Record<string, string>>): string {
  return head(`GET ${path}`, {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  });
}

/** One connection, one request: what came back until the bridge closed. */
function exchange(bridge: BridgeProcess, request: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const port = Number(new URL(bridge.url).port);
  const socket = connectTcp({ port, host: '127.0.0.1' });
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (piece: string) => {
    text += piece;
    if (text.includes('message too big')) socket.end(); // a close frame wants an answer: the end is one
  });
  socket.on('error', reject);
  socket.on('close', () => resolve(text));
  socket.write(request, 'latin1');
  return promise;
}

/** All of them, a hundred at a time. */
async function exchangeMany(bridge: BridgeProcess, request: string, isRefusal: RegExp): Promise<void> {
  let left = COUNT;
  const wrong: string[] = [];
  const work = async (): Promise<void> => {
    while (left > 0) {
      left--;
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      const answer = await exchange(bridge, request);
      if (!isRefusal.test(answer)) wrong.push(answer.slice(0, 300));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(wrong.slice(0, 3)).toEqual([]);
}

/** What a refusal may cost, by what the page says that it does. */
function mostUs(row: string): number {
  return MAX_TIMES_MEASURED * (refusalFigures().get(row) ?? 0);
}

/** Runs it once to warm up, then measures: microseconds for each, at its best. None may leave anything behind. */
async function measured(row: string, scene: RefusingBridge, run: () => Promise<void>): Promise<number> {
  const { bridge } = scene;
  const descriptors = await bridge.descriptors();
  const over = (): Promise<unknown> =>
    until(
      async () => (await bridge.descriptors()) <= descriptors + OWN_DESCRIPTORS,
      'the last connections to close',
    );
  await run();
  await over();
  const costs: number[] = [];
  do {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other is the point
    costs.push(await cost(row, scene, run, over));
  } while (costs.length < LOOKS && costs.at(-1)! >= mostUs(row));
  const bound = residentBoundMib({ connections: MOST_CONNECTIONS, streams: 0 }, budgets);
  expect(toMib(await bridge.peak())).toBeLessThan(bound);
  return Math.min(...costs);
}

/** @returns microseconds of the processor for each */
async function cost(
  row: string,
  { bridge, inspector }: RefusingBridge,
  run: () => Promise<void>,
  over: () => Promise<unknown>,
): Promise<number> {
  const { heap } = await inspector.collected();
  const before = { us: await bridge.processorUs(), resident: await bridge.resident() };
  await run();
  const us = ((await bridge.processorUs()) - before.us) / COUNT;
  const grownMib = toMib((await bridge.resident()) - before.resident);
  await over();
  const leftBytes = Math.round(((await inspector.collected()).heap - heap) / COUNT);
  tell(row, { us: Math.round(us), grownMib, leftBytes });
  expect(leftBytes).toBeLessThan(MAX_LEFT_BYTES);
  return us;
}

const overHttp: [row: string, request: string, isRefusal: RegExp][] = [
  [
    'an upgrade with a wrong key',
    upgrade('/v1/responses', { authorization: 'Bearer no' }),
    /^HTTP\/1\.1 401 /,
  ],
  ['an upgrade on an unknown path', upgrade('/v2/responses', key), /^HTTP\/1\.1 404 /],
  [
    'a POST with a wrong key',
    head('POST /v1/responses', { authorization: 'Bearer no', 'content-length': '2', connection: 'close' }) +
      '{}',
    /^HTTP\/1\.1 401 /,
  ],
  ['a wrong method', head('PUT /v1/responses', { ...key, connection: 'close' }), /^HTTP\/1\.1 405 /],
  [
    'a frame far too long, with its connection',
    `${upgrade('/v1/responses', key)}\x81\xfe\x10\x00\0\0\0\0{`, // 4,096 bytes, it says
    /^HTTP\/1\.1 101 [^]*message too big/,
  ],
  ['a request that is no HTTP', 'HELO there\r\n\r\n', /^HTTP\/1\.1 400 /],
];

describe('ten thousand connections', () => {
  test('of one key beyond limits.maxConnectionsPerClient are refused, and its hundred go on', async () => {
    await using scene = await openKeyedBridge({ limits: { maxConnectionsPerClient: 100 } });
    const { bridge } = scene;
    const kept = await Promise.all(Array.from({ length: 100 }, () => openLoadClient(bridge.socketUrl, key)));
    const isRefusal = /^HTTP\/1\.1 503 [^]*\r\nretry-after: 2\r\n[^]*limits\.maxConnectionsPerClient/;
    const row = 'connections of one key beyond its limit';
    const us = await measured(row, scene, () =>
      exchangeMany(bridge, upgrade('/v1/responses', key), isRefusal),
    );
    expect(us).toBeLessThan(mostUs(row));
    for (const client of kept) expect((await client.ask('say-1')).type).toBe('response.completed');
    for (const client of kept) client.leave();
    await emptied(bridge);
  }, 240_000);

  test('beyond --max-connections are refused, and those that are there go on', async () => {
    await using scene = await openKeyedBridge({ flags: ['--max-connections=50'] });
    const { bridge } = scene;
    const kept = await Promise.all(Array.from({ length: 50 }, () => openLoadClient(bridge.socketUrl, key)));
    const isRefusal = /^HTTP\/1\.1 503 [^]*\r\nretry-after: 2\r\n[^]*--max-connections/;
    const row = 'connections beyond the process’s limit';
    const us = await measured(row, scene, () =>
      exchangeMany(bridge, upgrade('/v1/responses', key), isRefusal),
    );
    expect(us).toBeLessThan(mostUs(row));
    for (const client of kept) expect((await client.ask('say-1')).type).toBe('response.completed');
    for (const client of kept) client.leave();
    await emptied(bridge);
  }, 240_000);

  test.each(overHttp)(
    'with %s are refused',
    async (row, request, isRefusal) => {
      const limits = { maxMessageBytes: 1_024, maxConnectionsPerClient: 1_000 };
      await using scene = await openKeyedBridge({ limits });
      const us = await measured(row, scene, () => exchangeMany(scene.bridge, request, isRefusal));
      expect(us).toBeLessThan(mostUs(row));
      await emptied(scene.bridge);
    },
    240_000,
  );
});

const frames: [row: string, frame: string, code: string][] = [
  ['a frame that is not JSON', '{"type":"response.create","model":"m","input":[}', 'invalid_json'],
  ['a frame of an unknown type', '{"type":"response.destroy"}', 'unknown_event'],
  [
    'a frame that is too long',
    `{"type":"response.create","input":"${'x'.repeat(1_100)}"}`,
    'payload_too_large',
  ],
  [
    'an unknown previous_response_id',
    '{"type":"response.create","model":"m","previous_response_id":"resp_none","input":[]}',
    'previous_response_not_found',
  ],
];

describe('ten thousand frames', () => {
  test.each(frames)(
    'that are each %s are answered, and the socket is good for a turn',
    async (row, frame, code) => {
      await using scene = await openKeyedBridge({ limits: { maxMessageBytes: 1_024 } });
      const { bridge } = scene;
      const client = await openLoadClient(bridge.socketUrl, key);
      const us = await measured(row, scene, async () => {
        for (let sent = 0; sent < COUNT; sent += AT_ONCE) {
          for (let n = 0; n < AT_ONCE; n++) client.ws.send(frame);
          for (let n = 0; n < AT_ONCE; n++) {
            // oxlint-disable-next-line no-await-in-loop -- one batch after the other is the point
            expect(await client.ending()).toMatchObject({ type: 'error', code });
          }
        }
      });
      expect(us).toBeLessThan(mostUs(row));
      expect((await client.ask('say-1')).type).toBe('response.completed');
      client.leave();
      await emptied(bridge);
    },
    240_000,
  );
});

test('the page has a figure for each of these refusals, and for no others', () => {
  const others = ['connections of one key beyond its limit', 'connections beyond the process’s limit'];
  const rows = [...others, ...[...overHttp, ...frames].map(([row]) => row)];
  expect([...refusalFigures().keys()].sort()).toEqual(rows.sort());
});
