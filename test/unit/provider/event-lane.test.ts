import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { runs } from '../../harness/property-runs.ts';
import { laneOf } from '../../../src/provider/event-lane.ts';

const of = (text: string) => laneOf(Buffer.from(text));

test.each([
  ['{"type":"x","stream_id":"a"}', 'a'],
  ['{"type":"x","stream_id":"a","y":1}', 'a'],
  ['{"stream_id":"a.b_c-1"}', 'a.b_c-1'],
  ['{ "type" : "x", "stream_id" : "a" }', 'a'],
  ['{"type":"x","sequence_number":0,"stream_id":"b","response":{}}', 'b'],
  ['{"type":"x","stream_id":"\\u0061"}', 'a'],
  ['{"type":"x"}', ''],
  ['{"type":"x","response":{"stream_id":"inner"}}', ''],
  ['{"type":"x","response":[{"y":1,"stream_id":"inner"}],"z":1}', ''],
  ['{"type":"error","error":{"param":"stream_id"}}', ''],
  ['{"type":"error","error":{"param":"stream_id"},"stream_id":"a"}', 'a'],
  ['{"param":"stream_id","x":"y"}', ''],
  ['{"delta":",\\"stream_id\\":\\"a\\"}"}', ''],
  ['{"stream_id":7}', undefined],
  ['{"stream_id":null}', undefined],
])('%s belongs to %j', (text, lane) => {
  expect(of(text)).toBe(lane);
});

test('whatever surrounds it, it is what JSON says it is', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('stream_id', ',"stream_id":"a"}', '"stream_id":"b"', '\\"', '{', '['),
  );
  const { value } = fc.letrec<{ value: unknown }>((self) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      text,
      fc.integer(),
      fc.array(self('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constant('stream_id'), text), self('value'), { maxKeys: 3 }),
    ),
  }));
  const event = fc.dictionary(fc.oneof(fc.constant('stream_id'), fc.constant('type'), text), value, {
    maxKeys: 5,
  });
  fc.assert(
    fc.property(event, (object) => {
      const own = Object.hasOwn(object, 'stream_id') ? object['stream_id'] : '';
      expect(of(JSON.stringify(object))).toBe(typeof own === 'string' ? own : undefined);
    }),
    runs(2_000),
  );
});
