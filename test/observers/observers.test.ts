/** The ground the other tests of this folder stand on: each observer is a real program, and sees what it is shown. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openChromium } from './chromium.ts';
import { aptTimeoutMs } from '../harness/debian-packages.ts';
import { until } from '../harness/wait-for.ts';
import { openJaeger, type Jaeger } from './jaeger.ts';
import { childrenOf, parentOf } from './jaeger-trace.ts';
import { openPrometheus } from './prometheus.ts';
import { promtool } from './prometheus-program.ts';
import { startServerProcess } from './server-process.ts';
import { useJaeger, usePrometheus } from './use-observers.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const outside = { traceId: 'b'.repeat(32), spanId: 'c'.repeat(16) };

describe('Jaeger', () => {
  useJaeger();
  let jaeger: Jaeger;
  beforeAll(async () => {
    jaeger = await openJaeger();
  });
  afterAll(() => jaeger.close());

  test('a trace comes back with names, kinds, parents, links, events and statuses', async () => {
    const at = BigInt(Date.now()) * 1_000_000n;
    await send(jaeger, [
      {
        traceId,
        spanId: '1111111111111111',
        name: 'the turn',
        kind: 2,
        startTimeUnixNano: String(at),
        endTimeUnixNano: String(at + 5_000_000n),
        attributes: [{ key: 'turnbridge.attempts', value: { intValue: '2' } }],
        links: [outside],
        events: [{ name: 'first_event', timeUnixNano: String(at + 1_000_000n), attributes: [] }],
      },
      {
        traceId,
        spanId: '2222222222222222',
        parentSpanId: '1111111111111111',
        name: 'the attempt',
        kind: 3,
        startTimeUnixNano: String(at + 1_000n),
        endTimeUnixNano: String(at + 4_000_000n),
        attributes: [{ key: 'error.type', value: { stringValue: '429' } }],
        status: { code: 2, message: 'too many requests' },
      },
    ]);
    const trace = await jaeger.waitForTrace(traceId, ({ spans }) => spans.length === 2);

    const [turn, attempt] = trace.spans;
    expect(turn).toMatchObject({
      traceId,
      spanId: '1111111111111111',
      parentId: undefined,
      links: [outside],
      service: 'a-service',
      resource: { 'service.version': '1.2.3' },
      name: 'the turn',
      kind: 'server',
      status: 'unset',
      attributes: { 'turnbridge.attempts': 2 },
      events: [{ name: 'first_event', atUs: Number(at / 1000n) + 1_000, attributes: {} }],
      startUs: Number(at / 1000n),
      durationUs: 5_000,
    });
    expect(attempt).toMatchObject({
      kind: 'client',
      status: 'error',
      statusMessage: 'too many requests',
      attributes: { 'error.type': '429' },
    });
    expect(Object.keys(turn?.attributes ?? {})).toEqual(['turnbridge.attempts']);
    expect(attempt && parentOf(trace, attempt)).toBe(turn);
    expect(turn && childrenOf(trace, turn)).toEqual([attempt]);

    const search = { service: 'a-service', operation: 'the attempt', tags: { 'error.type': '429' } };
    expect(await jaeger.findTraces(search)).toEqual([trace]);
    expect(await jaeger.findTraces({ ...search, tags: { 'error.type': '500' } })).toEqual([]);
  });

  test('a trace that never came is said to be missing, with what was awaited', async () => {
    const unknown = 'd'.repeat(32);
    expect(await jaeger.trace(unknown)).toBeUndefined();
    await expect(jaeger.waitForTrace(unknown, () => true, 50)).rejects.toThrow(
      `trace ${unknown} did not become complete; it has: nothing`,
    );
  });

  test('two of them run side by side and keep their traces apart', async () => {
    await using other = await openJaeger();
    expect(other.otlpUrl).not.toBe(jaeger.otlpUrl);
    expect(await other.trace(traceId)).toBeUndefined();
  });
});

describe('Prometheus', () => {
  usePrometheus();

  test('scrapes, evaluates the rules it was given, and says what is wrong with a query', async () => {
    await using page = await openPage('text/plain; version=0.0.4', () => 'things_total{kind="good"} 42\n');
    const rule = { record: 'things:doubled', expr: 'things_total * 2' };
    await using prometheus = await openPrometheus({
      scrape: { things: { targets: [page.address], labels: { pod: 'a' } } },
      rules: [JSON.stringify({ groups: [{ name: 'things', rules: [rule] }] })],
    });
    const [sample] = await prometheus.waitForQuery('things:doubled');

    expect(sample?.value).toBe(84);
    expect(sample?.labels).toMatchObject({ __name__: 'things:doubled', kind: 'good', pod: 'a' });
    // a scrape that is late on a loaded machine ends a series until the next one
    const scalar = await until(async () => {
      const samples = await prometheus.query('scalar(things_total)');
      return samples[0]?.value === 42 && samples;
    }, 'a scalar of a scrape that was in time');
    expect(scalar).toEqual([{ labels: {}, value: 42 }]);
    const lastPoint = async (): Promise<boolean> => {
      const now = Date.now() / 1000;
      const [series] = await prometheus.queryRange('things_total', { startS: now - 1, endS: now, stepS: 1 });
      return series?.points.at(-1)?.[1] === 42;
    };
    await until(lastPoint, 'a series whose last point is now');
    await expect(prometheus.query('things_total{')).rejects.toThrow('parse error');
  });

  test('promtool finds nothing wrong with good metrics, and names what is wrong with bad ones', async () => {
    const good = '# HELP things_total Things.\n# TYPE things_total counter\nthings_total 1\n';
    expect(await promtool(['check', 'metrics'], good)).toMatchObject({ code: 0 });
    const bad = await promtool(['check', 'metrics'], good.replaceAll('things_total', 'things'));
    expect(bad.code).not.toBe(0);
    expect(bad.output).toContain('counter metrics should have "_total" suffix');
  });
});

describe('Chromium', () => {
  test(
    'opens a page, runs its script, and takes its picture',
    async () => {
      const html =
        '<title>A page</title><h1>before</h1><script>document.querySelector("h1").textContent="after"</script>';
      await using page = await openPage('text/html', () => html);
      const browser = await openChromium();
      try {
        const tab = await browser.newPage();
        await tab.goto(`http://${page.address}/`);
        expect(await tab.title()).toBe('A page');
        expect(await tab.locator('h1').textContent()).toBe('after');
        const picture = await tab.screenshot();
        expect(picture.subarray(1, 4).toString('latin1')).toBe('PNG');
      } finally {
        await browser.close();
      }
    },
    2 * aptTimeoutMs,
  );
});

describe('a server that does not start', () => {
  test('is reported with its own words, and nothing is left of it', async () => {
    const starting = startServerProcess({
      command: 'sh',
      args: ['-c', 'echo "no room here" >&2; exit 3'],
      isReady: () => Promise.resolve(false),
    });
    await expect(starting).rejects.toThrow(/did not start:\nno room here/);
  });
});

async function send(jaeger: Jaeger, spans: readonly object[]): Promise<void> {
  const attribute = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
  const resource = {
    attributes: [attribute('service.name', 'a-service'), attribute('service.version', '1.2.3')],
  };
  const response = await fetch(`${jaeger.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  });
  expect(response.status).toBe(200);
}

/** A page that is the same at every path. */
async function openPage(
  type: string,
  text: () => string,
): Promise<AsyncDisposable & { readonly address: string }> {
  const server: Server = createServer((_, response) => {
    response.setHeader('content-type', type).end(text());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}
