import { describe, expect, test } from '@jest/globals';
import { FrameCounts } from '../../../src/client/facts.ts';
import { CATALOGUE } from '../../../src/telemetry/metrics/metric-catalogue.ts';
import { type Metrics, type MetricsOptions, openMetrics } from '../../../src/telemetry/metrics/metrics.ts';
import { attemptRecord, connectionRecord, turnRecord } from './records.ts';

function open(over: Partial<MetricsOptions> = {}): Metrics {
  return openMetrics({
    version: '0.1.0',
    gauges: {
      connections: () => 2,
      connectionsLimit: () => 10,
      queuedBytes: () => ({ client_send: 1, inbound: 2, lane_queue: 3, answer: 4 }),
      transcriptBytes: () => 4096,
      ready: () => true,
      draining: () => false,
    },
    frameCounts: new FrameCounts(2),
    eventNames: ['response.created', 'response.completed'],
    ...over,
  });
}

/** The samples of a scrape, `name{labels}` to value. */
async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  for (const text of (await metrics.text()).split('\n')) {
    if (text === '' || text.startsWith('#')) continue;
    const space = text.lastIndexOf(' ');
    samples.set(text.slice(0, space), Number(text.slice(space + 1)));
  }
  return samples;
}

describe('a process without traffic', () => {
  test('shows every closed label set at zero, and its gauges', async () => {
    const samples = await scrape(open());
    expect(samples.get('turnbridge_client_handshakes_total{result="unauthorized"}')).toBe(0);
    expect(samples.get('turnbridge_client_connections_closed_total{code="1006",initiator="network"}')).toBe(
      0,
    );
    expect(samples.get('turnbridge_client_protocol_errors_total{reason="invalid_json"}')).toBe(0);
    expect(samples.get('turnbridge_client_connections')).toBe(2);
    expect(samples.get('turnbridge_client_connections_limit')).toBe(10);
    expect(samples.get('turnbridge_queued_bytes{place="lane_queue"}')).toBe(3);
    expect(samples.get('turnbridge_transcript_bytes')).toBe(4096);
    expect(samples.get('turnbridge_turns_active{provider="none"}')).toBe(0);
    expect(samples.get('turnbridge_ready')).toBe(1);
    expect(samples.get('turnbridge_draining')).toBe(0);
    expect(samples.get('turnbridge_build_info{version="0.1.0",revision="unknown",node="unknown"}')).toBe(1);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  test('names only metrics of its own, the process and Node', async () => {
    for (const name of (await scrape(open())).keys()) {
      expect(name).toMatch(/^(turnbridge|process|nodejs)_[a-z_]+(\{.*\})?$/);
    }
  });

  test('leaves the connection limit out when there is none', async () => {
    const gauges = {
      connections: () => 0,
      connectionsLimit: () => Infinity,
      queuedBytes: () => ({ client_send: 0, inbound: 0, lane_queue: 0, answer: 0 }),
      transcriptBytes: () => 0,
      ready: () => false,
      draining: () => true,
    };
    const samples = await scrape(open({ gauges }));
    expect(samples.has('turnbridge_client_connections_limit')).toBe(false);
    expect(samples.get('turnbridge_draining')).toBe(1);
  });
});

describe('turns', () => {
  test('are counted from queue to end, with their times, tokens and attempts', async () => {
    const metrics = open();
    const turn = turnRecord();
    const attempt = attemptRecord();
    metrics.turnFacts({ kind: 'turn.queued', turn });
    expect((await scrape(metrics)).get('turnbridge_turn_queue_depth')).toBe(1);
    metrics.turnFacts({ kind: 'turn.started', turn });
    metrics.turnFacts({ kind: 'attempt.started', turn, attempt });
    const running = await scrape(metrics);
    expect(running.get('turnbridge_turn_queue_depth')).toBe(0);
    expect(running.get('turnbridge_turns_active{provider="openai"}')).toBe(1);
    metrics.turnFacts({ kind: 'turn.first-event', turn });
    metrics.turnFacts({ kind: 'turn.first-output', turn });
    metrics.turnFacts({ kind: 'attempt.ended', turn, attempt });
    metrics.turnFacts({ kind: 'turn.ended', turn });

    const samples = await scrape(metrics);
    const pair = 'provider="openai",model="gpt-5.5"';
    const expected: Record<string, number> = {
      [`turnbridge_turns_started_total{route="ai/coding",${pair}}`]: 1,
      [`turnbridge_turns_total{route="ai/coding",${pair},transport="http",outcome="completed"}`]: 1,
      [`turnbridge_turn_duration_seconds_sum{${pair},outcome_class="ok"}`]: 2.5,
      turnbridge_turn_queue_seconds_sum: 0.005,
      [`turnbridge_turn_time_to_first_event_seconds_sum{${pair},transport="http"}`]: 0.1,
      [`turnbridge_turn_time_to_first_output_seconds_sum{${pair},transport="http"}`]: 0.5,
      'turnbridge_turn_stream_gap_seconds_sum{provider="openai"}': 0.12,
      [`turnbridge_turn_output_tokens_per_second_sum{${pair}}`]: 25,
      turnbridge_turn_attempts_sum: 1,
      'turnbridge_continuations_total{result="hit"}': 1,
      [`turnbridge_input_tokens_total{${pair}}`]: 100,
      [`turnbridge_input_cached_tokens_total{${pair}}`]: 60,
      [`turnbridge_output_tokens_total{${pair}}`]: 50,
      [`turnbridge_output_reasoning_tokens_total{${pair}}`]: 20,
      'turnbridge_provider_attempts_total{provider="openai",transport="http",result="ok",error_type=""}': 1,
      'turnbridge_turns_active{provider="none"}': 0,
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, samples.get(name)]))).toEqual(
      expected,
    );
    expect(samples.has('turnbridge_turns_active{provider="openai"}')).toBe(false);
  });

  test('that are refused before any route are counted as none, with the reason', async () => {
    const metrics = open();
    const turn = turnRecord({
      outcome: 'rejected',
      errorType: 'model_not_found',
      route: undefined,
      provider: undefined,
      model: 'other',
      attempts: 0,
      events: 0,
      usage: undefined,
      startedAt: undefined,
    });
    metrics.turnFacts({ kind: 'turn.queued', turn });
    metrics.turnFacts({ kind: 'turn.ended', turn });
    const samples = await scrape(metrics);
    expect(
      samples.get(
        'turnbridge_turns_total{route="none",provider="none",model="other",transport="http",outcome="rejected"}',
      ),
    ).toBe(1);
    expect(samples.get('turnbridge_turn_rejections_total{reason="model_not_found"}')).toBe(1);
    expect(samples.get('turnbridge_errors_total{side="client",error_type="model_not_found"}')).toBe(1);
    expect(samples.get('turnbridge_turn_queue_depth')).toBe(0);
    expect(samples.get('turnbridge_turn_attempts_count')).toBe(0);
  });

  test('whose attempt failed are counted on the side of the provider and of the client', async () => {
    const metrics = open();
    const turn = turnRecord({ outcome: 'provider_error', errorType: 'connect_failed', usage: undefined });
    const attempt = attemptRecord({ result: 'error', errorType: 'connect_failed' });
    metrics.turnFacts({ kind: 'attempt.ended', turn, attempt });
    metrics.turnFacts({ kind: 'turn.ended', turn });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_errors_total{side="provider",error_type="connect_failed"}')).toBe(1);
    expect(samples.get('turnbridge_errors_total{side="client",error_type="connect_failed"}')).toBe(1);
  });

  test('without a usage report are a number of their own', async () => {
    const metrics = open();
    metrics.turnFacts({ kind: 'turn.ended', turn: turnRecord({ usage: undefined }) });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_turns_without_usage_total{provider="openai",model="gpt-5.5"}')).toBe(1);
  });

  test('with nonsense in their numbers do not stop the counting', async () => {
    const metrics = open();
    const usage = { inputTokens: Number.NaN, cachedTokens: -5, outputTokens: Infinity, reasoningTokens: 7 };
    metrics.turnFacts({ kind: 'turn.ended', turn: turnRecord({ usage, maxGapMs: Number.NaN, endedAt: 10 }) });
    const samples = await scrape(metrics);
    const pair = 'provider="openai",model="gpt-5.5"';
    expect(samples.get(`turnbridge_output_reasoning_tokens_total{${pair}}`)).toBe(7);
    expect(samples.has(`turnbridge_input_tokens_total{${pair}}`)).toBe(false);
    expect(samples.get(`turnbridge_turn_duration_seconds_sum{${pair},outcome_class="ok"}`)).toBe(0);
  });

  test('do not include warm-ups, which have a counter of their own', async () => {
    const metrics = open();
    metrics.turnFacts({ kind: 'warmup.answered', route: 'ai/coding', connectionId: 'c-1' });
    metrics.turnFacts({ kind: 'transcript.evicted', connectionId: 'c-1', bytes: 10 });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_warmups_total{route="ai/coding"}')).toBe(1);
    expect(samples.get('turnbridge_transcript_evictions_total')).toBe(1);
    expect([...samples.keys()].some((name) => name.startsWith('turnbridge_turns_total'))).toBe(false);
  });
});

