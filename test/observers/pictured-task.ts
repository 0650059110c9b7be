/** The task for Codex whose trace is in the picture of the README: think, run a command, report. */
import { openAppServer } from '../clients/codex-app-server.ts';
import { inputOf, textOf } from '../clients/comparable.ts';
import type { AnswerFunction, Step } from '../../src/scripted/script.ts';
import { lineage, openCodexScene, spansOfTurn } from './codex-scene.ts';
import type { Jaeger } from './jaeger.ts';
import type { ObservedTrace } from './jaeger-trace.ts';

/** Everything that is said in the task, by its user, the model and the tool. */
export const words = {
  prompt: 'Run the tests and report',
  thought: 'Best to run them before anything else',
  comment: 'I will run the tests first and look at what fails, then mend it.',
  output: '42 tests passed',
  answer: 'All 42 tests pass, in half a second. Nothing had to be changed.',
};

/** A model's pace: it thinks, then writes some twenty words in a second. */
const task: AnswerFunction = (request) => {
  const last = inputOf(request).at(-1);
  const isToolOutput = last?.['type'] !== 'message';
  if (!isToolOutput && !textOf(last).includes(words.prompt)) {
    return { headers: { connection: 'close' }, steps: [{ text: 'Hello' }] };
  }
  if (isToolOutput) {
    return [
      ...begun({ headersMs: 90, eventMs: 310 }),
      { wait: 720 },
      { text: words.answer, delayMs: 90 },
      usage({ input: 8_951, cached: 8_704, output: 64, reasoning: 0 }),
    ];
  }
  return [
    ...begun({ headersMs: 90, eventMs: 340 }),
    { wait: 800 },
    { reasoning: { summary: words.thought } },
    { wait: 250 },
    { text: words.comment, delayMs: 55, phase: 'commentary' },
    { wait: 200 },
    { toolCall: { name: 'exec_command', arguments: { cmd: `sleep 0.4; echo ${words.output}` } } },
    usage({ input: 8_712, cached: 7_936, output: 187, reasoning: 96 }),
  ];
};

function begun({ headersMs, eventMs }: { headersMs: number; eventMs: number }): readonly Step[] {
  return [{ wait: headersMs }, { open: true }, { wait: eventMs }, { begin: true }];
}

function usage(tokens: { input: number; cached: number; output: number; reasoning: number }): Step {
  return {
    complete: {
      usage: {
        input_tokens: tokens.input,
        input_tokens_details: { cached_tokens: tokens.cached },
        output_tokens: tokens.output,
        output_tokens_details: { reasoning_tokens: tokens.reasoning },
        total_tokens: tokens.input + tokens.output,
      },
    },
  };
}

/** Turns before the one in the picture, which is then not that of a cold process; each leaves no connection behind. */
const earlierTurns = 3;

/**
 * Plays the task and gives its trace, complete. Of the app server, which is `codex` without its terminal: unlike `codex exec` it sends
 * every span before it ends.
 */
export async function playTask(jaeger: Jaeger): Promise<ObservedTrace> {
  await using scene = await openCodexScene({ jaeger, script: task });
  await using codex = await openAppServer(scene.home);
  for (let turn = 0; turn < earlierTurns; turn += 1) await codex.turn('Hello');
  const { text } = await codex.turn(`${words.prompt}.`);
  if (text !== words.answer) throw new Error(`Codex reports "${text}"`);
  await spansOfTurn(jaeger, await scene.traceOfTurn(earlierTurns + 1));
  const second = await spansOfTurn(jaeger, await scene.traceOfTurn(earlierTurns + 2));
  return jaeger.waitForTrace(
    second.trace.traceId,
    (trace) =>
      lineage(trace, second.turn).at(-1)?.name === 'turn/start' &&
      trace.spans.some(({ name }) => name === 'exec_command'),
  );
}
