import { describe, expect, test } from '@jest/globals';
import { eventTypeOf } from '../../../src/events/event-type.ts';
import { responseToEvents } from '../../../src/events/response-to-events.ts';
import { accumulate, type StreamEvent } from './accumulate.ts';

function eventsOf(body: unknown): StreamEvent[] {
  const made = responseToEvents(Buffer.from(JSON.stringify(body)), () => 'resp_new');
  if (made === 'unwritable' || made === 'overflow') {
    throw new Error(`the events are ${made}`);
  }
  return (made ?? []).map(({ payload, type }) => {
    expect(eventTypeOf(payload)).toBe(type);
    return JSON.parse(payload.toString()) as StreamEvent;
  });
}

const message = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [
    { type: 'output_text', text: 'Hello', annotations: [{ type: 'url_citation' }] },
    { type: 'refusal', refusal: 'No' },
  ],
};
const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'get', arguments: '{"a":1}' };
const response = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  output: [message, call],
  usage: null,
};

describe('a whole response becomes the events of a stream', () => {
  test('in the order in which they would have come, numbered from 0', () => {
    const events = eventsOf(response);
    expect(events.map((event) => event.type)).toEqual([
      'response.created',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.content_part.added',
      'response.refusal.delta',
      'response.refusal.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, index) => index));
  });

  test('which a strict reader puts together to the response it was', () => {
    expect(accumulate(eventsOf(response)).output).toEqual(response.output);
  });

  test('and created says nothing of the result', () => {
    expect(eventsOf({ ...response, usage: { input_tokens: 1 } })[0]).toMatchObject({
      response: { id: 'resp_1', status: 'in_progress', output: [], usage: null, error: null },
    });
  });

  test.each([
    ['incomplete', 'response.incomplete'],
    ['failed', 'response.failed'],
    ['cancelled', 'response.failed'],
  ])('with status %s it ends with %s', (status, type) => {
    expect(eventsOf({ ...response, status, error: { code: 'x' } }).at(-1)).toMatchObject({ type });
  });

  test('without ids it gets some', () => {
    const events = eventsOf({ output: [{ type: 'message', role: 'assistant', content: [] }] });
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { id: 'resp_new', status: 'completed', output: [{ id: 'item_resp_new_0' }] },
    });
    accumulate(events);
  });
});

describe('an error under status 200 becomes an error event', () => {
  test('with the status that the error names, and its code as text', () => {
    expect(eventsOf({ error: { message: 'Slow', code: 429, metadata: { a: 1 } } })).toEqual([
      {
        type: 'error',
        status: 429,
        error: { type: 'server_error', code: '429', message: 'Slow', param: null, metadata: { a: 1 } },
      },
    ]);
  });

  test('or 500, since an error event without a status is ignored by some', () => {
    expect(eventsOf({ error: 'broken' })).toEqual([
      {
        type: 'error',
        status: 500,
        error: { type: 'server_error', code: null, message: 'broken', param: null },
      },
    ]);
  });
});

test.each(['{"error":[{"toString":1}]}', '{"error":[]}', '{"error":7}', '{"error":true}'])(
  '%s is an error without a text of its own',
  (text) => {
    expect(eventsOf(JSON.parse(text))).toMatchObject([
      { type: 'error', status: 500, error: { message: 'The provider reported an error.' } },
    ]);
  },
);

describe('a response that would become far more than it is', () => {
  const empty = (count: number): object[] => Array.from({ length: count }, () => ({}));
  const pieces = (items: number, parts: number) => ({
    ...response,
    output: [...empty(items - 1), { ...message, content: empty(parts) }],
  });

  test('has up to ten thousand items and parts of them', () => {
    expect(eventsOf(pieces(5_000, 5_000))).toHaveLength(2 * 5_000 + 2 * 5_000 + 2);
    const tooMany = [pieces(5_000, 5_001), pieces(5_001, 5_000)];
    for (const body of tooMany) {
      expect(responseToEvents(Buffer.from(JSON.stringify(body)), () => 'resp_new')).toBe('overflow');
    }
  });

  test('has ids that fit in each of its events: longer ones are replaced', () => {
    const id = 'i'.repeat(1_025);
    const events = eventsOf({ ...response, id, output: [{ ...message, id }] });
    expect(events[0]).toMatchObject({ response: { id: 'resp_new' } });
    expect(events[1]).toMatchObject({ item: { id: 'item_resp_new_0' } });
    expect(JSON.stringify(events)).not.toContain(id);
  });

  test('is not told where that would take more than 128 MiB', () => {
    const toldWith = (bytes: number) => {
      const content = [{ type: 'output_text', text: 'x'.repeat(bytes) }];
      const body = { ...response, output: [{ ...message, content }] };
      return responseToEvents(Buffer.from(JSON.stringify(body)), () => 'resp_new');
    };
    expect(toldWith(26_000_000)).toHaveLength(8);
    expect(toldWith(27_000_000)).toBe('overflow');
  });

  test('has no more values than may be held', () => {
    const body = Buffer.from(`{"object":"response","output":[${'{},'.repeat(20_000_000)}{}]}`);
    expect(responseToEvents(body, () => 'resp_new')).toBeUndefined();
  });
});

test.each([
  '',
  '[]',
  'null',
  '{}',
  '{"error":null}',
  '{"object":"response","status":"queued"}',
  '{"object":"response","status":"constructor"}',
  '{"object":"response","status":{}}',
  '<html>',
])('%j is neither', (text) => {
  expect(responseToEvents(Buffer.from(text), () => 'resp_new')).toBeUndefined();
});

test('what is nested deeper than can be written is said to be so', () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  expect(responseToEvents(Buffer.from(`{"output":[{"x":${deep}}]}`), () => 'r')).toBe('unwritable');
  expect(responseToEvents(Buffer.from(`{"error":{"x":${deep}}}`), () => 'r')).toBe('unwritable');
});
