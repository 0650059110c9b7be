/**
 * A reader as strict as the official SDKs' accumulators, as far as repaired streams are concerned: items must be
 * added before anything else is said of them, ids must not change, parts come in order, done equals the deltas.
 */
import { expect } from '@jest/globals';

export interface StreamEvent {
  type: string;
  [key: string]: unknown;
}

interface Part {
  type: string;
  text?: string;
  refusal?: string;
}

interface Item {
  type: string;
  id?: string;
  content?: Part[];
  arguments?: string;
}

/** What the events come to: the final response's id and output. Fails the test where a strict reader would throw. */
export function accumulate(events: readonly StreamEvent[]): { id: string; output: Item[] } {
  const [created] = events;
  expect(created?.type).toBe('response.created');
  const { id } = (created as StreamEvent)['response'] as { id: string };
  const items: Item[] = [];
  const finished = new Set<number>();
  let sequence = -1;
  for (const event of events) {
    if (event['sequence_number'] !== undefined) {
      expect(event['sequence_number']).toBeGreaterThan(sequence);
      sequence = event['sequence_number'] as number;
    }
    const response = event['response'] as { id: string; output: Item[] } | undefined;
    if (response !== undefined) {
      expect(response.id).toBe(id);
      expect(Array.isArray(response.output)).toBe(true);
      if (event.type === 'response.completed') {
        expect(event).toBe(events.at(-1));
        expect(finished.size).toBe(items.length);
        expect(response.output.map((item) => item.id)).toEqual(items.map((item) => item.id));
        return { id, output: response.output };
      }
      continue;
    }
    const index = event['output_index'] as number;
    const item = items[index];
    if (event.type === 'response.output_item.added') {
      expect(index).toBe(items.length);
      items.push(structuredClone(event['item'] as Item));
    } else if (item === undefined) {
      expect(event.type).toMatch(/^(?:keepalive|error|response\.metadata)$/);
    } else if (event.type === 'response.output_item.done') {
      expect((event['item'] as Item).id).toBe(item.id);
      expect((event['item'] as Item).type).toBe(item.type);
      expect(finished.has(index)).toBe(false);
      finished.add(index);
      items[index] = event['item'] as Item;
    } else {
      expect(event['item_id']).toBe(item.id);
      applyToItem(event, item);
    }
  }
  return { id, output: items };
}

function applyToItem(event: StreamEvent, item: Item): void {
  const place = event['content_index'] as number;
  const part = item.content?.[place];
  switch (event.type) {
    case 'response.content_part.added':
      expect(place).toBe(item.content?.length);
      item.content?.push(structuredClone(event['part'] as Part));
      break;
    case 'response.output_text.delta':
      expect(part?.type).toBe('output_text');
      (part as Part).text += event['delta'] as string;
      break;
    case 'response.output_text.done':
      expect(part?.text).toBe(event['text']);
      break;
    case 'response.refusal.delta':
      (part as Part).refusal += event['delta'] as string;
      break;
    case 'response.refusal.done':
      expect(part?.refusal).toBe(event['refusal']);
      break;
    case 'response.function_call_arguments.delta':
      item.arguments += event['delta'] as string;
      break;
    case 'response.function_call_arguments.done':
      expect(item.arguments).toBe(event['arguments']);
      break;
    default:
      break;
  }
}
