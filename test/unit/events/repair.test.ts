import { describe, expect, test } from '@jest/globals';
import { eventTypeOf } from '../../../src/events/event-type.ts';
import { DialectRepair } from '../../../src/events/repair.ts';
import { accumulate, type StreamEvent } from './accumulate.ts';

/** The events, where they could be written. */
function written<T extends object>(events: T | 'unwritable' | 'overflow'): T {
  if (typeof events === 'string') {
    throw new Error('an event could not be written');
  }
  return events;
}

function repair(...events: unknown[]): StreamEvent[] {
  const repairer = new DialectRepair(() => 'resp_new');
  return events
    .map((event) => Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)))
    .flatMap((payload) => written(repairer.push(payload, eventTypeOf(payload))))
    .map(({ payload, type }) => {
      expect(eventTypeOf(payload)).toBe(type);
      return JSON.parse(payload.toString()) as StreamEvent;
    });
}

const typesOf = (events: readonly StreamEvent[]) => events.map((event) => event.type);

const base = {
  object: 'response',
  created_at: 1,
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  model: 'm',
  parallel_tool_calls: true,
  temperature: null,
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  output: [] as unknown[],
};
const text = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
};
const call = { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'get', arguments: '{}' };

const created = { type: 'response.created', response: { ...base, id: 'resp_1' } };
const completed = (response: object = {}) => ({
  type: 'response.completed',
  response: { ...base, id: 'resp_1', status: 'completed', ...response },
});
const done = (item: object, index = 0) => ({ type: 'response.output_item.done', output_index: index, item });
const added = (item: object, index = 0) => ({
  type: 'response.output_item.added',
  output_index: index,
  item,
});

/** As a sound provider streams it. */
const sound = [
  created,
  { type: 'response.in_progress', response: { ...base, id: 'resp_1' } },
  added({ ...text, content: [], status: 'in_progress' }),
  {
    type: 'response.content_part.added',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    part: { type: 'output_text', text: '', annotations: [] },
  },
  { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta: 'Hello' },
  { type: 'response.output_text.done', item_id: 'msg_1', output_index: 0, content_index: 0, text: 'Hello' },
  done(text),
  completed({ output: [text] }),
].map((event, sequence) => ({ ...event, sequence_number: sequence }));

describe('a stream that needs no repair', () => {
  test('passes with the bytes it came with, up to the terminal event', () => {
    const repairer = new DialectRepair(() => 'resp_new');
    for (const event of sound.slice(0, -1)) {
      const payload = Buffer.from(`${JSON.stringify(event).slice(0, -1)} }`); // an odd space, to be kept
      const heard = written(repairer.push(payload, eventTypeOf(payload)));
      expect(heard).toHaveLength(1);
      expect(heard[0]?.payload).toBe(payload);
    }
  });

  test('says the same at its end', () => {
    expect(repair(...sound)).toEqual(sound);
  });
});

