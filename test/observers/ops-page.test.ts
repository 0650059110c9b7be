/** The page on the ops port, as a real browser shows it: turns of a real bridge, as they happen. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { systemClock } from '../../src/turn/clock.ts';
import { openOpsListener } from '../../src/telemetry/ops/ops-listener.ts';
import { openOpsPage, type OpsPage } from '../../src/telemetry/page/ops-page.ts';
import { MAX_ENDED_TURNS } from '../../src/telemetry/page/turn-history.ts';
import { MAX_VIEWERS } from '../../src/telemetry/page/viewers.ts';
import { turnRecord } from '../unit/telemetry/records.ts';
import { openMovableDoor } from './movable-door.ts';
import { until } from '../harness/wait-for.ts';
import { ask, logged, openScene, said, type Scene } from '../protocol/scene.ts';
import type { Browser, Page } from './browser-types.ts';
import { openChromium } from './chromium.ts';
import { aptTimeoutMs } from '../harness/debian-packages.ts';
import { openLively, playLively } from './lively-turns.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await openChromium();
}, 2 * aptTimeoutMs);
afterAll(() => browser.close());

interface Look {
  readonly page: Page;
  /** Requests that the page made, whatever became of them. */
  readonly asked: readonly string[];
  /** What the browser complained of: errors, warnings, refused requests. */
  readonly complaints: readonly string[];
}

const open: Page[] = [];
afterEach(async () => {
  for (const page of open.splice(0)) await page.close();
});

