/** The picture of a trace in the README: made of a real one, and true to it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { useClients } from '../clients/use-clients.ts';
import type { Browser, Page } from './browser-types.ts';
import { openChromium } from './chromium.ts';
import { lineage } from './codex-scene.ts';
import { aptTimeoutMs } from '../harness/debian-packages.ts';
import { openJaeger, type Jaeger } from './jaeger.ts';
import type { ObservedSpan, ObservedTrace } from './jaeger-trace.ts';
import { playTask, words } from './pictured-task.ts';
import { pictureWidth, toPicture } from './trace-picture.ts';
import { useJaeger } from './use-observers.ts';

useClients();
useJaeger();

let browser: Browser;
beforeAll(async () => {
  browser = await openChromium();
}, 2 * aptTimeoutMs);
afterAll(() => browser.close());

const wishes = {
  service: 'turnbridge',
  named: ['exec_command'],
  title: 'One task for Codex, two turns, one trace',
  source: 'spans as Jaeger’s query API gives them; the provider is scripted',
};

/** A row as the page has it. */
interface ShownRow {
  /** With two dashes for each level. */
  readonly label: string;
  readonly spanId: string;
  readonly above: string;
  /** Of the bar, as a share of the time shown. */
  readonly left: number;
  readonly width: number;
  readonly isFailed: boolean;
  readonly isCut: boolean;
  readonly events: readonly string[];
  readonly tags: string;
}

