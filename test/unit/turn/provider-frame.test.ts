import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseClientFrame } from '../../../src/frames/client-frame.ts';
import { parseCreateBody, type ResponseCreate } from '../../../src/frames/response-create.ts';
import { toProviderFrame, type FrameChanges } from '../../../src/turn/provider-frame.ts';
import { runs } from '../../harness/property-runs.ts';

type Json = Record<string, unknown>;

const NO_CHANGES: FrameChanges = {
  model: undefined,
  isWithoutLane: false,
  expanded: undefined,
  clientMetadata: undefined,
  saysNoStore: false,
};

function created(text: string): ResponseCreate {
  const frame = parseClientFrame(Buffer.from(text));
  if (frame.kind !== 'create') throw new Error(JSON.stringify(frame));
  return frame.create;
}

function posted(text: string): ResponseCreate {
  const parsed = parseCreateBody(Buffer.from(text));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  return parsed.create;
}

function textOf(create: ResponseCreate, changes: Partial<FrameChanges> = {}): string {
  const { views, bytes } = toProviderFrame(create, { ...NO_CHANGES, ...changes });
  const joined = Buffer.concat(views);
  expect(joined).toHaveLength(bytes);
  return joined.toString();
}

describe('a frame for a provider', () => {
  test('is the client’s own memory where nothing changes', () => {
    const create = created('{ "type":"response.create",\n "stream_id":"a", "generate":false, "x":[1] }');
    expect(toProviderFrame(create, NO_CHANGES).views).toEqual([create.bytes]);
    expect(toProviderFrame(create, NO_CHANGES).views[0]).toBe(create.bytes);
  });

  test('stays the same without a lane where the client named none', () => {
    const create = created('{"type":"response.create","model":"m"}');
    expect(toProviderFrame(create, { ...NO_CHANGES, isWithoutLane: true }).views[0]).toBe(create.bytes);
  });

  test('loses the lane’s name for a socket that carries one lane, and nothing else', () => {
    const text = '{"type":"response.create","stream_id":"a","model":"m","input":[ ]}';
    expect(textOf(created(text), { isWithoutLane: true })).toBe(
      '{"type":"response.create","model":"m","input":[ ]}',
    );
  });

  test('of a nested request is unwrapped', () => {
    const text = '{"event_id":"e","response":{"model":"m","input":[1]},"type":"response.create"}';
    expect(JSON.parse(textOf(created(text)))).toEqual({
      type: 'response.create',
      event_id: 'e',
      model: 'm',
      input: [1],
    });
  });

  test.each([
    ['{}', { type: 'response.create' }],
    ['{"stream":true}', { type: 'response.create' }],
    [
      '{"background":false,"model":"m","stream":true,"input":"x"}',
      { type: 'response.create', model: 'm', input: 'x' },
    ],
  ])('made of the POST %s says what a socket has to be told', (text, expected) => {
    expect(JSON.parse(textOf(posted(text)))).toEqual(expected);
  });

  test('says that nothing is stored, where that has to be said', () => {
    const text = textOf(created('{"type":"response.create","model":"m"}'), { saysNoStore: true });
    expect(JSON.parse(text)).toEqual({ type: 'response.create', model: 'm', store: false });
  });
});

describe('any frame', () => {
  // no backslashes: the judge, JSON.parse, errs on keys with them (see object-walk.property.test.ts)
  const unit = fc.string({ minLength: 1, maxLength: 1 }).filter((char) => char !== '\\');
  const value = fc.jsonValue({ maxDepth: 2, stringUnit: unit });
  const members = fc.record(
    {
      model: fc.string(),
      input: fc.array(value, { maxLength: 3 }),
      client_metadata: fc.dictionary(fc.string({ unit }), fc.string(), { noNullPrototype: true }),
      previous_response_id: fc.string(),
      stream: fc.boolean(),
      background: fc.constant(false),
      generate: fc.constantFrom(true, false, null),
      stream_id: fc.constant('lane'),
      tools: value,
      ünïcödé: value,
      '': value,
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const order = fc.infiniteStream(fc.nat());
  const items = fc.array(value, { maxLength: 2 });
  const changes = fc.record({
    model: fc.option(fc.string(), { nil: undefined }),
    earlier: fc.option(fc.array(items, { maxLength: 3 }), { nil: undefined }),
    base: fc.option(fc.string(), { nil: undefined }),
    metadata: fc.option(fc.constant({ a: 'b' }), { nil: undefined }),
    isWithoutLane: fc.boolean(),
  });
  const joined = (list: readonly unknown[]): Buffer =>
    Buffer.from(list.map((item) => JSON.stringify(item)).join(','));
  const shuffled = (object: Json, keys: fc.Stream<number>): Json =>
    Object.fromEntries(
      Object.entries(object)
        .map((entry) => ({ entry, rank: keys.next().value as number }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ entry }) => entry),
    );

  test('leaves as the bytes that came, where nothing changes', () => {
    fc.assert(
      fc.property(members, order, fc.constantFrom(undefined, 1), (said, keys, space) => {
        const text = JSON.stringify(shuffled({ type: 'response.create', ...said }, keys), null, space);
        expect(textOf(created(text))).toBe(text);
      }),
      runs(500),
    );
  });

  test('says what it said and the changes, where something does', () => {
    fc.assert(
      fc.property(members, changes, order, fc.constantFrom(undefined, 1), (said, change, keys, space) => {
        const request = shuffled({ type: 'response.create', ...said }, keys);
        const expected: Json = { ...request };
        if (change.model !== undefined) expected['model'] = change.model;
        if (change.isWithoutLane) delete expected['stream_id'];
        if (change.metadata !== undefined) expected['client_metadata'] = change.metadata;
        if (change.earlier !== undefined) {
          expected['input'] = [...change.earlier.flat(), ...(said.input ?? [])];
          delete expected['previous_response_id'];
          if (change.base !== undefined) expected['previous_response_id'] = change.base;
        }
        const text = textOf(created(JSON.stringify(request, null, space)), {
          model: change.model,
          isWithoutLane: change.isWithoutLane,
          clientMetadata: change.metadata && Buffer.from(JSON.stringify(change.metadata)),
          expanded: change.earlier && {
            earlierItems: change.earlier.map(joined),
            ownItems: joined(said.input ?? []),
            providerBase: change.base,
          },
        });
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
      runs(500),
    );
  });
});
