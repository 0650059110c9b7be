import { describe, expect, test } from '@jest/globals';
import { renameDone } from '../../../src/events/done-alias.ts';
import { EVENT_TYPES, eventTypeNamed, eventTypeOf, OTHER_EVENT } from '../../../src/events/event-type.ts';

const typeOf = (text: string) => eventTypeOf(Buffer.from(text)).name;

describe('the type of an event is read from its bytes', () => {
  test.each(EVENT_TYPES.slice(1).map((type) => [type.name]))(
    '%s is found wherever its key stands',
    (name) => {
      const type = eventTypeNamed(name);
      expect(eventTypeOf(Buffer.from(`{"type":"${name}","x":1}`))).toBe(type);
      expect(eventTypeOf(Buffer.from(`{"type":"${name}"}`))).toBe(type);
      expect(eventTypeOf(Buffer.from(`{ "type" : "${name}" }`))).toBe(type);
      expect(eventTypeOf(Buffer.from(`{"a":{"type":"error","b":[1,"}"]},"n":-1.5e3,"type":"${name}"}`))).toBe(
        type,
      );
    },
  );

  test('indexes are dense, names are unique and 0 stands for the rest', () => {
    expect(EVENT_TYPES.map((type) => type.index)).toEqual(EVENT_TYPES.map((_, index) => index));
    expect(new Set(EVENT_TYPES.map((type) => type.name)).size).toBe(EVENT_TYPES.length);
    expect(EVENT_TYPES[0]).toBe(OTHER_EVENT);
  });

  test('the catalogue holds the 59 public streaming events', () => {
    const elsewhere =
      /^(?:other|response\.done|keepalive|ping|heartbeat|codex\.|responsesapi\.|response\.metadata)/;
    const socketOnly = /^response\.(?:steer|inject)\./;
    const names = EVENT_TYPES.map((type) => type.name);
    const streamed = names.filter((name) => !elsewhere.test(name) && !socketOnly.test(name));
    expect(streamed).toHaveLength(59);
  });

  test('what repeats the backend’s headers is metadata, and no part of the response', () => {
    expect(eventTypeNamed('response.metadata').role).toBe('metadata');
    expect(eventTypeNamed('codex.response.metadata').role).toBe('metadata');
  });

  test('a name that is only the beginning or the continuation of a known one is another', () => {
    expect(typeOf('{"type":"response.completedX"}')).toBe('other');
    expect(typeOf('{"type":"response.complete"}')).toBe('other');
    expect(typeOf(`{"type":"${'response.'.repeat(500)}"}`)).toBe('other');
  });

  test('an escaped name is understood', () => {
    expect(typeOf('{"type":"\\u0065rror"}')).toBe('error');
  });

  test('a type inside a string or a nested value is not taken for the event’s', () => {
    expect(typeOf('{"text":"\\",\\"type\\":\\"error\\"","type":"response.failed"}')).toBe('response.failed');
    expect(typeOf('{"item":{"type":"error"}}')).toBe('other');
    expect(typeOf('{"text":"\\\\","type":"error"}')).toBe('error');
  });

  test.each([
    '',
    'null',
    '[1]',
    '"type"',
    '[DONE]',
    '{',
    '{}',
    '{"type"',
    '{"type":',
    '{"type":"',
    '{"type":"error',
    '{"type":1}',
    '{"type":null,"x":"error"}',
    '{"a":"unclosed',
    '{"a":[1,2',
    '{"a" "type":"error"}',
    '{"type":"\\x"}',
  ])('%j is no event of the catalogue', (text) => {
    expect(typeOf(text)).toBe('other');
  });
});

describe('response.done is renamed', () => {
  test('in place, every other byte as it came', () => {
    const payload = Buffer.from(
      '{"response":{"type":"response.done","x":"ü"}, "type" : "response.done" ,"z":1.0}',
    );
    expect(renameDone(payload).toString()).toBe(
      '{"response":{"type":"response.done","x":"ü"}, "type" : "response.completed" ,"z":1.0}',
    );
  });

  test('and nothing else is', () => {
    const payload = Buffer.from('{"type":"response.completed"}');
    expect(renameDone(payload)).toBe(payload);
  });
});