describe('connections', () => {
  test('are counted from handshake to close; unusual close codes share one value', async () => {
    const metrics = open();
    metrics.clientFacts({ kind: 'handshake', via: 'websocket', result: 'accepted', status: 101 });
    metrics.clientFacts({ kind: 'connection.opened', connection: connectionRecord() });
    metrics.clientFacts({ kind: 'frame.refused', connectionId: 'c-1', reason: 'invalid_json' });
    metrics.clientFacts({ kind: 'ping.answered', rttMs: 20 });
    metrics.clientFacts({ kind: 'backpressure.ended', connectionId: 'c-1', ms: 1500 });
    metrics.clientFacts({ kind: 'connection.closed', connection: connectionRecord() });
    const odd = connectionRecord({ closeCode: 4999, closeInitiator: 'remote' });
    metrics.clientFacts({ kind: 'connection.closed', connection: odd });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_client_handshakes_total{result="accepted"}')).toBe(1);
    expect(samples.get('turnbridge_client_connections_opened_total{client="codex"}')).toBe(1);
    expect(samples.get('turnbridge_client_connections_closed_total{code="1006",initiator="network"}')).toBe(
      1,
    );
    expect(samples.get('turnbridge_client_connections_closed_total{code="other",initiator="remote"}')).toBe(
      1,
    );
    expect(samples.get('turnbridge_client_connection_duration_seconds_sum')).toBe(122);
    expect(samples.get('turnbridge_client_connection_turns_sum')).toBe(6);
    expect(samples.get('turnbridge_client_protocol_errors_total{reason="invalid_json"}')).toBe(1);
    expect(samples.get('turnbridge_client_ping_rtt_seconds_sum')).toBe(0.02);
    expect(samples.get('turnbridge_client_backpressure_seconds_total')).toBe(1.5);
  });

  test('have their frames read from plain numbers at each scrape', async () => {
    const frameCounts = new FrameCounts(2);
    const metrics = open({ frameCounts });
    frameCounts.outByType[1] = 5;
    frameCounts.inByType.create = 3;
    frameCounts.bytesOut = 700;
    await scrape(metrics);
    frameCounts.outByType[1] = 6;
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_client_frames_total{direction="out",type="response.completed"}')).toBe(6);
    expect(samples.get('turnbridge_client_frames_total{direction="out",type="response.created"}')).toBe(0);
    expect(samples.get('turnbridge_client_frames_total{direction="in",type="response.create"}')).toBe(3);
    expect(samples.get('turnbridge_client_frame_bytes_total{direction="out"}')).toBe(700);
  });
});

