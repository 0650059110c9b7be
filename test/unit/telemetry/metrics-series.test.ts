import { describe, expect, test } from '@jest/globals';
import { FrameCounts } from '../../../src/client/facts.ts';
import { EVENT_TYPES } from '../../../src/events/event-type.ts';
import { CATALOGUE } from '../../../src/telemetry/metrics/metric-catalogue.ts';
import type { Metrics } from '../../../src/telemetry/metrics/metrics.ts';
import type { TurnLabels } from '../../../src/telemetry/metrics/turn-metrics.ts';
import { open, play, scrape } from './metrics-setup.ts';
import { turnRecord } from './records.ts';

/** Six providers with five models each: thirty pairs. */
const PAIRS: readonly TurnLabels[] = Array.from({ length: 30 }, (_, i) => ({
  route: `ai/route-${i % 3}`,
  provider: `provider-${i % 6}`,
  model: `model-${Math.floor(i / 6)}`,
  transports: ['http'],
}));

/** Counts every event that there is, as a bridge does. */
const likeABridge = () => ({
  frameCounts: new FrameCounts(EVENT_TYPES.length),
  eventNames: EVENT_TYPES.map(({ name }) => name),
});

const samplesOf = (samples: ReadonlyMap<string, number>, name: string) =>
  [...samples].filter(([sample]) => sample.startsWith(`${name}{`));

describe('series stay bounded', () => {
  test('ten thousand model names become fifty and other', async () => {
    const heard: string[] = [];
    const metrics = open({ onSeriesDropped: (metric) => heard.push(metric) });
    for (let i = 0; i < 10_000; i += 1) {
      metrics.turnFacts({ kind: 'turn.started', turn: turnRecord({ model: `m-${i}` }) });
    }
    const samples = await scrape(metrics);
    expect(samplesOf(samples, 'turnbridge_turns_started_total')).toHaveLength(51);
    expect(
      samples.get('turnbridge_turns_started_total{route="ai/coding",provider="openai",model="other"}'),
    ).toBe(9950);
    const dropped = 'turnbridge_metric_series_dropped_total{metric="turnbridge_turns_started_total"}';
    expect(samples.get(dropped)).toBe(9950);
    expect(new Set(heard)).toEqual(new Set([CATALOGUE.turnsStarted.name]));
  });

  test('ten thousand model names of whole turns are one other in every metric', async () => {
    const metrics = open();
    for (let i = 0; i < 10_000; i += 1) play(metrics, { model: `m-${i}` });
    const samples = await scrape(metrics);
    const models = new Set([...samples.keys()].map((name) => /model="([^"]*)"/.exec(name)?.[1]));
    models.delete(undefined);
    expect(models.size).toBe(51);
    for (const name of ['turnbridge_turn_duration_seconds_count', 'turnbridge_input_tokens_total']) {
      const others = samplesOf(samples, name).filter(([sample]) => sample.includes('model="other"'));
      expect(others).toHaveLength(1);
    }
  });

  test('one metric has two thousand label sets; then closed labels keep their meaning', async () => {
    const metrics = open();
    for (let route = 0; route < 60; route += 1) {
      for (let model = 0; model < 40; model += 1) {
        const turn = turnRecord({ route: `ns/${route}`, model: `m-${model}` });
        metrics.turnFacts({ kind: 'turn.ended', turn });
      }
    }
    const samples = await scrape(metrics);
    const turns = samplesOf(samples, 'turnbridge_turns_total');
    expect(turns).toHaveLength(2001);
    expect(turns.reduce((sum, [, value]) => sum + value, 0)).toBe(2400);
    const rest = 'route="other",provider="other",model="other",transport="http",outcome="completed"';
    expect(samples.get(`turnbridge_turns_total{${rest}}`)).toBe(400);
    const dropped = 'turnbridge_metric_series_dropped_total{metric="turnbridge_turns_total"}';
    expect([samples.get(dropped), (await scrape(metrics)).get(dropped)]).toEqual([400, 400]);
  });
});

test('what is read at each scrape is added up where labels were replaced', async () => {
  const metrics = open();
  for (let i = 0; i < 120; i += 1) {
    const turn = turnRecord({ provider: `p-${i}` });
    metrics.turnFacts({ kind: 'turn.started', turn });
  }
  const active = samplesOf(await scrape(metrics), 'turnbridge_turns_active');
  expect(active).toHaveLength(102); // with those that have no provider yet
  expect(new Map(active).get('turnbridge_turns_active{provider="other"}')).toBe(20);
  expect(active.reduce((sum, [, value]) => sum + value, 0)).toBe(120);
});

