/** Turns that changed their provider or their transport, as a real Jaeger shows them; and the pictures of docs/traces.md. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Step } from '../../src/scripted/script.ts';
import { routeTo } from '../harness/bridge.ts';
import { aptTimeoutMs } from '../harness/debian-packages.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { ask, logged, openScene, type SceneWishes } from '../protocol/scene.ts';
import type { Browser } from './browser-types.ts';
import { openChromium } from './chromium.ts';
import { openJaeger, type Jaeger } from './jaeger.ts';
import { childrenOf, type ObservedSpan, type ObservedTrace } from './jaeger-trace.ts';
import { pictureWidth, toPicture } from './trace-picture.ts';
import { toTags } from './trace-tags.ts';
import { useJaeger } from './use-observers.ts';

useJaeger();

let jaeger: Jaeger;
let browser: Browser;
beforeAll(async () => {
  jaeger = await openJaeger();
  browser = await openChromium();
}, 2 * aptTimeoutMs);
afterAll(async () => {
  await jaeger.close();
  await browser.close();
});

/** At a model's pace. */
const answer: readonly Step[] = [
  { wait: 60 },
  { open: true },
  { wait: 120 },
  { begin: true },
  { wait: 180 },
  { text: 'It is done, and nobody noticed.', delayMs: 20 },
];

/** The trace of the one turn of a scene, complete. */
async function traceOf(wishes: SceneWishes, spans: number): Promise<ObservedTrace> {
  const tracing = { url: `${jaeger.otlpUrl}/v1/traces`, ratio: 1 };
  await using scene = await openScene({ ...wishes, telemetry: { tracing } });
  const client = await scene.connect();
  expect((await ask(client, {})).at(-1)).toMatchObject({ type: 'response.completed' });
  const [line] = await logged(scene.bridge, 'turn.end');
  const isWhole = (trace: ObservedTrace) => trace.spans.length >= spans;
  return jaeger.waitForTrace(String(line?.['trace_id']), isWhole);
}

/** Name and status, deepest last; without `admission`, which is there when the machine let a turn wait. */
function outline(trace: ObservedTrace): readonly (readonly [depth: number, name: string, status: string])[] {
  const walk = (span: ObservedSpan, depth: number): ReturnType<typeof outline> => [
    [depth, span.name, span.status],
    ...childrenOf(trace, span)
      .filter(({ name }) => name !== 'admission')
      .toSorted((one, other) => one.startUs - other.startUs)
      .flatMap((child) => walk(child, depth + 1)),
  ];
  return trace.spans.filter(({ parentId }) => parentId === undefined).flatMap((span) => walk(span, 0));
}

function tagsOf(trace: ObservedTrace, name: RegExp): readonly string[] {
  return trace.spans
    .filter((span) => name.test(span.name))
    .toSorted((one, other) => one.startUs - other.startUs)
    .map((span) => toTags(span).flat().join(' '));
}

/** Saves the picture where pictures are wanted. */
async function picture(trace: ObservedTrace, title: string, file: string): Promise<void> {
  const folder = process.env['TURNBRIDGE_PICTURES'];
  if (folder === undefined) return;
  const page = await browser.newPage({ viewport: { width: pictureWidth, height: 300 } });
  const source = 'spans as Jaeger’s query API gives them; the providers are scripted';
  await page.setContent(toPicture(trace, { service: 'turnbridge', title, source }));
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, file), fullPage: true });
  await page.close();
}