describe('what is missing is added', () => {
  test('sequence numbers, from 0', () => {
    const events = repair(created, added({ ...text, content: [] }), done(text), completed());
    expect(events.map((event) => event['sequence_number'])).toEqual([0, 1, 2, 3]);
  });

  test('sequence numbers that grow are kept, others replaced', () => {
    const events = repair(
      { ...created, sequence_number: 5 },
      { ...added({ ...text, content: [] }), sequence_number: 3 },
      { ...done(text), sequence_number: 9 },
    );
    expect(events.map((event) => event['sequence_number'])).toEqual([5, 6, 9]);
  });

  test.each([1e64, 2 ** 53, 2 ** 31, 0.5, '7', null])(
    'a sequence number %p, which no number that is one greater can follow, is replaced',
    (number) => {
      const events = repair({ ...created, sequence_number: number }, completed());
      expect(events.map((event) => event['sequence_number'])).toEqual([0, 1]);
    },
  );

  test.each([
    ['in_progress', { type: 'response.in_progress', response: { id: 'resp_1', model: 'm' } }, 'resp_1'],
    ['an item', added({ ...text, content: [] }), 'resp_new'],
    [
      'a delta',
      { type: 'response.output_text.delta', output_index: 0, item_id: 'm', delta: 'x' },
      'resp_new',
    ],
    ['the end', completed(), 'resp_1'],
  ])('response.created, when the first event is %s', (_, first, id) => {
    const [begin, next] = repair({ ...first, sequence_number: 0 });
    expect(begin).toMatchObject({
      type: 'response.created',
      sequence_number: 0,
      response: { id, object: 'response', status: 'in_progress', output: [] },
    });
    expect(next).toMatchObject({ type: first.type, sequence_number: 1 });
  });

  test('fields that created must have', () => {
    const [begin] = repair({ type: 'response.created', response: { id: 'resp_1' } });
    expect(begin?.['response']).toMatchObject({ id: 'resp_1', output: [], status: 'in_progress', tools: [] });
  });

  test('item events, when only the final output tells of the items', () => {
    const events = repair(created, completed({ output: [text, call] }));
    expect(typesOf(events).filter((type) => type.includes('item'))).toEqual([
      'response.output_item.added',
      'response.output_item.done',
      'response.output_item.added',
      'response.output_item.done',
    ]);
    expect(accumulate(events).output).toEqual([text, call]);
  });

  test('only output_item.done, when the item was streamed', () => {
    const events = repair(...sound.slice(0, 6), sound[7]);
    expect(typesOf(events).slice(6)).toEqual(['response.output_item.done', 'response.completed']);
    expect(accumulate(events).output).toEqual([text]);
  });

  test('output_item.added, when an item is only said to be done', () => {
    const events = repair(created, done(text), completed({ output: [text] }));
    expect(accumulate(events).output).toEqual([text]);
  });

  test.each([[[]], [null], [undefined]])('the final output, when it is %j', (output) => {
    const events = repair(created, done(call, 1), done(text, 0), completed({ output }));
    expect(events.at(-1)).toMatchObject({ response: { output: [text, call] } });
  });

  test('places and ids of items', () => {
    const { id: _id, ...nameless } = text;
    const events = repair(
      created,
      { type: 'response.output_item.added', item: { ...nameless, content: [] } },
      { type: 'response.output_item.done', item: nameless },
      { type: 'response.output_item.done', item: call },
      completed({ output: [nameless, call] }),
    );
    expect(accumulate(events).output).toMatchObject([{ id: 'item_resp_1_0', type: 'message' }, call]);
  });
});

describe('what is wrong is put right', () => {
  test.each([
    ['response.done', {}, 'response.completed'],
    ['response.done', { status: 'failed' }, 'response.failed'],
    ['response.done', { status: 'incomplete' }, 'response.incomplete'],
    ['response.done', { status: 'cancelled' }, 'response.failed'],
    ['response.done', { status: 'constructor' }, 'response.completed'],
  ])('%s with %j is told as %s', (type, response, told) => {
    const events = repair(created, { type, response: { ...base, id: 'resp_1', ...response } });
    expect(events.at(-1)).toMatchObject({ type: told, response: { status: told.slice('response.'.length) } });
  });

  test('a response id that changes keeps the first', () => {
    const events = repair(created, {
      ...completed({ output: [text] }),
      response: { ...base, id: 'resp_2', output: [text] },
    });
    expect(accumulate(events).id).toBe('resp_1');
  });

  test('an item id that changes keeps the first', () => {
    const events = repair(
      created,
      added({ ...text, content: [] }),
      done(text),
      completed({ output: [{ ...text, id: 'other' }] }),
    );
    expect(accumulate(events).output).toEqual([text]);
  });

  test.each([
    ['a number', 5],
    ['without counts', {}],
    ['with text for a count', { input_tokens: '1', output_tokens: 1, total_tokens: 2 }],
    [
      'with a number for details',
      { input_tokens: 1, output_tokens: 1, total_tokens: 2, input_tokens_details: 1 },
    ],
  ])('a usage that is %s is left out', (_, usage) => {
    expect(repair(created, completed({ usage })).at(-1)?.['response']).not.toHaveProperty('usage');
  });

  test('a sound usage stays', () => {
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2, output_tokens_details: null };
    expect(repair(created, completed({ usage })).at(-1)).toMatchObject({ response: { usage } });
  });

  test('an error without a type becomes an error event and the end', () => {
    const events = repair(created, { error: { code: 502, message: 'gone' }, choices: [] }, completed());
    expect(typesOf(events)).toEqual(['response.created', 'error']);
    expect(events[1]).toMatchObject({ status: 502, error: { code: '502', message: 'gone' } });
  });

  test.each(['ping', 'heartbeat', 'codex.keepalive', 'response.ping', 'keep_alive', 'response.keepalive'])(
    'the heartbeat %s becomes one that clients know, and takes no number',
    (type) => {
      expect(repair({ type, now: 1 }, { ...created, sequence_number: 0 })).toEqual([
        { type: 'keepalive' },
        { ...created, sequence_number: 0 },
      ]);
    },
  );
});

