import { describe, expect, test } from '@jest/globals';
import { assert, boolean, integer, property, string } from 'fast-check';
import type { Action } from '../../../src/scripted/actions.ts';
import { actionsOf } from '../../../src/scripted/response-writer.ts';
import type { ResponseFacts } from '../../../src/scripted/response-object.ts';
import type { Answer, Step } from '../../../src/scripted/script.ts';

const facts: ResponseFacts = {
  number: 7,
  responseId: 'resp_0007',
  createdAt: 1_700_000_000,
  body: { model: 'm', input: [{ role: 'user', content: 'What now?' }] },
  requestBytes: 41,
};

const actions = (answer: Answer): readonly Action[] => [...actionsOf(answer, facts)];
const events = (answer: Answer): readonly Record<string, unknown>[] =>
  actions(answer).flatMap((action) => (action.kind === 'event' ? [action.event] : []));
const types = (answer: Answer): readonly string[] =>
  events(answer).map((event) => String(event['type']).replace(/^response\./, ''));

describe('the end of an answer', () => {
  test('is response.completed when no end was named', () => {
    expect(types({})).toEqual(['created', 'in_progress', 'completed']);
  });

  test.each<[string, Step, readonly string[]]>([
    ['complete', { complete: {} }, ['created', 'in_progress', 'completed']],
    ['incomplete', { incomplete: 'max_output_tokens' }, ['created', 'in_progress', 'incomplete']],
    ['fail', { fail: { code: 'a', message: 'b' } }, ['created', 'in_progress', 'failed']],
    ['error', { error: { message: 'b' } }, ['error']],
    ['a terminal event', { event: { type: 'response.completed', response: {} } }, ['completed']],
    ['end', { end: true }, []],
    ['stall', { stall: true }, []],
    ['reset', { reset: true }, []],
  ])('is never doubled: %s', (_name, step, expected) => {
    expect(types({ steps: [step] })).toEqual(expected);
  });

  test('may be followed by events that come too late', () => {
    const late = { type: 'response.output_text.delta', delta: 'late' };
    expect(types({ steps: [{ complete: {} }, { event: late }] }).slice(-2)).toEqual([
      'completed',
      'output_text.delta',
    ]);
  });

  test('says why it is incomplete or failed', () => {
    expect(events({ steps: [{ incomplete: 'content_filter' }] }).at(-1)?.['response']).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'content_filter' },
    });
    expect(
      events({ steps: [{ fail: { code: 'slow_down', message: 'no' } }] }).at(-1)?.['response'],
    ).toMatchObject({ status: 'failed', error: { code: 'slow_down', message: 'no' }, usage: null });
  });

  test('takes usage and fields of the response that a script lays over it', () => {
    const overlaid = { usage: { output_tokens: 7 }, response: { end_turn: true } };
    expect(events({ steps: [{ complete: overlaid }] }).at(-1)?.['response']).toMatchObject({
      usage: { input_tokens: 11, output_tokens: 7 },
      end_turn: true,
    });
    const without = events({ steps: [{ complete: { usage: null } }] }).at(-1)?.['response'];
    expect(without).toMatchObject({ usage: null });
  });
});

describe('recorded events', () => {
  test('are played exactly as they were recorded', () => {
    const recorded = [
      { type: 'response.created', sequence_number: 0, response: { id: 'resp_rec' } },
      {
        type: 'response.output_item.done',
        sequence_number: 4,
        output_index: 0,
        item: { type: 'message', id: 'm' },
      },
      { type: 'response.completed', sequence_number: 5, response: { id: 'resp_rec', output: [] } },
    ];
    expect(events({ steps: recorded.map((event) => ({ event })) })).toEqual(recorded);
  });

  test('are numbered on from the last number where they have none', () => {
    const steps: Step[] = [
      { event: { type: 'a', sequence_number: 5 } },
      { event: { type: 'b' } },
      { event: { type: 'response.completed' } },
    ];
    expect(events({ steps }).map((event) => event['sequence_number'])).toEqual([5, 6, 7]);
  });

  test('may come before response.created', () => {
    const steps: Step[] = [{ event: { type: 'codex.rate_limits' } }, { text: 'a' }];
    expect(types({ steps }).slice(0, 3)).toEqual(['codex.rate_limits', 'created', 'in_progress']);
  });
});

describe('error events', () => {
  test('are nested as live services send them', () => {
    const error = { code: 'x', message: 'm', status: 429, headers: { 'retry-after': '2' } };
    expect(events({ steps: [{ error }] })).toEqual([
      {
        type: 'error',
        sequence_number: 0,
        status: 429,
        headers: { 'retry-after': '2' },
        error: { type: 'server_error', code: 'x', message: 'm', param: null },
      },
    ]);
  });

  test('are flat as the schema has them when asked for', () => {
    expect(events({ steps: [{ error: { code: 'x', message: 'm', form: 'flat' } }] })).toEqual([
      { type: 'error', sequence_number: 0, code: 'x', message: 'm', param: null },
    ]);
  });
});