test('a turn that failed over: both attempts below it, why there was a second one, and no error but the first', async () => {
  await using second = await fakeProvider(answer);
  const provider = (name: string, url: string, priority: number) => {
    return { name, url, priority, transport: 'HTTP', auth: { type: 'None' } };
  };
  const wishes: SceneWishes = {
    script: [{ wait: 180 }, { reset: true }],
    routes: (url) =>
      routeTo(url, { providers: [provider('openai', url, 0), provider('azure', second.url, 1)] }),
  };
  const trace = await traceOf(wishes, 6);
  expect(outline(trace)).toEqual([
    [0, 'response.create', 'unset'],
    [1, 'chat m', 'unset'],
    [2, 'POST /v1/responses', 'error'],
    [3, 'upstream connect', 'unset'],
    [2, 'POST /v1/responses', 'unset'],
    [3, 'upstream connect', 'unset'],
  ]);
  const [first = '', other = ''] = tagsOf(trace, /^POST/);
  expect(first).toMatch(/provider openai .*error ECONNRESET/);
  expect(other).toMatch(/provider azure status 200 .*because of failover/);
  expect(tagsOf(trace, /^response/)[0]).toContain('failed over yes');
  const turn = trace.spans.find(({ parentId }) => parentId === undefined);
  expect(turn?.events.map(({ name }) => name)).toEqual(['failover', 'first_event', 'first_output']);
  expect(turn?.events[0]?.attributes).toMatchObject({
    'turnbridge.failover.from': 'openai',
    'turnbridge.failover.to': 'azure',
    'turnbridge.failover.reason': 'ConnectFailure',
  });
  await picture(trace, 'A turn whose first provider failed', 'trace-failover.png');
});

test('a turn that fell back to HTTP: the upgrade that was refused, and the attempt that served it', async () => {
  await using provider = await fakeProvider(answer, {
    webSocket: { stallUpgrade: 150, refuse: { status: 404 } },
  });
  const routes = () => routeTo(provider.url, { provider: { name: 'gateway', transport: 'Auto' } });
  const trace = await traceOf({ routes }, 6);
  expect(outline(trace)).toEqual([
    [0, 'response.create', 'unset'],
    [1, 'chat m', 'unset'],
    [2, 'WS /v1/responses', 'error'],
    [3, 'upstream connect', 'unset'],
    [2, 'POST /v1/responses', 'unset'],
    [3, 'upstream connect', 'unset'],
  ]);
  expect(tagsOf(trace, /^WS/)[0]).toMatch(/provider gateway status 404 .*error 404/);
  expect(tagsOf(trace, /^POST/)[0]).toMatch(/status 200 .*no WebSocket not supported/);
  expect(tagsOf(trace, /^response/)[0]).toContain('fell back to HTTP yes');
  const turn = trace.spans.find(({ parentId }) => parentId === undefined);
  expect(turn?.events.map(({ name }) => name)).toEqual(['transport_fallback', 'first_event', 'first_output']);
  expect(turn?.events[0]?.attributes).toMatchObject({
    'turnbridge.provider': 'gateway',
    'turnbridge.transport.reason': 'not_supported',
  });
  await picture(trace, 'A turn whose provider has no WebSocket', 'trace-fallback.png');
});

test('the page on the ops port says how a provider is reached and why not otherwise, who rests, and why a turn went on', async () => {
  await using well = await fakeProvider('hello', { webSocket: 'on' });
  const auth = { type: 'None' };
  const health = { consecutiveFailures: 1, ejectionSeconds: 300, maxEjectionSeconds: 300 };
  await using scene = await openScene({
    script: () => ({ status: { code: 503, body: {} } }),
    routes: (url) =>
      routeTo(url, {
        providers: [
          { name: 'failing', url, transport: 'Auto', auth, health },
          { name: 'well', url: well.url, transport: 'Auto', auth, priority: 1 },
        ],
      }),
  });
  const client = await scene.connect();
  await ask(client, {});
  await logged(scene.bridge, 'turn.failover');
  const page = await browser.newPage({ viewport: { width: 1280, height: 700 } });
  await page.goto(`${scene.bridge.opsUrl}/`);
  await page.locator('#providers .state.resting').filter({ hasText: 'resting 4 min' }).waitFor();
  const providers = await page.locator('#providers').innerText();
  expect(providers).toMatch(/HTTP · no WebSocket \(404\), asked again in [45] min/);
  expect(providers).toContain('WebSocket · 0 active, 1 idle sockets');
  await page.locator('tr.turn.ok .model').click();
  const details = (await page.locator('tr.details').innerText()).replaceAll(/\s+/g, ' ');
  expect(details).toMatch(
    /failing WebSocket fallback 404 404 .*failing HTTP transport fallback: not supported/,
  );
  expect(details).toMatch(/failing HTTP .* error 503 503 .*well WebSocket failover ok/);
  const folder = process.env['TURNBRIDGE_PICTURES'];
  if (folder !== undefined) await page.screenshot({ path: join(folder, 'ops-page-providers.png') });
  await page.close();
});