interface Look {
  readonly page: Page;
  readonly rows: readonly ShownRow[];
  /** Requests that the page made. */
  readonly asked: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

const readRows = `[...document.querySelectorAll('ol > li')].map((row) => {
  const name = row.querySelector('.name');
  const time = row.querySelector('.time').getBoundingClientRect();
  const bar = row.querySelector('.bar').getBoundingClientRect();
  return {
    label: '--'.repeat(Number(getComputedStyle(row).getPropertyValue('--depth'))) + ' ' + name.innerText,
    spanId: row.dataset.span,
    above: row.dataset.above,
    left: (bar.left - time.left) / time.width,
    width: bar.width / time.width,
    isFailed: row.classList.contains('failed'),
    isCut: name.scrollWidth > name.clientWidth,
    events: [...row.querySelectorAll('.tick')].map((tick) => tick.dataset.event),
    tags: [...row.querySelectorAll('.tags > span, .duration > span')].map((tag) => tag.innerText).join(', '),
  };
})`;

async function look(trace: ObservedTrace): Promise<Look> {
  const page = await browser.newPage({ viewport: { width: pictureWidth, height: 600 } });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.setContent(toPicture(trace, wishes));
  const rows = await page.evaluate<ShownRow[]>(readRows);
  return { page, rows, asked, [Symbol.asyncDispose]: () => page.close() };
}

describe('the trace of a task for Codex, with a tool call', () => {
  let jaeger: Jaeger;
  beforeAll(async () => {
    jaeger = await openJaeger();
  });
  afterAll(() => jaeger.close());

  test('is a waterfall from the agent to the provider and back, to scale and without a prompt', async () => {
    const trace = await playTask(jaeger);
    await using seen = await look(trace);
    const { rows, page } = seen;

    // these two depend on the machine's mood
    const steady = rows.filter(({ label }) => !/admission|upstream connect/.test(label));
    expect(steady.map(({ label }) => label)).toEqual([
      ' codex-app-server turn/start',
      '-- op.dispatch.turn_input',
      '---- codex.turn_input',
      '------ session_task.turn',
      '-------- session_task.run',
      '---------- run_turn',
      '------------ run_sampling_request',
      '-------------- try_run_sampling_request',
      '---------------- stream_request',
      '------------------ turnbridge response.create',
      '-------------------- chat gpt-5.5',
      '---------------------- POST /v1/responses',
      '---------------- ⋯ exec_command',
      '------------ run_sampling_request',
      '-------------- try_run_sampling_request',
      '---------------- stream_request',
      '------------------ turnbridge response.create',
      '-------------------- chat gpt-5.5',
      '---------------------- POST /v1/responses',
    ]);
    expectTrue(trace, rows);
    const turns = rows.filter(({ label }) => label.endsWith('response.create'));
    expect(turns.map(({ events }) => events)).toEqual([
      ['first_event', 'first_output'],
      ['first_event', 'first_output'],
    ]);
    const tags = rows.map((row) => row.tags).join('\n');
    expect(tags).toMatch(/outcome completed, overhead .+, first event .+, first output .+, continuation hit/);
    expect(tags).toContain('input 8,712, cached 7,936, output 187, reasoning 96, finish tool_call');
    expect(tags).toMatch(/provider scripted, status 200, connection reused, headers .+, events \d+/);
    const text = await page.evaluate<string>('document.body.innerText');
    expect(text).toContain(`… ${trace.spans.length - rows.length} more spans of codex-app-server`);

    expect(rows.filter(({ isCut }) => isCut)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(pictureWidth);
    expect(seen.asked).toEqual([]);
    const html = await page.content();
    for (const said of Object.values(words)) expect(html).not.toContain(said);

    const folder = process.env['TURNBRIDGE_PICTURES'];
    if (folder !== undefined) {
      await mkdir(folder, { recursive: true });
      await page.screenshot({ path: join(folder, 'trace.png'), fullPage: true });
    }
  });
});

describe('a trace in general', () => {
  const turn = span({ spanId: '1', name: 'response.create', kind: 'server' });

  test('has a mark at what failed, and says of what', async () => {
    const failed = span({
      spanId: '2',
      parentId: '1',
      name: 'POST /v1/responses',
      status: 'error',
      attributes: { 'error.type': '503', 'http.response.status_code': 503 },
    });
    await using seen = await look({ traceId: 't', spans: [turn, failed] });
    expect(seen.rows.map(({ isFailed, label }) => [isFailed, label])).toEqual([
      [false, ' turnbridge response.create'],
      [true, '-- ! POST /v1/responses'],
    ]);
    expect(seen.rows[1]?.tags).toBe('status 503, error 503');
  });

  test('stays within its page, also where a short span is far right', async () => {
    const attributes = { 'peer.service': 'scripted', 'http.response.status_code': 200 };
    const long = { ...turn, durationUs: 1_000_000 };
    const spans = [0.8, 0.9, 0.95, 0.999].map((share, index) =>
      span({ spanId: `late-${index}`, parentId: '1', name: 'late', startUs: share * 1_000_000, attributes }),
    );
    await using seen = await look({ traceId: 't', spans: [long, ...spans] });
    expect(seen.rows.map(({ tags }) => tags)).toEqual([
      '',
      ...spans.map(() => 'provider scripted, status 200'),
    ]);
    expect(await seen.page.evaluate('document.documentElement.scrollWidth')).toBe(pictureWidth);
  });

  test('begins with a span whose parent has not arrived', async () => {
    const orphan = span({ spanId: '2', parentId: 'lost', service: 'agent', name: 'ask', startUs: 500 });
    const below = { ...turn, parentId: '2' };
    await using seen = await look({ traceId: 't', spans: [orphan, below] });
    expect(seen.rows.map(({ label }) => label)).toEqual([' agent ask', '-- turnbridge response.create']);
  });

  test('leaves out what others do, and whatever they say of it', async () => {
    const agent = span({
      spanId: '2',
      service: 'agent',
      name: 'ask',
      attributes: { prompt: 'SECRET' },
      events: [{ name: 'SECRET', atUs: 1_500, attributes: { text: 'SECRET' } }],
      statusMessage: 'SECRET',
    });
    const other = span({ spanId: '3', parentId: '2', service: 'agent', name: 'SECRET' });
    const ours = { ...turn, parentId: '2', attributes: { 'turnbridge.unknown': 'SECRET' } };
    await using seen = await look({ traceId: 't', spans: [agent, ours, other] });
    expect(seen.rows.map(({ spanId }) => spanId)).toEqual(['2', '1']);
    expect(await seen.page.content()).not.toContain('SECRET');
    expect(await seen.page.locator('footer').innerText()).toContain('… 1 more span of agent');
  });

  test('shows markup in a name as it is written', async () => {
    const name = '<img src=x onerror="document.title = 1"> & more';
    await using seen = await look({ traceId: 't', spans: [{ ...turn, name }] });
    expect(seen.rows.map(({ label }) => label)).toEqual([` turnbridge ${name}`]);
    expect(await seen.page.title()).toBe(wishes.title);
    expect(seen.asked).toEqual([]);
  });
});

/** Every row is below its parent, or below the nearest that is shown, and its bar is where its time is. */
function expectTrue(trace: ObservedTrace, rows: readonly ShownRow[]): void {
  const shown = new Map(rows.map((row) => [row.spanId, row]));
  const spans = trace.spans.filter(({ spanId }) => shown.has(spanId));
  const startUs = Math.min(...spans.map((span) => span.startUs));
  const allUs = Math.max(...spans.map((span) => span.startUs + span.durationUs)) - startUs;
  expect(spans).toHaveLength(rows.length);
  for (const span of spans) {
    const above = lineage(trace, span)
      .slice(1)
      .find(({ spanId }) => shown.has(spanId));
    const row = shown.get(span.spanId) as ShownRow;
    expect(row.above).toBe(above?.spanId ?? '');
    expect(row.left).toBeCloseTo((span.startUs - startUs) / allUs, 2);
    expect(row.width).toBeCloseTo(span.durationUs / allUs, 2);
  }
  const starts = new Map(spans.map((span) => [span.spanId, span.startUs]));
  for (const { above, spanId } of rows) {
    const siblings = rows.filter((row) => row.above === above).map((row) => starts.get(row.spanId) ?? 0);
    expect({ spanId, siblings }).toEqual({ spanId, siblings: siblings.toSorted((a, b) => a - b) });
  }
}

/** One of ours, from 1 to 2 ms, unless it says otherwise. */
function span(fields: Partial<ObservedSpan> & Pick<ObservedSpan, 'spanId' | 'name'>): ObservedSpan {
  return {
    traceId: 't',
    parentId: undefined,
    links: [],
    service: 'turnbridge',
    resource: {},
    kind: 'client',
    status: 'unset',
    statusMessage: undefined,
    attributes: {},
    events: [],
    startUs: 1_000,
    durationUs: 1_000,
    ...fields,
  };
}