describe('items', () => {
  test('stand at increasing output indexes and are all in the completed output', () => {
    const steps: Step[] = [
      { reasoning: { summary: 'Hm.' } },
      { text: 'Looking.', phase: 'commentary' },
      { item: { type: 'web_search_call', status: 'completed' } },
      { toolCall: { name: 'f', arguments: '{"a":1}', callId: 'call_mine' } },
      { toolCall: { name: 'g', input: 'free text', namespace: 'n' } },
    ];
    const done = events({ steps }).filter((event) => event['type'] === 'response.output_item.done');
    expect(done.map((event) => event['output_index'])).toEqual([0, 1, 2, 3, 4]);
    expect(done.map((event) => event['item'])).toMatchObject([
      { id: 'rs_0007_0', type: 'reasoning' },
      { id: 'msg_0007_1', type: 'message', phase: 'commentary' },
      { id: 'item_0007_2', type: 'web_search_call' },
      { id: 'fc_0007_3', type: 'function_call', call_id: 'call_mine', arguments: '{"a":1}' },
      { id: 'ctc_0007_4', type: 'custom_tool_call', call_id: 'call_0007_4', namespace: 'n' },
    ]);
    expect(events({ steps }).at(-1)?.['response']).toMatchObject({
      output: done.map((event) => event['item']),
    });
  });

  test('that are unfinished are never done and not in the output', () => {
    const all = { steps: [{ text: 'Half', unfinished: true }] };
    expect(types(all)).not.toContain('output_item.done');
    expect(events(all).at(-1)?.['response']).toMatchObject({ output: [] });
  });

  test('fill in what the request said', () => {
    const steps: Step[] = [{ text: '{{model}} {{inputItems}} {{userText}} {{requestNumber}} {{other}}' }];
    const done = events({ steps }).find((event) => event['type'] === 'response.output_text.done');
    expect(done?.['text']).toBe('m 1 What now? 7 {{other}}');
  });

  test('are cut into deltas that join to their text, whatever the text and the size', () => {
    assert(
      property(
        string({ unit: 'binary' }),
        integer({ min: 1, max: 9 }),
        integer({ min: 1, max: 3 }),
        boolean(),
        (text, chunkBytes, repeat, isCut) => {
          const step = { text, repeat, ...(isCut ? { chunkBytes } : {}) };
          const all = events({ steps: [step] });
          const deltas = all
            .filter((event) => event['type'] === 'response.output_text.delta')
            .map((event) => String(event['delta']));
          const done = all.find((event) => event['type'] === 'response.output_text.done');
          expect(deltas.join('')).toBe(done?.['text']);
          expect(done?.['text']).toBe(text.repeat(repeat));
          const isSmall = (delta: string): boolean =>
            Buffer.byteLength(delta) <= chunkBytes || Array.from(delta).length === 1;
          expect(!isCut || deltas.every(isSmall)).toBe(true);
          // no half of a surrogate pair where the text has none
          expect(deltas.every((delta) => delta.isWellFormed())).toBe(text.isWellFormed());
        },
      ),
    );
  });

  test('wait before each delta when told to', () => {
    const steps: Step[] = [{ text: 'tick', repeat: 2, delayMs: 30 }];
    const kinds = actions({ steps }).map((action) => action.kind);
    expect(kinds.filter((kind) => kind === 'wait')).toHaveLength(2);
  });
});

describe('breaking off', () => {
  const whole = events({ steps: [{ text: 'One two three.' }] });

  test.each(['stall', 'reset', 'end'] as const)('by %s is possible after every single event', (how) => {
    for (let at = 0; at <= whole.length; at += 1) {
      const cut = actions({ breakAfter: { events: at, how }, steps: [{ text: 'One two three.' }] });
      expect(cut.filter((action) => action.kind === 'event').map((action) => action.event)).toEqual(
        whole.slice(0, at),
      );
      expect(cut.slice(-2).map((action) => action.kind)).toEqual(['open', how]);
    }
  });
});

describe('quirks', () => {
  const answer = (quirk: Answer['quirks']): Answer => ({
    ...(quirk ? { quirks: quirk } : {}),
    steps: [{ text: 'Hi' }],
  });

  test('leave out numbers, beginnings, done items and outputs', () => {
    expect(events(answer(['noSequence'])).some((event) => 'sequence_number' in event)).toBe(false);
    expect(types(answer(['noCreated']))[0]).toBe('output_item.added');
    expect(types(answer(['noItemDone']))).not.toContain('output_item.done');
    expect(events(answer(['noItemDone'])).at(-1)?.['response']).toMatchObject({
      output: [{ type: 'message' }],
    });
    expect(events(answer(['emptyOutput'])).at(-1)?.['response']).toMatchObject({ output: [] });
  });

  test('rename the terminal event and its id', () => {
    expect(types(answer(['responseDoneAlias'])).at(-1)).toBe('done');
    const ids = events(answer(['changingId'])).flatMap((event) => {
      const response = event['response'] as { id?: string } | undefined;
      return response === undefined ? [] : [response.id];
    });
    expect(ids).toEqual(['resp_0007', 'resp_0007', 'resp_0007_final']);
  });
});

describe('what llama.cpp and the like leave out', () => {
  test('is most of the first response, or the usage of the last', () => {
    const bare = events({ quirks: ['bareCreated'] }).map((event) => Object.keys(event['response'] as object));
    const few = ['id', 'object', 'created_at', 'status', 'model'];
    expect(bare.slice(0, 2)).toEqual([few, few]);
    expect(bare.at(-1)).toContain('output');
    expect(events({ quirks: ['noUsage'] }).at(-1)?.['response']).not.toHaveProperty('usage');
  });
});