describe('what means nothing is dropped', () => {
  test.each(['[DONE]', 'null', '[1]', '{"type":"response.created"', '{}', '{"type":7}'])('%s', (payload) => {
    expect(repair(payload)).toEqual([]);
  });

  test('everything after the terminal event', () => {
    expect(typesOf(repair(created, completed(), completed(), done(text)))).toEqual([
      'response.created',
      'response.completed',
    ]);
  });

  test('a second created and a second telling of one item', () => {
    const item = { ...text, content: [] };
    const events = repair(
      created,
      created,
      added(item),
      added(item),
      done(text),
      done(text),
      completed({ output: [text] }),
    );
    expect(accumulate(events).output).toEqual([text]);
  });
});

test('a failure as the first event stays alone, so that the turn may be tried elsewhere', () => {
  expect(typesOf(repair({ type: 'response.failed', response: { error: { code: 'server_error' } } }))).toEqual(
    ['response.failed'],
  );
});

test('unknown events and metadata pass as they are, without a number, before and after created', () => {
  const events = repair({ type: 'codex.rate_limits' }, created, { type: 'response.reasoning.started', x: 1 });
  expect(events).toEqual([
    { type: 'codex.rate_limits' },
    { ...created, sequence_number: 0 },
    { type: 'response.reasoning.started', x: 1 },
  ]);
});

describe('what is nested deeper than can be written', () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const push = (...texts: string[]) => {
    const repairer = new DialectRepair(() => 'resp_new');
    return texts
      .map((text) => Buffer.from(text))
      .map((payload) => repairer.push(payload, eventTypeOf(payload)))
      .at(-1);
  };
  const begin = JSON.stringify({ ...created, sequence_number: 0 });

  test('passes with the bytes it came with, if nothing has to be mended', () => {
    const text = `{"type":"response.output_text.delta","sequence_number":1,"x":${deep}}`;
    expect(push(begin, text)).toMatchObject([{ payload: Buffer.from(text) }]);
  });

  test.each([
    ['a delta without a number', `{"type":"response.output_text.delta","x":${deep}}`],
    ['an item that was never added', `{"type":"response.output_item.done","item":{"x":${deep}}}`],
    ['a terminal event', `{"type":"response.completed","response":{"id":"resp_1","metadata":${deep}}}`],
    ['an error without a type', `{"error":{"message":"x","more":${deep}}}`],
  ])('is said to be beyond repair, if it is %s', (_, text) => {
    expect(push(begin, text)).toBe('unwritable');
  });
});

test('places are found for more items than fit on the stack as arguments', () => {
  const repairer = new DialectRepair(() => 'resp_new');
  const payload = Buffer.from('{"type":"response.output_item.added","item":{"type":"x"}}');
  const type = eventTypeOf(payload);
  let last: unknown;
  for (let n = 0; n < 130_000; n += 1) {
    last = repairer.push(payload, type);
  }
  expect(last).toHaveLength(1);
});

describe('a stream with more items and parts than are told one by one is beyond repair', () => {
  const empty = (count: number): object[] => Array.from({ length: count }, () => ({}));

  test.each([
    ['in its terminal event', completed({ output: empty(10_001) })],
    ['in one item that was never added', done({ ...text, content: empty(10_000) })],
  ])('%s', (_, event) => {
    const repairer = new DialectRepair(() => 'resp_new');
    const push = (value: object) => {
      const payload = Buffer.from(JSON.stringify(value));
      return repairer.push(payload, eventTypeOf(payload));
    };
    expect(push(created)).toHaveLength(1);
    expect(push(event)).toBe('overflow');
  });
});

test('ids that no event should repeat are replaced', () => {
  const id = 'i'.repeat(1_025);
  const events = repair({ type: 'response.created', response: { ...base, id } }, done({ ...text, id }));
  expect(JSON.stringify(events)).not.toContain(id);
  expect(events[0]).toMatchObject({ response: { id: 'resp_new' } });
});
