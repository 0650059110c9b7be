/**
 * Warm-ups (`generate: false`) whose provider is reached over HTTP are answered here, at once: it has nothing to
 * warm. Their input is the beginning of the chain, and for the Codex CLI it holds the base instructions, which its
 * first real request does not repeat (measured).
 */
import { eventTypeOf } from '../events/event-type.ts';
import { warmupEvents } from '../frames/server-events.ts';
import type { TurnMemory } from './plan.ts';
import type { TurnParts } from './turn-parts.ts';
import { newId } from './turn-record.ts';

/**
 * Answers a warm-up and remembers its request. Where nothing can be remembered the id in the terminal event is
 * blank, so that the client sends everything with its next request. Lets go of the held link.
 */
export function answerWarmup(
  memory: TurnMemory,
  parts: Pick<TurnParts, 'client' | 'sink' | 'memory'>,
  model: string,
  previousResponseId: string | undefined,
): void {
  const id = newId('resp_tb');
  const isKept = memory.kind === 'chain';
  if (isKept) {
    parts.memory?.rememberRequest(id, memory.link);
    parts.memory?.release(memory.link); // remembered is enough; and whatever sending does, it is let go
  }
  const sketch = { id, model, createdAtS: Math.floor(Date.now() / 1000), previousResponseId, output: [] };
  for (const event of warmupEvents(sketch, isKept ? id : '')) parts.sink.event(event, eventTypeOf(event));
}
