import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openOpsListener, type OpsListener } from '../../../src/telemetry/ops/ops-listener.ts';
import { openOpsPage, type OpsPage } from '../../../src/telemetry/page/ops-page.ts';
import type { PageAccess } from '../../../src/telemetry/page/page-access.ts';
import type { PageChange, PageState } from '../../../src/telemetry/page/page-state.ts';
import { MAX_VIEWERS } from '../../../src/telemetry/page/viewers.ts';
import { manualClock, type ManualClock } from '../../harness/clock.ts';
import { openRawSocket, type RawSocket } from '../../harness/raw-http.ts';
import { until } from '../../harness/wait-for.ts';
import { attemptRecord, connectionRecord, turnRecord } from './records.ts';

const SECOND = 1000;
let clock: ManualClock;
let page: OpsPage;
let ops: OpsListener;
let ready: () => { ready: boolean; reason?: string };
let mistakes: unknown[];
const sockets: RawSocket[] = [];

async function open(access: PageAccess): Promise<void> {
  page = openOpsPage({
    access,
    version: '1.2.3',
    clock,
    wallNow: () => 1_700_000_000_000 + clock.now(),
    ready: () => ready(),
    onMistake: (error) => mistakes.push(error),
  });
  ops = await openOpsListener({
    host: '127.0.0.1',
    port: 0,
    ready: () => ready(),
    metrics: { text: () => Promise.resolve({ type: 'text/plain', body: 'x' }) },
    page,
  });
}

beforeEach(async () => {
  clock = manualClock(5000);
  ready = () => ({ ready: true });
  mistakes = [];
  await open('loopback');
});

afterEach(async () => {
  page.close();
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await ops.close();
});

function ask(path: string, init?: RequestInit): Promise<Response> {
  return fetch(`http://${ops.address}${path}`, init);
}