describe('series', () => {
  test('stay bounded: ten thousand model names become fifty and other', async () => {
    const heard: string[] = [];
    const metrics = open({ onSeriesDropped: (metric) => heard.push(metric) });
    for (let i = 0; i < 10_000; i += 1) {
      metrics.turnFacts({ kind: 'turn.started', turn: turnRecord({ model: `m-${i}` }) });
    }
    const samples = await scrape(metrics);
    const started = [...samples].filter(([name]) => name.startsWith('turnbridge_turns_started_total'));
    expect(started).toHaveLength(51);
    expect(
      samples.get('turnbridge_turns_started_total{route="ai/coding",provider="openai",model="other"}'),
    ).toBe(9950);
    const dropped = 'turnbridge_metric_series_dropped_total{metric="turnbridge_turns_started_total"}';
    expect(samples.get(dropped)).toBe(9950);
    expect(new Set(heard)).toEqual(new Set([CATALOGUE.turnsStarted.name]));
  });

  test('of one metric stop at two thousand label sets, and closed labels keep their meaning', async () => {
    const metrics = open();
    for (let route = 0; route < 60; route += 1) {
      for (let model = 0; model < 40; model += 1) {
        const turn = turnRecord({ route: `ns/${route}`, model: `m-${model}` });
        metrics.turnFacts({ kind: 'turn.ended', turn });
      }
    }
    const samples = await scrape(metrics);
    const turns = [...samples].filter(([name]) => name.startsWith('turnbridge_turns_total'));
    expect(turns).toHaveLength(2001);
    expect(turns.reduce((sum, [, value]) => sum + value, 0)).toBe(2400);
    expect(
      samples.get(
        'turnbridge_turns_total{route="other",provider="other",model="other",transport="http",outcome="completed"}',
      ),
    ).toBe(400);
    const dropped = 'turnbridge_metric_series_dropped_total{metric="turnbridge_turns_total"}';
    expect([samples.get(dropped), (await scrape(metrics)).get(dropped)]).toEqual([400, 400]);
  });
});

test('reloads of the configuration are counted, and the time of the last good one is kept', async () => {
  const metrics = open({ now: () => 1_795_000_000_000 });
  metrics.configReload('success');
  metrics.configReload('failure');
  const samples = await scrape(metrics);
  expect(samples.get('turnbridge_config_reloads_total{result="success"}')).toBe(1);
  expect(samples.get('turnbridge_config_reloads_total{result="failure"}')).toBe(1);
  expect(samples.get('turnbridge_config_last_reload_success_timestamp_seconds')).toBe(1_795_000_000);
});

test('log lines are counted by level, and those that were lost', async () => {
  const stats = { lines: { debug: 0, info: 7, warn: 1, error: 0 }, dropped: 3, suppressed: 0 };
  const samples = await scrape(open({ logStats: () => stats }));
  expect(samples.get('turnbridge_log_lines_total{level="info"}')).toBe(7);
  expect(samples.get('turnbridge_log_lines_dropped_total')).toBe(3);
});
