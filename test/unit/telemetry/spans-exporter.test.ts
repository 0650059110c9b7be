/** The end of the pipeline: what becomes of spans when their receiver takes them, refuses them, or does nothing. */
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { expect, test } from '@jest/globals';
import { CountedSpans } from '../../../src/telemetry/spans/span-exporter.ts';
import { TraceSampler } from '../../../src/telemetry/spans/trace-sampler.ts';

const QUEUE = 8192;
const BATCH = 128;

/** An exporter that answers each batch as it is told; `nothing` lets it wait for {@link answer}. */
function openPipeline(ratio: number, mood: ExportResultCode | 'nothing') {
  let now = mood;
  const sizes: number[] = [];
  const waiting: ((result: ExportResult) => void)[] = [];
  const lost: string[] = [];
  const spans = new CountedSpans(
    {
      export: (batch, done) => {
        sizes.push(batch.length);
        if (now === 'nothing') waiting.push(done);
        else done({ code: now });
      },
      shutdown: () => Promise.resolve(),
    },
    ({ how }) => lost.push(how),
  );
  const provider = new TracerProvider({ sampler: new TraceSampler(ratio), spanProcessors: [spans] });
  const tracer = provider.getTracer('test');
  const end = (count: number): void => {
    for (let n = 0; n < count; n++) tracer.startSpan('s').end();
  };
  /** What waits and what comes is answered so. */
  const answer = (code: ExportResultCode): void => {
    now = code;
    for (const done of waiting.splice(0)) done({ code });
  };
  const close = async (): Promise<void> => {
    answer(ExportResultCode.SUCCESS); // what nobody answers keeps its timers
    await spans.shutdown();
  };
  return { spans, sizes, lost, end, answer, [Symbol.asyncDispose]: close };
}

test('what is taken is counted, in batches that do not hold the loop for long', async () => {
  await using pipeline = openPipeline(1, ExportResultCode.SUCCESS);
  const { spans, sizes, lost, end } = pipeline;
  end(300);
  const { exported, queued } = spans.stats;
  expect(exported + queued).toBe(300);
  await spans.forceFlush();
  expect(spans.stats).toEqual({ exported: 300, dropped: 0, failed: 0, queued: 0 });
  expect(Math.max(...sizes)).toBe(BATCH);
  expect(lost).toEqual([]);
  await spans.shutdown();
});

test('what is refused is counted as such, and told each time', async () => {
  await using pipeline = openPipeline(1, ExportResultCode.FAILED);
  const { spans, lost, end } = pipeline;
  end(200);
  await spans.forceFlush().catch(() => undefined);
  await spans.shutdown().catch(() => undefined);
  expect(spans.stats).toEqual({ exported: 0, dropped: 0, failed: 200, queued: 0 });
  expect(new Set(lost)).toEqual(new Set(['failed']));
});

test('with a receiver that does nothing a bounded number waits, and the rest is dropped and counted', async () => {
  await using pipeline = openPipeline(1, 'nothing');
  const { spans, lost, end, answer } = pipeline;
  end(QUEUE + 10);
  expect(spans.stats).toEqual({ exported: 0, dropped: 10, failed: 0, queued: QUEUE });
  expect(lost).toEqual(Array(10).fill('dropped'));
  // it comes back: what was waiting goes out, and there is room again
  answer(ExportResultCode.SUCCESS);
  await spans.forceFlush();
  end(1);
  await spans.shutdown();
  expect(spans.stats).toEqual({ exported: QUEUE + 1, dropped: 10, failed: 0, queued: 0 });
});

test('what is not kept neither waits nor counts', async () => {
  await using pipeline = openPipeline(0, ExportResultCode.SUCCESS);
  const { spans, sizes, end } = pipeline;
  end(QUEUE + 10);
  expect(spans.stats).toEqual({ exported: 0, dropped: 0, failed: 0, queued: 0 });
  await spans.shutdown();
  expect(sizes).toEqual([]);
});
