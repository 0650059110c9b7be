import { describe, expect, test } from '@jest/globals';
import { openReader } from '../../../src/provider/event-reader.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { event, sse } from './provider-setup.ts';

const DIALECTS: readonly CompiledProvider['dialect'][] = ['OpenAI', 'ChatGPT', 'Compatible'];
const DEEP = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
const CREATED = '{"type":"response.created","sequence_number":0,"response":{"id":"r"}}';

/** A reader and what it tells. */
function reading(kind: 'stream' | 'json', dialect: CompiledProvider['dialect'] = 'OpenAI') {
  const payloads: string[] = [];
  const types: string[] = [];
  const reader = openReader(kind, dialect, (payload, type) => {
    payloads.push(payload.toString());
    types.push(type.name);
  });
  return {
    payloads,
    types,
    push: (text: string | Buffer) => reader.push(Buffer.from(text)),
    end: () => reader.end(),
  };
}

describe('data that is no JSON object', () => {
  const NO_OBJECTS = ['hello', '["a"]', '"text"', 'null', '17', '[DONE]', ' [DONE]', ' \t'];

  test.each(DIALECTS.flatMap((dialect) => NO_OBJECTS.map((data) => [dialect, data] as const)))(
    'of a provider of the dialect %s reaches nobody, and is a sign of life: %j',
    (dialect, data) => {
      const { push, types } = reading('stream', dialect);
      expect(push(sse(data))).toBeUndefined();
      expect(types).toEqual(['keepalive']);
    },
  );

  test.each(DIALECTS)('is one sign of life for each read, and none beside an event (%s)', (dialect) => {
    const { push, types } = reading('stream', dialect);
    push(sse('hello', 'hello'));
    push(': a comment\n\n');
    push('data: hel');
    push('lo');
    push('\n\n');
    push(sse('hello', CREATED));
    expect(types).toEqual(['keepalive', 'keepalive', 'keepalive', 'response.created']);
  });

  test('is told from an object behind white space', () => {
    const { push, payloads } = reading('stream');
    push(`data: \t ${event(0)} \n\ndata:\ndata: ${event(1)}\n\n`);
    expect(payloads).toEqual([`\t ${event(0)} `, `\n${event(1)}`]);
  });
});

describe('an event that is not UTF-8', () => {
  const broken = Buffer.from(sse('{"type":"response.output_text.delta","delta":"\xe4"}'), 'latin1');

  test.each(DIALECTS)(
    'is a complaint about a provider of the dialect %s, after the events before it',
    (dialect) => {
      const { push, types } = reading('stream', dialect);
      const chunk = Buffer.concat([Buffer.from(sse(CREATED)), broken, Buffer.from(sse(event(1)))]);
      expect(push(chunk)).toBe('sent an event that is not UTF-8');
      expect(types).toEqual(['response.created']);
    },
  );

  test('is one also when it is the last and lacks its blank line', () => {
    const { push, end, types } = reading('stream');
    expect(push(broken.subarray(0, -2))).toBeUndefined();
    expect(end()).toBe('sent an event that is not UTF-8');
    expect(types).toEqual([]);
  });

  test.each(Array.from({ length: broken.length - 1 }, (_, n) => n + 1))(
    'is one also when it comes in two reads, cut at byte %i, and when a third lies between',
    (cut) => {
      const two = reading('stream');
      expect(two.push(broken.subarray(0, cut)) ?? two.push(broken.subarray(cut)) ?? two.end()).toMatch(
        /UTF-8/,
      );
      const three = reading('stream');
      const last = broken.length - 1;
      const middle = Math.max(cut, last - 1);
      three.push(broken.subarray(0, cut));
      three.push(broken.subarray(cut, middle));
      expect(three.push(broken.subarray(middle)) ?? three.end()).toMatch(/UTF-8/);
    },
  );

  test('is not what a character cut in two is', () => {
    const { push, payloads } = reading('stream');
    const whole = Buffer.from(sse('{"delta":"🦀"}'));
    for (const byte of whole) {
      expect(push(Buffer.of(byte))).toBeUndefined();
    }
    expect(payloads).toEqual(['{"delta":"🦀"}']);
  });
});

describe('the header that names the model', () => {
  test.each(
    DIALECTS.flatMap((dialect) =>
      ['response.metadata', 'codex.response.metadata', 'response.in_progress'].map(
        (type) => [type, dialect] as const,
      ),
    ),
  )('is taken out of %s of a provider of the dialect %s', (type, dialect) => {
    const { push, payloads } = reading('stream', dialect);
    push(sse(CREATED));
    push(
      sse(
        `{"type":"${type}","sequence_number":1,"headers":{"OpenAI-Model":"other","x-codex-turn-state":"t"},` +
          '"response":{"id":"r","headers":{"openai-model":"other"}}}',
      ),
    );
    expect(JSON.parse(payloads[1] ?? '')).toMatchObject({
      type,
      headers: { 'x-codex-turn-state': 't' },
      response: { id: 'r', headers: {} },
    });
    expect(payloads.join('').toLowerCase()).not.toContain('openai-model');
  });

  test('is taken out of a JSON answer', () => {
    const { push, end, payloads } = reading('json');
    push(
      '{"id":"r","object":"response","status":"completed","output":[],"headers":{"openai-model":"other"}}',
    );
    expect(end()).toBeUndefined();
    expect(payloads).toHaveLength(2);
    expect(payloads.join('')).not.toContain('openai-model');
  });
});

describe('what is nested deeper than can be written', () => {
  test.each(DIALECTS)('passes, if nothing has to be mended (%s)', (dialect) => {
    const { push, payloads } = reading('stream', dialect);
    const payload = `{"type":"response.output_text.delta","sequence_number":1,"x":${DEEP}}`;
    expect(push(sse(CREATED, payload))).toBeUndefined();
    expect(payloads.at(-1)).toBe(payload);
  });

  test('is a complaint, if it has to be mended', () => {
    const { push } = reading('stream', 'Compatible');
    expect(push(sse(`{"type":"response.output_text.delta","x":${DEEP}}`))).toMatch(/nested too deeply/);
  });

  test('is a complaint, if it is JSON where a stream was asked for', () => {
    const { push, end } = reading('json');
    push(`{"output":[{"x":${DEEP}}]}`);
    expect(end()).toMatch(/nested too deeply/);
  });
});

test('a JSON answer that comes byte by byte is read as one', () => {
  const { push, end, types } = reading('json');
  for (const byte of Buffer.from('{"id":"r","object":"response","status":"completed","output":[]}')) {
    push(Buffer.of(byte));
  }
  expect(end()).toBeUndefined();
  expect(types).toEqual(['response.created', 'response.completed']);
});

test('a finished response of the dialect ChatGPT is given the output that its items told, other ones are not', () => {
  const done = '{"type":"response.output_item.done","output_index":0,"item":{"id":"a"}}';
  const end = '{"type":"response.done","response":{"id":"r","output":[]}}';
  const ended = (output: string) => `{"type":"response.completed","response":{"id":"r","output":${output}}}`;
  for (const [dialect, output] of [
    ['ChatGPT', '[{"id":"a"}]'],
    ['OpenAI', '[]'],
  ] as const) {
    const { push, payloads, types } = reading('stream', dialect);
    expect(push(sse(CREATED, done, end))).toBeUndefined();
    expect(payloads).toEqual([CREATED, done, ended(output)]);
    expect(types.at(-1)).toBe('response.completed');
  }
});