async function look(url: string, width = 1280): Promise<Look> {
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  open.push(page);
  const asked: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${url}/`);
  await live(page);
  return { page, asked, complaints };
}

/** Resolves when the page hears of what happens. */
async function live(page: Page): Promise<void> {
  await page.locator('#link').filter({ hasText: 'live' }).waitFor();
}

function rowsOf(page: Page) {
  return page.locator('tr.turn');
}

function shownRowsOf(page: Page) {
  return page.locator('tr.turn:not([hidden])');
}

/** Resolves when so many turns are known to have ended. */
async function endedRows(page: Page, count: number): Promise<void> {
  const ended = page.locator('tr.turn:not(.running):not(.waiting)');
  await until(async () => (await ended.count()) === count, `${String(count)} ended turns`);
}

const phases = (page: Page): Promise<string[]> =>
  page.evaluate("[...document.querySelectorAll('tr.turn .waterfall i')].map((phase) => phase.className)");

/** A provider that begins and then waits, with a usage at the end. */
function heldScene(): Promise<Scene & { hold: ReturnType<typeof gate> }> {
  const hold = gate();
  return openScene({
    route: { name: 'coding', match: { models: ['gpt-5.5'] }, provider: { name: 'openai' } },
    script: ({ body }) =>
      JSON.stringify(body.input).includes('refuse')
        ? 'quota'
        : [
            { begin: true },
            { until: hold.promise },
            { text: 'hello' },
            {
              complete: {
                usage: {
                  input_tokens: 12_345,
                  input_tokens_details: { cached_tokens: 12_000 },
                  output_tokens: 67,
                  output_tokens_details: { reasoning_tokens: 5 },
                  total_tokens: 12_412,
                },
              },
            },
          ],
  }).then((scene) => Object.assign(scene, { hold }));
}

describe('the page on the ops port', () => {
  test('shows turns as they happen, without being loaded again, each with its waterfall', async () => {
    await using scene = await heldScene();
    const { page, asked, complaints } = await look(scene.bridge.opsUrl);
    expect(await page.locator('#empty').isVisible()).toBe(true);
    const client = await scene.connect();
    client.create({ model: 'gpt-5.5', input: [said('hi')] });
    await page.locator('tr.turn.running').waitFor();
    await page.locator('tr.turn.running .waterfall i.think').waitFor();
    expect(await page.locator('tr.turn .outcome').textContent()).toBe('running');
    scene.hold.open();
    await client.events();
    await page.locator('tr.turn.ok').waitFor();
    const row = page.locator('tr.turn');
    expect(await row.count()).toBe(1);
    const text = await row.innerText();
    for (const part of ['completed', 'gpt-5.5', 'default/coding', 'openai', '12.3k', '97%', '67']) {
      expect(text).toContain(part);
    }
    expect(await phases(page)).toEqual(expect.arrayContaining(['wait', 'think']));
    expect(await row.locator('.track .unseen').textContent()).toMatch(
      /until first event .+, until first text/,
    );
    expect(asked.filter((url) => url.endsWith('/'))).toHaveLength(1);
    expect(complaints).toEqual([]);
  });

  test('shows the code of a turn that failed, and that its provider does', async () => {
    await using scene = await heldScene();
    const { page } = await look(scene.bridge.opsUrl);
    await ask(await scene.connect(), { model: 'gpt-5.5', input: [said('refuse')] });
    await page.locator('tr.turn.error').waitFor();
    expect(await page.locator('tr.turn .outcome').textContent()).toBe('failed');
    expect(await page.locator('tr.turn .code').textContent()).toBe('insufficient_quota');
    await page.locator('#providers .state.failing').waitFor();
    expect(await page.locator('#providers').innerText()).toContain('insufficient_quota');
    expect(await page.locator('#totals .bad').innerText()).toMatch(/failed\s*1/);
  });

  test('shows connections, routes without their keys, and whether the bridge is ready', async () => {
    await using scene = await openScene({
      route: {
        name: 'coding',
        provider: {
          name: 'openai',
          auth: { type: 'APIKey', secretRef: { name: 'key', key: 'key' } },
        },
      },
      secrets: { key: { key: 'SECRET-KEY' } },
    });
    await scene.connect({ headers: { 'user-agent': 'codex_exec/0.169.0' } });
    const { page } = await look(scene.bridge.opsUrl);
    await page.locator('#connections-note').filter({ hasText: '1 open · codex 1' }).waitFor();
    const routes = await page.locator('#routes').innerText();
    expect(routes).toContain('default/coding');
    expect(routes).toContain(new URL(scene.provider.url).origin);
    expect(await page.locator('#readiness').textContent()).toBe('ready');
    expect(await page.locator('#zone').textContent()).toMatch(/^UTC/);
    expect(await page.locator('#providers .state.idle').count()).toBe(1);
    expect(await page.content()).not.toContain('SECRET');
    await scene.changeRoute({ name: 'changed' });
    await page.locator('#routes').filter({ hasText: 'default/changed' }).waitFor();
    await scene.bridge.setRoutes('apiVersion: none');
    await page.locator('#routes').filter({ hasText: 'new files refused' }).waitFor();
  });

  test('finds turns by words and by outcome', async () => {
    await using scene = await heldScene();
    scene.hold.open();
    const { page } = await look(scene.bridge.opsUrl);
    const client = await scene.connect();
    await ask(client, { model: 'gpt-5.5', input: [said('hi')] });
    await ask(client, { model: 'gpt-5.5', input: [said('refuse')] });
    await ask(client, { model: 'unknown' });
    await endedRows(page, 3);
    await page.locator('#find').fill('OPENAI quota');
    expect(await shownRowsOf(page).allTextContents()).toEqual([
      expect.stringContaining('insufficient_quota'),
    ]);
    expect(await page.locator('#shown').textContent()).toBe('1 of 3');
    const [end] = await logged(scene.bridge, 'turn.end', 3);
    for (const id of [end?.['response_id'], end?.['provider_request_id']]) {
      await page.locator('#find').fill(String(id));
      expect([id, await shownRowsOf(page).allTextContents()]).toEqual([
        expect.stringMatching(/^[\w-]+$/),
        [expect.stringContaining('completed')],
      ]);
    }
    await page.locator('#find').fill('nothing like it');
    expect(await page.locator('#empty').innerText()).toBe('No turn matches.');
    await page.locator('#find').fill('');
    await page.locator('#outcome').selectOption('ok');
    expect(await shownRowsOf(page).count()).toBe(1);
    // what comes later is filtered, too
    await ask(client, { model: 'unknown' });
    await endedRows(page, 4);
    expect(await shownRowsOf(page).count()).toBe(1);
    await page.locator('#outcome').selectOption('error');
    expect(await shownRowsOf(page).count()).toBe(3);
  });

  test('tells all numbers of a turn below its row, by mouse and by keyboard', async () => {
    await using scene = await heldScene();
    scene.hold.open();
    const { page, complaints } = await look(scene.bridge.opsUrl);
    const client = await scene.connect();
    await ask(client, { model: 'gpt-5.5', input: [said('hi')] });
    await ask(client, { model: 'gpt-5.5', input: [said('refuse')] });
    await endedRows(page, 2);
    await page.locator('tr.turn.ok .model').click();
    const text = await page.locator('tr.details').innerText();
    const [end] = await logged(scene.bridge, 'turn.end', 2);
    for (const part of ['12,345', '12,000', '67']) expect(text).toContain(part);
    for (const field of ['turn_id', 'connection_id', 'response_id', 'provider_request_id']) {
      expect(text).toContain(String(end?.[field]));
    }
    expect(text).toMatch(/trace\s+not kept/);
    expect(await page.locator('tr.turn.ok button').getAttribute('aria-expanded')).toBe('true');
    await page.locator('tr.turn.ok .model').click();
    expect(await page.locator('tr.details').count()).toBe(0);
    await page.locator('tr.turn button').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await page.locator('tr.turn.ok button').getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('Escape');
    expect(await page.locator('tr.details').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('stands still while it is paused, and has missed nothing when it goes on', async () => {
    await using scene = await heldScene();
    scene.hold.open();
    const { page } = await look(scene.bridge.opsUrl);
    const client = await scene.connect();
    await ask(client, { model: 'gpt-5.5', input: [said('hi')] });
    await page.locator('tr.turn.ok').waitFor();
    await page.locator('#pause').click();
    // whoever looks at another tab meanwhile is told everything anew, of which nothing is new
    await setHidden(page, true);
    await setHidden(page, false);
    await page.locator('#link').filter({ hasText: 'paused, 0 turns wait' }).waitFor();
    await ask(client, { model: 'gpt-5.5', input: [said('hi')] });
    await ask(client, { model: 'gpt-5.5', input: [said('hi')] });
    await page.locator('#link').filter({ hasText: 'paused, 2 turns wait' }).waitFor();
    expect(await rowsOf(page).count()).toBe(1);
    await page.locator('#pause').click();
    expect(await rowsOf(page).count()).toBe(3);
    await page
      .locator('#totals')
      .filter({ hasText: /worked\s*3/ })
      .waitFor();
  });
});

/** A page without a bridge: turns are played to it. */
async function openAlone() {
  const page = openOpsPage({
    access: 'loopback',
    version: '1',
    clock: systemClock,
    wallNow: Date.now,
    ready: () => ({ ready: true }),
    onMistake: (error) => {
      throw error;
    },
  });
  const listener = await openOpsListener({
    host: '127.0.0.1',
    port: 0,
    ready: () => ({ ready: true }),
    metrics: { text: () => Promise.resolve({ type: 'text/plain', body: '' }) },
    page,
  });
  return {
    page,
    url: `http://${listener.address}`,
    [Symbol.asyncDispose]: async () => {
      page.close();
      await listener.close();
    },
  };
}

