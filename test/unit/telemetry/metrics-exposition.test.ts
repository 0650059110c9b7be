import { describe, expect, test } from '@jest/globals';
import { prefersOpenMetrics } from '../../../src/telemetry/metrics/accept.ts';
import type { TraceIds } from '../../../src/turn/facts.ts';
import { parseOpenMetrics, parseText } from './exposition-parser.ts';
import { open, OPENMETRICS, play } from './metrics-setup.ts';

const sampled: TraceIds = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  isSampled: true,
  traceState: '',
};
const unsampled: TraceIds = { ...sampled, isSampled: false };
const attemptTrace: TraceIds = { ...sampled, spanId: '00f067aa0ba902b7' };

describe('a scrape', () => {
  test('is text 0.0.4 unless OpenMetrics is asked for, and says which it is', async () => {
    const metrics = open();
    for (const accept of [undefined, '', '*/*', 'text/html,*/*;q=0.8', 'text/plain;version=0.0.4']) {
      const { type, body } = await metrics.text(accept);
      expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(body).not.toContain('# EOF');
    }
    const { type, body } = await metrics.text(OPENMETRICS);
    expect(type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body.endsWith('\n# EOF\n')).toBe(true);
  });

  test.each([
    // Prometheus 2 and 3, with what they send by default
    [
      'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      true,
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      true,
    ],
    // with `scrape_protocols` turned round
    ['text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2', false],
    ['application/openmetrics-text', true],
    ['Application/OpenMetrics-Text; Version="1.0.0"', true],
    ['application/openmetrics-text;version=0.0.1', false],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text;q=lots', false],
    ['application/json', false],
    [',;,=;q', false],
  ])('with accept: %s is OpenMetrics: %s', (accept, expected) => {
    expect(prefersOpenMetrics(accept)).toBe(expected);
  });

  test('holds to its format, empty and with turns of every kind', async () => {
    const metrics = open();
    const both = async () => {
      const text = parseText((await metrics.text()).body);
      const openMetrics = parseOpenMetrics((await metrics.text(OPENMETRICS)).body);
      expect([...openMetrics.types.keys()]).toEqual(
        [...text.types.keys()].map((n) => n.replace(/_total$/, '')),
      );
      return { text, openMetrics };
    };
    await both();
    play(metrics, { trace: sampled }, { trace: attemptTrace });
    play(
      metrics,
      { outcome: 'timeout', errorType: 'idle_timeout' },
      { result: 'error', errorType: 'idle_timeout' },
    );
    play(metrics, { outcome: 'rejected', errorType: 'weird "name"\\ with\nall', route: undefined });
    const { text, openMetrics } = await both();
    expect(text.exemplars.size).toBe(0);
    expect(openMetrics.exemplars.size).toBeGreaterThan(0);
    expect(
      text.samples.get('turnbridge_turn_rejections_total{reason="weird \\"name\\"\\\\ with\\nall"}'),
    ).toBe(1);
    expect(openMetrics.samples.get('turnbridge_turn_attempts_bucket{le="1.0"}')).toBe(3);
    expect(openMetrics.samples.get('turnbridge_client_frame_size_bytes_bucket{le="1e+06"}')).toBe(3);
    expect(text.samples.get('turnbridge_client_frame_size_bytes_bucket{le="1000000"}')).toBe(3);
  });

  test('names only metrics of its own, of the conventions, of the process and of Node', async () => {
    const metrics = open();
    play(metrics);
    for (const name of parseText((await metrics.text()).body).types.keys()) {
      expect(name).toMatch(/^(turnbridge|gen_ai|process|nodejs)_[a-z_]+$/);
    }
  });

  test('in one format is right while others in the other format go on', async () => {
    const metrics = open();
    play(metrics);
    const bodies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => metrics.text(i % 2 === 0 ? undefined : OPENMETRICS)),
    );
    const counts = bodies.map(({ body }, i) => {
      const { samples } = (i % 2 === 0 ? parseText : parseOpenMetrics)(body);
      expect(samples.has('process_cpu_seconds_total')).toBe(true);
      return samples.get('turnbridge_turn_attempts_count');
    });
    expect(new Set(counts)).toEqual(new Set([1]));
  });
});

describe('an exemplar', () => {
  const exemplars = async (metrics: ReturnType<typeof open>) =>
    parseOpenMetrics((await metrics.text(OPENMETRICS)).body).exemplars;

  test('leads from the four histograms of time to the trace, in the bucket of its value', async () => {
    const metrics = open();
    const before = Date.now() / 1000;
    play(metrics, { trace: sampled }, { trace: attemptTrace });
    const found = await exemplars(metrics);
    const ids = { trace_id: sampled.traceId, span_id: sampled.spanId };
    const pair = 'provider="openai",model="gpt-5.5"';
    const call =
      'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-5.5",server_address="provider.example",error_type=""';
    expect(
      Object.fromEntries([...found].map(([key, { labels, value }]) => [key, { labels, value }])),
    ).toEqual({
      [`turnbridge_turn_duration_seconds_bucket{le="2.5",${pair},outcome_class="ok"}`]: {
        labels: ids,
        value: 2.5,
      },
      [`turnbridge_turn_time_to_first_output_seconds_bucket{le="0.5",${pair},transport="http"}`]: {
        labels: ids,
        value: 0.5,
      },
      'turnbridge_provider_attempt_duration_seconds_bucket{le="2.5",provider="openai",transport="http",result="ok"}':
        {
          labels: { ...ids, span_id: attemptTrace.spanId },
          value: 2.495,
        },
      [`gen_ai_client_inference_duration_seconds_bucket{le="2.56",${call}}`]: { labels: ids, value: 2.495 },
    });
    for (const { timestamp } of found.values()) {
      expect(timestamp).toBeGreaterThanOrEqual(before);
      expect(timestamp).toBeLessThanOrEqual(Date.now() / 1000);
    }
  });

  test('is there for sampled turns only', async () => {
    const metrics = open();
    play(metrics, { trace: unsampled }, { trace: unsampled });
    play(metrics);
    expect((await exemplars(metrics)).size).toBe(0);
  });

  test('of the last turn takes the place of the one before in the same bucket', async () => {
    const metrics = open();
    play(metrics, { trace: sampled });
    play(metrics, { trace: { ...sampled, spanId: 'aaaaaaaaaaaaaaaa' } });
    play(metrics, { trace: unsampled });
    const key =
      'turnbridge_turn_duration_seconds_bucket{le="2.5",provider="openai",model="gpt-5.5",outcome_class="ok"}';
    expect((await exemplars(metrics)).get(key)?.labels['span_id']).toBe('aaaaaaaaaaaaaaaa');
  });
});
