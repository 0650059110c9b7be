/** One run of the load program against a middle. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Child } from './child.ts';
import type { Middle, Stage } from './middle.ts';
import { eventsOf, requestBody, type RunTimes } from './request-body.ts';
import type { Answer, Question, SlowClients } from './scenarios.ts';

/** What judges/load.c prints; see there. */
export interface LoadResult {
  readonly seconds: number;
  readonly events: number;
  readonly turns: number;
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly residentBeforeKiB: number;
  readonly residentKiB: number;
}

/** Who asks what. */
export interface LoadPlan {
  readonly clients: number;
  readonly question: Question;
  /** Undefined: connections are only held. */
  readonly answer: Answer | undefined;
  readonly slow: SlowClients | undefined;
  readonly times: RunTimes;
}

const NO_ANSWER: Answer = { events: 1, textBytes: 16, gapUs: 0, eventsPerWrite: 1 };

/** Runs it to its end. @throws RunFailed, with the load's own sentence, when an answer was not as it should be. */
export async function runLoad(stage: Stage, middle: Middle, plan: LoadPlan): Promise<LoadResult> {
  const answer = plan.answer ?? NO_ANSWER;
  const body = join(stage.folder, 'body.json');
  await writeFile(body, requestBody(answer, plan.question, plan.times));
  const options: Record<string, string | number> = {
    mode: middle.mode,
    port: middle.port,
    body,
    clients: plan.clients,
    events: eventsOf(answer, plan.times),
    // Streams with a pace begin one after another within one gap, so that they stay out of step.
    'stagger-us': Math.floor(answer.gapUs / plan.clients),
    'warm-up-ms': plan.times.warmUpMs,
    'window-ms': plan.times.windowMs,
    watch: middle.pid ?? 0,
    'slow-clients': plan.slow?.clients ?? 0,
    'slow-bytes-per-s': plan.slow?.bytesPerSecond ?? 0,
  };
  const argv = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (plan.answer === undefined) argv.push('--idle');
  const { judges, cores } = stage;
  await using load = new Child({
    name: `the load (${middle.mode})`,
    pin: judges.pin,
    core: cores.judges,
    priority: cores.priority,
    argv: [judges.load, ...argv],
  });
  return JSON.parse(await load.output()) as LoadResult;
}