function playTurn(page: OpsPage, id: string, outcome: 'completed' | 'failed'): void {
  const turn = turnRecord({ id, receivedAt: systemClock.now(), outcome });
  page.turnFacts({ kind: 'turn.queued', turn });
  page.turnFacts({ kind: 'turn.ended', turn });
}

describe('the page of a busy bridge', () => {
  test('still has the turns that failed when hundreds have gone well since, and says so', async () => {
    await using alone = await openAlone();
    const { page, complaints } = await look(alone.url);
    playTurn(alone.page, 't-night', 'failed');
    for (let turn = 1; turn <= MAX_ENDED_TURNS; turn++) playTurn(alone.page, `t-${turn}`, 'completed');
    const note = page.locator('#shown').filter({ hasText: 'last 300 + 1 older failed' });
    await note.waitFor();
    // by itself, and not only because it was told everything in one message
    for (let turn = 1; turn <= 20; turn++) playTurn(alone.page, `t-later-${turn}`, 'completed');
    await page.locator('[data-turn="t-later-20"]').waitFor();
    await note.waitFor();
    await page.locator('#outcome').selectOption('error');
    expect(await page.locator('tr.turn:not([hidden])').getAttribute('data-turn')).toBe('t-night');
    await page.reload();
    await note.waitFor();
    expect(await rowsOf(page).count()).toBe(MAX_ENDED_TURNS + 1);
    expect(complaints).toEqual([]);
  });

  test('tells why it is not connected, and takes no place while nobody sees it', async () => {
    await using alone = await openAlone();
    const others: AbortController[] = [];
    const answers: Response[] = []; // held: fetch ends what it finds that nobody holds any more
    try {
      const { page: first } = await look(alone.url);
      while (others.length < MAX_VIEWERS - 1) {
        const other = new AbortController();
        others.push(other);
        answers.push(await fetch(`${alone.url}/events`, { signal: other.signal }));
      }
      expect(answers.map(({ status }) => status)).toEqual(others.map(() => 200));
      const second = await browser.newPage();
      open.push(second);
      await second.goto(`${alone.url}/`);
      const why = { hasText: 'not connected: 8 people watch already' };
      await second.locator('#link').filter(why).waitFor();
      await setHidden(first, true);
      await live(second);
      playTurn(alone.page, 't-meanwhile', 'completed');
      await setHidden(first, false);
      await first.locator('#link').filter(why).waitFor();
      expect(answers.every(({ bodyUsed }) => !bodyUsed)).toBe(true);
      for (const other of others) other.abort();
      await live(first);
      expect(await rowsOf(first).getAttribute('data-turn')).toBe('t-meanwhile');
    } finally {
      for (const other of others) other.abort();
    }
  });
});

/** As if another tab were before it, or no longer. */
function setHidden(page: Page, isHidden: boolean): Promise<void> {
  return page.evaluate(
    `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
     document.dispatchEvent(new Event('visibilitychange'));`,
  );
}

