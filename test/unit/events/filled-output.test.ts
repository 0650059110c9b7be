import { describe, expect, test } from '@jest/globals';
import { eventTypeOf } from '../../../src/events/event-type.ts';
import { FilledOutput } from '../../../src/events/filled-output.ts';

const CREATED = '{"type":"response.created","sequence_number":0,"response":{"id":"r","output":[]}}';
const item = (id: string) => `{"type":"message","id":"${id}", "content" : [ ] }`;
const done = (place: number | string, id: string) =>
  `{"type":"response.output_item.done","output_index":${place},"item":${item(id)},"sequence_number":3}`;
const end = (output: string, name = 'completed') =>
  `{"type":"response.${name}","sequence_number":9,"response":{"id":"r","status":"${name}"${output},"usage":null}}`;

/** What comes out of these events. */
function filled(...events: readonly string[]): readonly string[] {
  const output = new FilledOutput();
  return events.map((event) => {
    const payload = Buffer.from(event);
    return output.push(payload, eventTypeOf(payload)).toString();
  });
}

describe('a finished response without its output', () => {
  test.each([',"output":[]', ',"output": [ \n ] ', ',"output":null'])(
    '(%s) is given what was told',
    (output) => {
      expect(filled(CREATED, done(0, 'a'), done(1, 'b'), end(output)).at(-1)).toBe(
        end(output.replace(/\[.*\]|null/s, `[${item('a')},${item('b')}]`)),
      );
    },
  );

  test('is given it where the field itself is missing', () => {
    const [, last] = filled(done(0, 'a'), end(''));
    expect(JSON.parse(last ?? '')).toEqual({
      type: 'response.completed',
      sequence_number: 9,
      response: {
        id: 'r',
        status: 'completed',
        usage: null,
        output: [{ type: 'message', id: 'a', content: [] }],
      },
    });
    const [, empty] = filled(done(0, 'a'), '{"type":"response.completed","response":{}}');
    expect(empty).toBe(`{"type":"response.completed","response":{"output":[${item('a')}]}}`);
  });

  test('is given it when it was cut short', () => {
    expect(filled(done(0, 'a'), end(',"output":[]', 'incomplete'))[1]).toContain(item('a'));
  });

  test('has the items in the order of their places', () => {
    const last = filled(done(2, 'c'), done(0, 'a'), done(1, 'b'), end(',"output":[]')).at(-1) ?? '';
    expect([...last.matchAll(/"id":"([abc])"/g)].map(([, id]) => id)).toEqual(['a', 'b', 'c']);
  });

  test('has an item without a place behind those before it, and one told twice once', () => {
    const last = filled(done(5, 'a'), done('null', 'b'), done(5, 'c'), end(',"output":[]')).at(-1) ?? '';
    expect([...last.matchAll(/"id":"([abc])"/g)].map(([, id]) => id)).toEqual(['c', 'b']);
  });
});

describe('every other event', () => {
  test.each([
    end(`,"output":[${item('own')}]`),
    end(',"output":"text"'),
    end(',"output":[]', 'failed'),
    '{"type":"response.completed","response":null}',
    '{"type":"response.completed","response":[]}',
    '{"type":"response.completed"}',
    '{"type":"response.completed","response":{"output":[]}', // broken
    '{"type":"error","error":{}}',
  ])('passes as it came: %s', (event) => {
    expect(filled(done(0, 'a'), event)[1]).toBe(event);
  });

  test('passes as it came when nothing was told', () => {
    expect(filled(CREATED, end(',"output":[]'))[1]).toBe(end(',"output":[]'));
  });

  test.each(['"text"', 'null', '[]', '7'])('does not count as an item when it holds %s', (value) => {
    const event = `{"type":"response.output_item.done","output_index":0,"item":${value}}`;
    expect(filled(event, end(',"output":[]'))).toEqual([event, end(',"output":[]')]);
  });
});

test('a further response on the same connection has items of its own', () => {
  const last = filled(
    CREATED,
    done(0, 'a'),
    end(',"output":[]'),
    CREATED,
    done(0, 'b'),
    end(',"output":[]'),
  ).at(-1);
  expect(last).toBe(end(`,"output":[${item('b')}]`));
});

test('what is kept is counted, and given up beyond eight mebibytes', () => {
  const output = new FilledOutput();
  const push = (text: string) => {
    const payload = Buffer.from(text);
    return output.push(payload, eventTypeOf(payload)).toString();
  };
  const large = (place: number) => done(place, 'x'.repeat(1024 * 1024));
  for (let place = 0; place < 7; place++) push(large(place));
  expect(output.keptBytes).toBeGreaterThan(7 * 1024 * 1024);
  push(large(7));
  expect(output.keptBytes).toBe(0);
  expect(push(end(',"output":[]'))).toBe(end(',"output":[]'));
});

test('items without content are not kept for nothing', () => {
  const output = new FilledOutput();
  for (let place = 0; place <= 32_768; place++) {
    const payload = Buffer.from(
      `{"type":"response.output_item.done","output_index":${String(place)},"item":{}}`,
    );
    output.push(payload, eventTypeOf(payload));
  }
  expect(output.keptBytes).toBe(0);
});
