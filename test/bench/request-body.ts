/** The request that all clients of a run send, as the text of a `response.create`. */
import type { Answer, Question } from './scenarios.ts';

/** How the parts of a run follow one another, ms. */
export interface RunTimes {
  readonly warmUpMs: number;
  readonly windowMs: number;
}

/** A run takes longer than its parts by the beginnings of its turns; so much is added to answers that must outlive it. */
const SPARE_MS = 300;

/** The number of an answer's deltas. */
export function eventsOf(
  { events, gapUs, eventsPerWrite }: Answer,
  { warmUpMs, windowMs }: RunTimes,
): number {
  if (events !== 'run') return events;
  return Math.ceil(((warmUpMs + windowMs + SPARE_MS) * 1000) / gapUs) * eventsPerWrite;
}

/** Text with what JSON must escape, as code has it. */
const TEXT = 'if (a === "b") {\n';
/** As it stands in a request. */
const TEXT_BYTES = JSON.stringify(TEXT).length - 2;

/**
 * A request as an agent sends it. The plan of the answer (judges/wire.h) stands at the beginning: the provider looks for
 * it in the first bytes only.
 */
export function requestBody(answer: Answer, { messages, messageBytes }: Question, times: RunTimes): string {
  const events = eventsOf(answer, times);
  return JSON.stringify({
    type: 'response.create',
    model: 'bench',
    metadata: { bench: [events, answer.textBytes, answer.gapUs, answer.eventsPerWrite].join(',') },
    store: false,
    stream: true,
    input: Array.from({ length: messages }, (_, i) => ({
      type: 'message',
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: [
        { type: i % 2 === 0 ? 'input_text' : 'output_text', text: TEXT.repeat(messageBytes / TEXT_BYTES) },
      ],
    })),
  });
}