describe('the page keeps to itself', () => {
  test('it asks its own port alone, and its browser refuses it anything else', async () => {
    await using scene = await heldScene();
    scene.hold.open();
    const { page, asked, complaints } = await look(scene.bridge.opsUrl);
    await ask(await scene.connect(), { model: 'gpt-5.5', input: [said('hi')] });
    await page.locator('tr.turn.ok .time').click();
    expect([...new Set(asked.map((url) => new URL(url).origin))]).toEqual([scene.bridge.opsUrl]);
    expect(asked.length).toBeGreaterThan(5);
    expect(complaints).toEqual([]);
    const requestsBefore = scene.provider.requests.length;
    const tries = {
      fetch: `fetch('${scene.provider.url}/models').then(() => 'let through', () => 'refused')`,
      image: `new Promise((resolve) => { const image = new Image(); image.onload = () => resolve('let through'); image.onerror = () => resolve('refused'); image.src = '${scene.provider.url}/x.png'; })`,
      script: `(() => { const script = document.createElement('script'); try { script.textContent = 'globalThis.ran = 1'; document.head.append(script); } catch {} return globalThis.ran === 1 ? 'let through' : 'refused'; })()`,
      markup: `(() => { try { document.createElement('p').innerHTML = '<b>x</b>'; return 'let through'; } catch { return 'refused'; } })()`,
    };
    for (const [name, expression] of Object.entries(tries)) {
      expect([name, await page.evaluate(expression)]).toEqual([name, 'refused']);
    }
    expect(scene.provider.requests).toHaveLength(requestsBefore);
  });

  test('after the bridge was started anew it shows the new one', async () => {
    const first = await heldScene();
    let isFirstOpen = true;
    const door = await openMovableDoor(first.bridge.bridge.opsPort);
    try {
      const { page } = await look(door.url);
      first.hold.open();
      await ask(await first.connect(), { model: 'gpt-5.5', input: [said('hi')] });
      await page.locator('tr.turn.ok').waitFor();
      isFirstOpen = false;
      await first[Symbol.asyncDispose]();
      await page.locator('#link').filter({ hasText: 'not connected' }).waitFor();
      expect(await rowsOf(page).count()).toBe(1);
      await using second = await heldScene();
      door.leadTo(second.bridge.bridge.opsPort);
      await live(page);
      expect(await rowsOf(page).count()).toBe(0);
      await ask(await second.connect(), { model: 'gpt-5.5', input: [said('refuse')] });
      await page.locator('tr.turn.error').waitFor();
    } finally {
      await door.close();
      if (isFirstOpen) await first[Symbol.asyncDispose]();
    }
  });
});

describe('a lively mix of turns', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openLively();
    await playLively(scene);
  });
  afterAll(async () => scene[Symbol.asyncDispose]());

  test('has a row for every ending, with its word', async () => {
    const { page, complaints } = await look(scene.bridge.opsUrl);
    for (const outcome of [
      'completed',
      'incomplete',
      'failed',
      'provider error',
      'timeout',
      'rejected',
      'cancelled',
      'disconnected',
      'running',
    ]) {
      await page.locator('tr.turn .outcome').filter({ hasText: outcome }).first().waitFor();
    }
    expect(complaints).toEqual([]);
  });

  test.each([
    [1280, 'light', 'ops-page'],
    [1280, 'dark', 'ops-page-dark'],
    [700, 'light', 'ops-page-narrow'],
    [390, 'light', 'ops-page-phone'],
  ] as const)('fits into %s px, %s', async (width, colorScheme, name) => {
    const { page } = await look(scene.bridge.opsUrl, width);
    await page.emulateMedia({ colorScheme });
    await page.locator('tr.turn.ok').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const [track] = await page.evaluate<number[]>(
      "[...document.querySelectorAll('tr.turn .track')].map((track) => track.clientWidth)",
    );
    expect(track).toBeGreaterThan(width / 5);
    // on a busy machine one of them may have taken so much longer than the rest that it is cut off, as it should be
    const widest = await page.evaluate<number>(`Math.max(
      ...[...document.querySelectorAll('tr.turn.ok .waterfall')]
        .filter((bar) => {
          const style = getComputedStyle(bar);
          return Number(style.getPropertyValue('--ms')) <= Number(style.getPropertyValue('--scale'));
        })
        .map((bar) => bar.clientWidth),
    )`);
    expect(widest).toBeLessThanOrEqual(track ?? 0);
    expect(widest).toBeGreaterThan(10);
    if (width < 1000) await page.locator('tr.turn.ok .time').first().click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const folder = process.env['TURNBRIDGE_PICTURES'];
    if (folder !== undefined) {
      await mkdir(folder, { recursive: true });
      await page.screenshot({ path: join(folder, `${name}.png`) });
    }
  });
});