describe('the size of a scrape', () => {
  const inTrouble = (metrics: Metrics, labels: TurnLabels, errorTypes: readonly string[]): void => {
    play(metrics, { ...labels, outcome: 'cancelled' }, { result: 'aborted' });
    for (const errorType of errorTypes) {
      play(metrics, { ...labels, outcome: 'failed', errorType }, { result: 'error', errorType });
    }
  };
  const errorTypes = ['server_error', 'rate_limit_exceeded', 'idle_timeout'];

  test('is below five thousand samples with thirty busy pairs', async () => {
    const metrics = open(likeABridge());
    metrics.initialise(PAIRS);
    for (const labels of PAIRS) play(metrics, labels);
    const { size } = await scrape(metrics);
    expect(size).toBeGreaterThan(4000); // else this is not the load that it says
    expect(size).toBeLessThan(5000);
  });

  test('is so too when all thirty pairs fail and are cancelled, without the names of the conventions', async () => {
    const metrics = open({ ...likeABridge(), genai: false });
    metrics.initialise(PAIRS);
    for (const labels of PAIRS) {
      play(metrics, labels);
      inTrouble(metrics, labels, errorTypes);
    }
    expect((await scrape(metrics)).size).toBeLessThan(5000);
  });

  test('is below nine thousand samples when all of that comes together', async () => {
    const metrics = open(likeABridge());
    metrics.initialise(PAIRS);
    for (const labels of PAIRS) {
      play(metrics, labels);
      inTrouble(metrics, labels, errorTypes);
    }
    expect((await scrape(metrics)).size).toBeLessThan(9000);
  });
});

describe('a snapshot', () => {
  const pair = 'route="ai/coding",provider="openai",model="gpt-5.5"';
  const labels: TurnLabels = {
    route: 'ai/coding',
    provider: 'openai',
    model: 'gpt-5.5',
    transports: ['http'],
  };

  test('shows zeros for what service levels are judged by, before the first turn', async () => {
    const metrics = open();
    metrics.initialise([labels]);
    const samples = await scrape(metrics);
    const outcomes = ['completed', 'failed', 'provider_error', 'timeout', 'drained', 'bridge_error'];
    expect(samplesOf(samples, 'turnbridge_turns_total')).toEqual(
      outcomes.map((outcome) => [`turnbridge_turns_total{${pair},transport="http",outcome="${outcome}"}`, 0]),
    );
    expect(samples.get(`turnbridge_turns_started_total{${pair}}`)).toBe(0);
    expect(samples.get('turnbridge_warmups_total{route="ai/coding"}')).toBe(0);
  });

  test('shows them for each transport that its turns may take', async () => {
    const metrics = open();
    metrics.initialise([{ ...labels, transports: ['websocket', 'http'] }]);
    const samples = await scrape(metrics);
    for (const transport of ['websocket', 'http'])
      expect(samples.get(`turnbridge_turns_total{${pair},transport="${transport}",outcome="failed"}`)).toBe(
        0,
      );
  });

  test('that comes again leaves the counts as they are', async () => {
    const metrics = open();
    metrics.initialise([labels]);
    play(metrics);
    metrics.initialise([labels, { ...labels, model: 'gpt-6' }]);
    const samples = await scrape(metrics);
    expect(samples.get(`turnbridge_turns_total{${pair},transport="http",outcome="completed"}`)).toBe(1);
    expect(samples.get(`turnbridge_turns_started_total{${pair}}`)).toBe(1);
  });

  test('with more than a scrape should hold begins with a hundred, and drops nothing', async () => {
    const heard: string[] = [];
    const metrics = open({ onSeriesDropped: (metric) => heard.push(metric) });
    const many = Array.from({ length: 3000 }, (_, i) => ({
      ...labels,
      route: `ns/${i % 60}`,
      model: `m-${i % 47}`,
    }));
    metrics.initialise(many);
    expect(samplesOf(await scrape(metrics), 'turnbridge_turns_started_total')).toHaveLength(100);
    expect(heard).toEqual([]);
  });

  test('with more models than are told apart begins with as many as there is room for, and drops nothing', async () => {
    const heard: string[] = [];
    const metrics = open({ onSeriesDropped: (metric) => heard.push(metric) });
    metrics.initialise(Array.from({ length: 100 }, (_, i) => ({ ...labels, model: `m-${i}` })));
    expect(samplesOf(await scrape(metrics), 'turnbridge_turns_started_total')).toHaveLength(50);
    expect(heard).toEqual([]);
  });
});
