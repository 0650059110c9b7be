import { describe, expect, test } from '@jest/globals';
import { FrameCounts } from '../../../src/client/facts.ts';
import type { SnapshotNumbers } from '../../../src/telemetry/metrics/process-metrics.ts';
import { open, play, plainGauges, scrape } from './metrics-setup.ts';
import { attemptRecord, connectionRecord, handshakeRecord, turnRecord } from './records.ts';

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
    expect(samples.has('turnbridge_memory_limit_bytes')).toBe(false);
    expect(samples.get('turnbridge_queued_bytes{place="lane_queue"}')).toBe(3);
    expect(samples.get('turnbridge_client_send_buffer_bytes')).toBe(1);
    expect(samples.get('turnbridge_transcript_bytes')).toBe(4096);
    expect(samples.get('turnbridge_overhead_seconds_count{phase="request"}')).toBe(0);
    expect(samples.get('turnbridge_overhead_seconds_count{phase="event"}')).toBe(0);
    expect(samples.get('turnbridge_gc_duration_seconds_bucket{le="+Inf",kind="incremental"}')).toBeDefined();
    expect(samples.get('turnbridge_spans_total{result="dropped"}')).toBe(0);
    expect(samples.get('turnbridge_span_queue_length')).toBe(0);
    expect(samples.get('turnbridge_config_last_reload_successful')).toBe(1);
    expect(samples.get('turnbridge_warmups_total{route="ai/coding"}')).toBeUndefined();
    expect(samples.get('turnbridge_turns_active{provider="none"}')).toBe(0);
    expect(samples.get('turnbridge_ready')).toBe(1);
    expect(samples.get('turnbridge_draining')).toBe(0);
    expect(samples.get('turnbridge_build_info{version="0.1.0",revision="unknown",node="unknown"}')).toBe(1);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  test('leaves the connection limit out when there is none', async () => {
    const gauges = {
      ...plainGauges,
      connectionsLimit: () => Infinity,
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
      'turnbridge_overhead_seconds_sum{phase="request"}': 0.0004,
      'turnbridge_client_frame_size_bytes_bucket{le="10000"}': 1,
      [`turnbridge_input_cache_write_tokens_total{${pair}}`]: 10,
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

  test('that the provider refused for what was asked are rejections with their reason, and so are their attempts', async () => {
    const metrics = open();
    const failure = { errorType: 'context_length_exceeded' };
    const turn = turnRecord({ ...failure, outcome: 'rejected', usage: undefined });
    metrics.turnFacts({
      kind: 'attempt.ended',
      turn,
      attempt: attemptRecord({ ...failure, result: 'rejected' }),
    });
    metrics.turnFacts({ kind: 'turn.ended', turn });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_turn_rejections_total{reason="context_length_exceeded"}')).toBe(1);
    const attempts = 'turnbridge_provider_attempts_total{provider="openai",transport="http"';
    expect(samples.get(`${attempts},result="rejected",error_type="context_length_exceeded"}`)).toBe(1);
    expect(samples.get('turnbridge_errors_total{side="provider",error_type="context_length_exceeded"}')).toBe(
      1,
    );
  });

  test('whose WebSocket did not serve are no errors of the provider, and say why they fell back', async () => {
    const metrics = open();
    const attempt = attemptRecord({ result: 'fallback', transport: 'websocket', errorType: '503' });
    metrics.turnFacts({ kind: 'attempt.ended', turn: turnRecord(), attempt });
    const samples = await scrape(metrics);
    const attempts = 'turnbridge_provider_attempts_total{provider="openai",transport="websocket"';
    expect(samples.get(`${attempts},result="fallback",error_type="503"}`)).toBe(1);
    expect([...samples.keys()].filter((name) => name.startsWith('turnbridge_errors_total'))).toEqual([]);
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

  test('tell how long a new connection to the provider took, and nothing of one that failed', async () => {
    const metrics = open();
    const steps = { dnsMs: 1, tcpMs: 2, tlsMs: 3 };
    const dialled = { startedAt: 1005, endedAt: 1035, ...steps, errorType: undefined };
    play(metrics, {}, { dial: dialled });
    play(metrics, {}, { dial: { ...dialled, errorType: 'ECONNREFUSED' } });
    play(metrics);
    const samples = await scrape(metrics);
    const name = 'turnbridge_provider_connect_seconds';
    expect(samples.get(`${name}_sum{provider="openai",transport="http"}`)).toBe(0.03);
    expect(samples.get(`${name}_count{provider="openai",transport="http"}`)).toBe(1);
  });

  test('without a usage report are a number of their own', async () => {
    const metrics = open();
    metrics.turnFacts({ kind: 'turn.ended', turn: turnRecord({ usage: undefined }) });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_turns_without_usage_total{provider="openai",model="gpt-5.5"}')).toBe(1);
  });

  test('with nonsense in their numbers do not stop the counting', async () => {
    const metrics = open();
    const usage = {
      inputTokens: Number.NaN,
      cachedTokens: -5,
      cacheWriteTokens: 0,
      outputTokens: Infinity,
      reasoningTokens: 7,
    };
    metrics.turnFacts({ kind: 'turn.ended', turn: turnRecord({ usage, maxGapMs: Number.NaN, endedAt: 10 }) });
    const samples = await scrape(metrics);
    const pair = 'provider="openai",model="gpt-5.5"';
    expect(samples.get(`turnbridge_output_reasoning_tokens_total{${pair}}`)).toBe(7);
    expect(samples.get(`turnbridge_input_cache_write_tokens_total{${pair}}`)).toBe(0);
    for (const name of ['input', 'input_cached', 'output']) {
      expect(samples.has(`turnbridge_${name}_tokens_total{${pair}}`)).toBe(false);
    }
    expect(samples.get(`turnbridge_turn_duration_seconds_sum{${pair},outcome_class="ok"}`)).toBe(0);
  });

  test('do not include warm-ups, which have a counter of their own', async () => {
    const metrics = open();
    metrics.turnFacts({ kind: 'warmup.answered', route: 'ai/coding', turn: turnRecord() });
    metrics.turnFacts({ kind: 'transcript.evicted', connectionId: 'c-1', bytes: 10 });
    const samples = await scrape(metrics);
    expect(samples.get('turnbridge_warmups_total{route="ai/coding"}')).toBe(1);
    expect(samples.get('turnbridge_transcript_evictions_total')).toBe(1);
    expect(samples.get('turnbridge_client_frame_size_bytes_sum')).toBe(1200);
    expect([...samples.keys()].some((name) => name.startsWith('turnbridge_turns_total'))).toBe(false);
  });
});

describe('connections', () => {
  test('are counted from handshake to close; unusual close codes share one value', async () => {
    const metrics = open();
    metrics.clientFacts({ kind: 'handshake', handshake: handshakeRecord() });
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

test('what the bridge takes for an event is counted as the caller samples it; nonsense is not', async () => {
  const metrics = open();
  for (const seconds of [0.0002, 0.003, Number.NaN, -1, Infinity]) metrics.observeEventLatency(seconds);
  const samples = await scrape(metrics);
  expect(samples.get('turnbridge_overhead_seconds_count{phase="event"}')).toBe(2);
  expect(samples.get('turnbridge_overhead_seconds_bucket{le="0.00025",phase="event"}')).toBe(1);
  expect(samples.get('turnbridge_overhead_seconds_count{phase="request"}')).toBe(0);
});

test('spans are counted by what became of them, from the numbers of whoever exports them', async () => {
  const samples = await scrape(
    open({ spanStats: () => ({ exported: 5, dropped: 2, failed: 3, queued: 4 }) }),
  );
  expect(samples.get('turnbridge_spans_total{result="exported"}')).toBe(5);
  expect(samples.get('turnbridge_spans_total{result="dropped"}')).toBe(2);
  expect(samples.get('turnbridge_spans_total{result="failed"}')).toBe(3);
  expect(samples.get('turnbridge_span_queue_length')).toBe(4);
});

test('the memory limit is shown when there is one', async () => {
  expect((await scrape(open({ memoryLimitBytes: 512 }))).get('turnbridge_memory_limit_bytes')).toBe(512);
  const unlimited = await scrape(open({ memoryLimitBytes: Infinity }));
  expect(unlimited.has('turnbridge_memory_limit_bytes')).toBe(false);
});

test('reloads of the configuration are counted, and the time of the last good one is kept', async () => {
  const metrics = open({ now: () => 1_795_000_000_000 });
  metrics.configReload('success');
  metrics.configReload('failure');
  expect((await scrape(metrics)).get('turnbridge_config_last_reload_successful')).toBe(0);
  metrics.configReload('success');
  const samples = await scrape(metrics);
  expect(samples.get('turnbridge_config_last_reload_successful')).toBe(1);
  expect(samples.get('turnbridge_config_reloads_total{result="success"}')).toBe(2);
  expect(samples.get('turnbridge_config_reloads_total{result="failure"}')).toBe(1);
  expect(samples.get('turnbridge_config_last_reload_success_timestamp_seconds')).toBe(1_795_000_000);
});

test('log lines are counted by level, and those that were lost', async () => {
  const stats = { lines: { debug: 0, info: 7, warn: 1, error: 0 }, dropped: 3, suppressed: 0 };
  const samples = await scrape(open({ logStats: () => stats }));
  expect(samples.get('turnbridge_log_lines_total{level="info"}')).toBe(7);
  expect(samples.get('turnbridge_log_lines_dropped_total')).toBe(3);
});

test('the routes in effect are shown as far as there is something to show', async () => {
  const nothing = {
    generation: undefined,
    routes: undefined,
    takenAtMs: undefined,
    isWatchUp: undefined,
  };
  const shown = async (numbers: Partial<SnapshotNumbers>) =>
    Object.fromEntries(
      [...(await scrape(open({ gauges: { ...plainGauges, snapshot: () => ({ ...nothing, ...numbers }) } })))]
        .filter(([name]) => name.startsWith('turnbridge_snapshot_'))
        .map(([name, value]) => [name.replace('turnbridge_snapshot_', ''), value]),
    );
  expect(await shown({})).toEqual({});
  expect(await shown({ isWatchUp: false })).toEqual({ watch_up: 0 });
  expect(await shown({ generation: 7, routes: 0, takenAtMs: 5000, isWatchUp: true })).toEqual({
    generation: 7,
    routes: 0,
    last_applied_timestamp_seconds: 5,
    watch_up: 1,
  });
});