/** With headers that fetch would not send. */
function askAs(path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port: ops.port, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

interface Watcher {
  readonly client: RawSocket;
  messages(): (readonly [string, PageState & PageChange])[];
}

async function watch(): Promise<Watcher> {
  const client = await openRawSocket(ops.port);
  sockets.push(client);
  client.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await client.until('event: state');
  return {
    client,
    messages: () =>
      [
        ...client
          .received()
          .toString()
          .matchAll(/event: (\w+)\ndata: (.+)\n\n/g),
      ].map(([, event, data]) => [event ?? '', JSON.parse(data ?? '') as PageState & PageChange] as const),
  };
}

function play(id: string): void {
  const turn = turnRecord({ id, receivedAt: clock.now() });
  page.turnFacts({ kind: 'turn.queued', turn });
  page.turnFacts({ kind: 'turn.started', turn });
  page.turnFacts({ kind: 'attempt.ended', turn, attempt: attemptRecord() });
  page.turnFacts({ kind: 'turn.ended', turn });
}

describe('the page', () => {
  test.each([
    ['/', 'text/html'],
    ['/page/page.css', 'text/css'],
    ['/page/page.js', 'text/javascript'],
    ['/page/turn-table.js', 'text/javascript'],
    ['/page/icon.svg', 'image/svg+xml'],
  ])('has %s as %s, and a browser is told to load nothing else', async (path, type) => {
    const answer = await ask(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain(type);
    const policy = answer.headers.get('content-security-policy');
    for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "script-src 'self'"]) {
      expect(policy).toContain(rule);
    }
    expect(policy).not.toContain('unsafe');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await answer.text()).length).toBeGreaterThan(100);
  });

  test('has every file that its own files name', async () => {
    const seen = new Set<string>();
    const look = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, 200]);
      const text = (await answer.text()).replaceAll(/\/\*.*?\*\//gs, '');
      for (const [, name] of text.matchAll(/(?:href|src|from)(?:=| )["']([^"':#]+)["']/g)) {
        await look(new URL(name ?? '', `http://x${path}`).pathname);
      }
    };
    await look('/');
    expect([...seen].sort()).toEqual([
      '/',
      '/page/elements.js',
      '/page/icon.svg',
      '/page/page.css',
      '/page/page.js',
      '/page/panels.js',
      '/page/turn-details.js',
      '/page/turn-table.js',
      '/page/waterfall.js',
      '/state.json',
    ]);
  });

  test('is named where a path is not found, and nothing else of the disk is served', async () => {
    const answer = await ask('/nothing');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      error: 'not found',
      paths: ['/healthz', '/readyz', '/metrics', '/', '/state.json'],
    });
    for (const path of ['/page/', '/page/tsconfig.json', '/page/..%2fops-page.ts', '/page/%2e%2e/page.js']) {
      expect((await askAs(path, { host: 'localhost' })).status).toBe(404);
    }
  });

  test('answers HEAD without a body, and refuses to be written to', async () => {
    for (const path of ['/', '/events', '/state.json']) {
      const head = await ask(path, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
    }
    const post = await ask('/state.json', { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('is refused under a foreign name and to other sites, while probes and scrapes are answered', async () => {
    for (const path of ['/', '/events', '/state.json', '/page/page.js']) {
      const answer = await askAs(path, { host: 'evil.example' });
      expect([path, answer.status]).toEqual([path, 403]);
      const foreign = await askAs(path, { host: 'localhost', 'sec-fetch-site': 'cross-site' });
      expect([path, foreign.status]).toEqual([path, 403]);
    }
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const answer = await askAs(path, { host: 'evil.example', 'sec-fetch-site': 'cross-site' });
      expect([path, answer.status]).toEqual([path, 200]);
    }
  });

  test('is shown under any name once it is public', async () => {
    await ops.close();
    await open('public');
    expect((await askAs('/', { host: 'ops.example' })).status).toBe(200);
  });

  test('tells scripts everything at /state.json', async () => {
    const providers = [{ name: 'openai', origin: 'https://api.example' }];
    const route = { id: 'ai/coding', match: { models: [] }, providers };
    page.serves({ version: 'v1', groups: [{ hostname: '*', path: '/v1', routes: [route] }] });
    page.clientFacts({ kind: 'connection.opened', connection: connectionRecord() });
    play('t-1');
    ready = () => ({ ready: false, reason: 'draining' });
    expect(await (await ask('/state.json')).json()).toMatchObject({
      process: { version: '1.2.3', isReady: false, reason: 'draining' },
      totals: { ended: { ok: 1 } },
      turns: [{ id: 't-1', outcome: 'completed' }],
      connections: { open: 1 },
      providers: [{ provider: 'openai', attempts: 1 }],
      routes: { version: 'v1', rows: [{ id: 'ai/coding' }] },
    });
  });

  test('survives a mistake of ours, which is logged', async () => {
    const watcher = await watch();
    ready = () => {
      throw new Error('broken');
    };
    await expect(ask('/state.json')).rejects.toMatchObject({ message: 'fetch failed' });
    clock.advance(SECOND);
    expect(mistakes).toHaveLength(2);
    ready = () => ({ ready: true });
    play('t-1');
    clock.advance(SECOND);
    await watcher.client.until('t-1');
  });
});

describe('whoever watches', () => {
  test('hears everything at first, and then only what is new', async () => {
    play('t-1');
    const watcher = await watch();
    expect(watcher.messages()).toMatchObject([['state', { turns: [{ id: 't-1' }] }]]);
    play('t-2');
    play('t-3');
    clock.advance(SECOND / 4);
    await watcher.client.until('t-3');
    const [, change] = watcher.messages()[1] ?? [];
    expect(change?.turns?.map(({ id }) => id)).toEqual(['t-2', 't-3']);
    expect(change?.totals?.ended.ok).toBe(3);
    expect(change?.routes).toBeUndefined();
  });

  test('hears at most four messages a second, and something each ten seconds', async () => {
    const watcher = await watch();
    for (let quarter = 1; quarter <= 4; quarter++) {
      for (let ms = 0; ms < SECOND / 4; ms++) {
        play(`t-${quarter}-${ms}`);
        clock.advance(1);
      }
      await watcher.client.until(`t-${quarter}-249`);
      expect(watcher.messages()).toHaveLength(1 + quarter);
    }
    clock.advance(SECOND);
    const before = watcher.messages().length;
    clock.advance(10 * SECOND);
    await until(() => watcher.messages().length > before, 'a message');
    expect(watcher.messages()).toHaveLength(before + 1);
  });

  test('hears of connections, providers, routes and readiness within a second', async () => {
    const watcher = await watch();
    page.clientFacts({ kind: 'connection.opened', connection: connectionRecord({ id: 'c-new' }) });
    page.serves({ version: 'v2', groups: [] });
    page.configReload('success');
    ready = () => ({ ready: false, reason: 'draining' });
    play('t-1');
    clock.advance(SECOND);
    await watcher.client.until('draining');
    const all = Object.assign({}, ...watcher.messages().map(([, message]) => message)) as PageState;
    expect(all).toMatchObject({
      connections: { rows: [{ id: 'c-new' }] },
      providers: [{ provider: 'openai' }],
      routes: { version: 'v2', lastReload: { result: 'success' } },
      process: { isReady: false, reason: 'draining' },
    });
  });

  test('misses nothing when another one begins to watch', async () => {
    const first = await watch();
    play('t-1');
    const second = await watch();
    expect((await first.client.until('t-1')).toString()).toContain('event: change');
    expect(second.messages()).toMatchObject([['state', { turns: [{ id: 't-1' }] }]]);
    play('t-2');
    clock.advance(SECOND);
    await second.client.until('t-2');
    expect(second.messages()[1]?.[1].turns?.map(({ id }) => id)).toEqual(['t-2']);
  });

  test('is one of a few: one more is told to come later', async () => {
    for (let count = 0; count < MAX_VIEWERS; count++) await watch();
    const refused = await ask('/events');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await refused.json()).toEqual({ error: '8 people watch already' });
    sockets[0]?.reset();
    await until(async () => (await ask('/events', { method: 'HEAD' })).status === 200, 'room for another');
    await watch();
  });

  test('is let go at the end, and nothing is left running when nobody watches', async () => {
    expect(clock.pending).toBe(0);
    const first = await watch();
    const second = await watch();
    expect(clock.pending).toBe(1);
    first.client.reset();
    second.client.reset();
    await until(() => clock.pending === 0, 'the timer to be gone');
    const third = await watch();
    page.close();
    page.close();
    await third.client.until('0\r\n\r\n');
    expect(clock.pending).toBe(0);
    expect((await ask('/events')).status).toBe(503);
  });
});
