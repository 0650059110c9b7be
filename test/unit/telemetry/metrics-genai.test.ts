import { describe, expect, test } from '@jest/globals';
import { genaiProviderName } from '../../../src/telemetry/genai-provider.ts';
import { open, play, scrape } from './metrics-setup.ts';
import { attemptRecord, turnRecord } from './records.ts';

const CALL =
  'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-5.5",server_address="provider.example"';

const genaiOf = (samples: ReadonlyMap<string, number>) =>
  new Map([...samples].filter(([name]) => name.startsWith('gen_ai_')));

describe('calls of models under the names of the GenAI conventions', () => {
  test('have today’s names by default: durations, first chunk, and tokens as counters', async () => {
    const metrics = open();
    play(metrics);
    const samples = await scrape(metrics);
    const expected: Record<string, number> = {
      [`gen_ai_client_inference_duration_seconds_sum{${CALL},error_type=""}`]: 2.495,
      [`gen_ai_client_inference_duration_seconds_bucket{le="2.56",${CALL},error_type=""}`]: 1,
      [`gen_ai_client_inference_time_to_first_chunk_seconds_sum{${CALL}}`]: 0.09,
      [`gen_ai_client_inference_usage_input_tokens_total{${CALL}}`]: 100,
      [`gen_ai_client_inference_usage_output_tokens_total{${CALL}}`]: 50,
      [`gen_ai_client_inference_usage_cache_read_input_tokens_total{${CALL}}`]: 60,
      [`gen_ai_client_inference_usage_reasoning_output_tokens_total{${CALL}}`]: 20,
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, samples.get(name)]))).toEqual(
      expected,
    );
  });

  test('tell long turns apart: buckets go on by doubling to 1310.72 s', async () => {
    const metrics = open();
    play(metrics, { endedAt: 1_000_000 }, { endedAt: 1_000_000 });
    const samples = await scrape(metrics);
    const bucket = (le: string) =>
      samples.get(`gen_ai_client_inference_duration_seconds_bucket{le="${le}",${CALL},error_type=""}`);
    expect([bucket('81.92'), bucket('163.84'), bucket('655.36'), bucket('1310.72')]).toEqual([0, 0, 0, 1]);
  });

  test('have the names of v1.41 when asked: tokens are a histogram', async () => {
    const metrics = open({ semconv: 'v1.41' });
    play(metrics);
    const samples = genaiOf(await scrape(metrics));
    expect(samples.get(`gen_ai_client_operation_duration_seconds_count{${CALL},error_type=""}`)).toBe(1);
    expect(samples.get(`gen_ai_client_operation_time_to_first_chunk_seconds_count{${CALL}}`)).toBe(1);
    expect(samples.get(`gen_ai_client_token_usage_sum{${CALL},gen_ai_token_type="input"}`)).toBe(100);
    expect(samples.get(`gen_ai_client_token_usage_bucket{le="64",${CALL},gen_ai_token_type="output"}`)).toBe(
      1,
    );
    expect([...samples.keys()].some((name) => name.includes('inference'))).toBe(false);
  });

  test('are not there when switched off', async () => {
    const metrics = open({ genai: false });
    play(metrics);
    expect(genaiOf(await scrape(metrics)).size).toBe(0);
  });

  test('name the error of a failed call; a cancelled one has none, and a refused turn was no call', async () => {
    const metrics = open();
    const usage = undefined;
    play(metrics, { outcome: 'failed', errorType: 'server_error', usage });
    play(metrics, { outcome: 'provider_error', errorType: undefined, usage });
    play(metrics, { outcome: 'cancelled', usage }, { firstEventAt: undefined });
    const refused = turnRecord({ outcome: 'rejected', errorType: 'model_not_found', attempts: 0, usage });
    metrics.turnFacts({ kind: 'turn.queued', turn: refused });
    metrics.turnFacts({ kind: 'turn.ended', turn: refused });
    const samples = await scrape(metrics);
    const count = (error: string) =>
      samples.get(`gen_ai_client_inference_duration_seconds_count{${CALL},error_type="${error}"}`);
    expect([count('server_error'), count('_OTHER'), count(''), count('model_not_found')]).toEqual([
      1,
      1,
      1,
      undefined,
    ]);
    expect(samples.get(`gen_ai_client_inference_time_to_first_chunk_seconds_count{${CALL}}`)).toBe(2);
  });

  test('are forgotten with their turn: nothing of one is counted to another', async () => {
    const metrics = open();
    const turn = turnRecord();
    for (const startedAt of [1000, 3000]) {
      const attempt = attemptRecord({ startedAt, endedAt: startedAt + 500 });
      metrics.turnFacts({ kind: 'attempt.started', turn, attempt });
      metrics.turnFacts({ kind: 'turn.ended', turn });
    }
    metrics.turnFacts({ kind: 'turn.ended', turn });
    const samples = await scrape(metrics);
    const name = 'gen_ai_client_inference_duration_seconds';
    expect(samples.get(`${name}_sum{${CALL},error_type=""}`)).toBe(1);
    expect(samples.get(`${name}_count{${CALL},error_type=""}`)).toBe(2);
  });

  test('last from the first attempt to the end of the last, and are told under the last provider', async () => {
    const metrics = open();
    const turn = turnRecord({ attempts: 2, provider: 'spare', endedAt: 9000 });
    const first = attemptRecord({ startedAt: 1000, endedAt: 2000, result: 'error', errorType: '503' });
    const second = attemptRecord({
      number: 2,
      provider: 'spare',
      origin: 'https://[fd00::1]:8443',
      startedAt: 2000,
      firstEventAt: 3000,
      endedAt: 6000,
    });
    metrics.turnFacts({ kind: 'attempt.started', turn, attempt: first });
    metrics.turnFacts({ kind: 'attempt.ended', turn, attempt: first });
    metrics.turnFacts({ kind: 'attempt.started', turn, attempt: second });
    metrics.turnFacts({ kind: 'attempt.ended', turn, attempt: second });
    metrics.turnFacts({ kind: 'turn.ended', turn });
    const samples = await scrape(metrics);
    const call = CALL.replace('"openai"', '"spare"').replace('provider.example', 'fd00::1');
    expect(samples.get(`gen_ai_client_inference_duration_seconds_sum{${call},error_type=""}`)).toBe(5);
    expect(samples.get(`gen_ai_client_inference_time_to_first_chunk_seconds_sum{${call}}`)).toBe(2);
    expect([...genaiOf(samples).keys()].some((name) => name.includes('provider.example'))).toBe(false);
  });
});

test.each([
  ['mine', 'https://api.openai.com', 'openai'],
  ['mine', 'https://eu.api.openai.com', 'openai'],
  ['mine', 'https://chatgpt.com', 'openai'],
  ['mine', 'https://team.openai.azure.com:443', 'azure.ai.openai'],
  ['mine', 'https://api.groq.com', 'groq'],
  ['mine', 'https://notapi.openai.com.example', 'mine'],
  ['mine', 'https://evilapi.openai.com', 'mine'],
  ['vllm', 'http://10.0.0.5:8000', 'vllm'],
  ['vllm', 'no url', 'vllm'],
])('provider %s at %s is called %s', (provider, origin, expected) => {
  expect(genaiProviderName(provider, origin)).toBe(expected);
});
