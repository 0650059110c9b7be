import { describe, expect, test } from '@jest/globals';
import { translateMetadata } from '../../../src/frames/client-metadata.ts';
import { changeMetadata, metadataKeyOf, toMetadata } from '../../../src/frames/frame-metadata.ts';
import { memberOf, membersOf } from '../../../src/json/object-walk.ts';

const ALL = (): boolean => true;

function change(
  text: string,
  fill: Readonly<Record<string, string>>,
  put: Readonly<Record<string, string | undefined>> = {},
): string | undefined {
  const bytes = Buffer.from(text);
  const member = memberOf(membersOf(bytes), 'client_metadata');
  const changes = { fill: new Map(Object.entries(fill)), put: new Map(Object.entries(put)) };
  return changeMetadata(bytes, member, changes)?.toString();
}

describe('headers of a request in a frame', () => {
  test('become keys that turn into the same headers again', () => {
    const headers = [
      { name: 'x-codex-turn-metadata', value: '{"a":1}' },
      { name: 'session-id', value: 's' },
      { name: 'thread-id', value: 't' },
      { name: 'traceparent', value: '00-1' },
      { name: 'x-openai-subagent', value: 'review' },
    ];
    const text = JSON.stringify({ client_metadata: Object.fromEntries(toMetadata(headers, ALL)) });
    const bytes = Buffer.from(text);
    const member = memberOf(membersOf(bytes), 'client_metadata')!;
    expect(translateMetadata(bytes, member).headers).toEqual(headers);
  });

  test('are left out where they may not reach a provider, are empty, or are of the connection', () => {
    const headers = [
      { name: 'session-id', value: '' },
      { name: 'traceparent', value: '00-1' },
      { name: 'authorization', value: 'Bearer k' },
    ];
    expect(toMetadata(headers, (name) => name !== 'traceparent').size).toBe(0);
    expect(metadataKeyOf('authorization')).toBeUndefined();
  });
});

describe('client_metadata', () => {
  test('stays as it is where nothing is to be written', () => {
    expect(change('{"client_metadata":{"a":"b"}}', {})).toBeUndefined();
    expect(change('{"client_metadata":{"a":"b"}}', { a: 'c' })).toBeUndefined();
    expect(change('{"client_metadata":{"a":"b"}}', {}, { x: undefined })).toBeUndefined();
  });

  test('of another kind than an object is the client’s affair', () => {
    expect(change('{"client_metadata":"text"}', { a: 'b' })).toBeUndefined();
  });

  test('gets what is missing; what the client wrote wins, and keeps its bytes', () => {
    expect(change('{"client_metadata":{ "a" : "\\u0062" }}', { a: 'c', d: 'e' })).toBe(
      '{"a" : "\\u0062","d":"e"}',
    );
    expect(change('{"model":"m"}', { a: '"' })).toBe('{"a":"\\""}');
  });

  test('gets our trace instead of the client’s, or none', () => {
    const text = '{"client_metadata":{"t":"theirs","a":"b"}}';
    expect(change(text, { t: 'header' }, { t: 'ours' })).toBe('{"a":"b","t":"ours"}');
    expect(change(text, {}, { t: undefined })).toBe('{"a":"b"}');
    expect(change('{"client_metadata":{"t":"theirs"}}', {}, { t: undefined })).toBe('{}');
  });
});
