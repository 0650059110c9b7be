import { describe, expect, test } from '@jest/globals';
import { Pseudonyms } from '../../../src/turn/pseudonyms.ts';
import { readDetails, sessionOf, toClientTrace, toLevel, toWord } from '../../../src/turn/request-details.ts';
import type { HeaderField } from '../../../src/route/snapshot.ts';
import type { IdPolicy } from '../../../src/turn/pseudonyms.ts';
import { aCreate, type Json } from './turn-setup.ts';

const pseudonyms = new Pseudonyms(Buffer.alloc(32, 7));
const hashed = (id: string) => pseudonyms.nameOf(id, 'Hashed');

function details(body: Json, headers: Readonly<Record<string, string>> = {}, idPolicy: IdPolicy = 'Hashed') {
  return readDetails({
    create: aCreate(body),
    headers: fields(headers),
    tracePolicy: 'Parent',
    idPolicy,
    pseudonyms,
    providerModel: 'gpt-5.5',
  });
}

function fields(headers: Readonly<Record<string, string>>): HeaderField[] {
  return Object.entries(headers).map(([name, value]) => ({ name, value }));
}

const NOTHING = {
  clientTrace: undefined,
  tracePolicy: 'Parent',
  laneName: undefined,
  codexTurn: undefined,
  requestKind: undefined,
  subagent: undefined,
  providerModel: 'gpt-5.5',
  previousResponseId: undefined,
  reasoningLevel: undefined,
  maxOutputTokens: undefined,
  temperature: undefined,
  topP: undefined,
  serviceTier: undefined,
  asksForJson: false,
};

describe('the details of a request', () => {
  test('of one that asks for nothing in particular are none', () => {
    expect(details({})).toEqual(NOTHING);
  });

  test('are its numbers, its short words, and pseudonyms of its ids', () => {
    const body = {
      stream_id: 'lane-1',
      previous_response_id: 'resp_1',
      reasoning: { effort: 'xhigh' },
      max_output_tokens: 100,
      temperature: 0,
      top_p: 1,
      service_tier: 'priority',
      text: { format: { type: 'json_object' } },
      client_metadata: { turn_id: 'turn-1' },
    };
    const headers = { 'x-openai-subagent': 'review', 'x-codex-turn-metadata': '{"request_kind":"turn"}' };
    expect(details(body, headers)).toEqual({
      ...NOTHING,
      laneName: hashed('lane-1'),
      codexTurn: hashed('turn-1'),
      requestKind: 'turn',
      subagent: 'review',
      previousResponseId: 'resp_1',
      reasoningLevel: 'xhigh',
      maxOutputTokens: 100,
      temperature: 0,
      topP: 1,
      serviceTier: 'priority',
      asksForJson: true,
    });
  });

  const PROSE = 'Please keep this to yourself';
  test.each([
    ['sentences', { reasoning: { effort: PROSE }, service_tier: PROSE, previous_response_id: PROSE }],
    ['words without an end', { reasoning: { effort: 'x'.repeat(129) }, service_tier: 'x'.repeat(5000) }],
    ['objects and lists', { reasoning: [PROSE], service_tier: { a: PROSE }, text: PROSE, temperature: [1] }],
    [
      'nulls',
      { reasoning: null, service_tier: null, text: null, max_output_tokens: null, client_metadata: null },
    ],
    ['texts for numbers', { max_output_tokens: PROSE, temperature: '0.5', top_p: true }],
    [
      'another form of answer',
      { text: { format: { type: PROSE } }, client_metadata: { turn_id: { a: PROSE } } },
    ],
    ['what may be a key', { reasoning: { effort: 'sk-0123456789abcdef' }, service_tier: 'abc123' }],
    ['line breaks', { service_tier: 'flex\nset-cookie: a', reasoning: { effort: 'high\u0000' } }],
  ])('leave %s out', (_what, body) => {
    expect(details(body)).toEqual(NOTHING);
  });

  test.each([
    ['{"request_kind":"prewarm"}', 'prewarm'],
    ['{ "request_kind" : "compaction", "workspaces": {"/home/me": "git@example.com:x.git"} }', 'compaction'],
    ['{"request_kind":"memory"}', 'memory'],
    ['{"request_kind":"something_new"}', 'other'],
    ['{"request_kind":""}', undefined],
    ['{"request_kind":"Please keep this to yourself"}', undefined],
    [`{"request_kind":"${'x'.repeat(33)}"}`, undefined],
    [JSON.stringify({ workspace: '"request_kind":"turn"' }), undefined],
    ['', undefined],
    ['no JSON at all', undefined],
  ])('take one word out of the turn metadata %s', (metadata, kind) => {
    expect(details({}, { 'x-codex-turn-metadata': metadata }).requestKind).toBe(kind);
  });

  test.each(['Please keep this to yourself', '', 'é', 'a;b', 'x'.repeat(129)])(
    'show no subagent called "%s"',
    (subagent) => {
      expect(details({}, { 'x-openai-subagent': subagent }).subagent).toBeUndefined();
    },
  );

  test('name the lane and the turn as the route says', () => {
    const body = { stream_id: 'lane-1', client_metadata: { turn_id: 'turn-1' } };
    expect(details(body, {}, 'Raw')).toMatchObject({ laneName: 'lane-1', codexTurn: 'turn-1' });
    expect(details(body, {}, 'None')).toMatchObject({ laneName: undefined, codexTurn: undefined });
  });
});

describe('the session of a request', () => {
  const handshake = fields({ 'session-id': 'handshake-session', 'thread-id': 'handshake-thread' });
  test.each([
    ['its thread', { 'thread-id': 't', 'session-id': 's' }, {}, 't'],
    ['its session where it has no thread', { 'session-id': 's' }, {}, 's'],
    ["its handshake's thread", {}, {}, 'handshake-thread'],
    ["its handshake's before its conversation", {}, { conversation: 'conv_1' }, 'handshake-thread'],
  ])('is %s', (_what, own, body, expected) => {
    expect(sessionOf(aCreate(body), fields(own), handshake)).toBe(expected);
  });

  test.each([
    ['conv_1', 'conv_1'],
    [{ id: 'conv_2' }, 'conv_2'],
    [{ id: 5 }, undefined],
    [null, undefined],
    [7, undefined],
    ['x'.repeat(2000), undefined],
  ])('is the conversation %j where no header names one', (conversation, expected) => {
    expect(sessionOf(aCreate({ conversation }), [], [])).toBe(expected);
  });

  test('is the last of two headers of that name, as on the way to a provider', () => {
    const own = [...fields({ 'session-id': 'first' }), ...fields({ 'session-id': 'last' })];
    expect(sessionOf(aCreate({}), own, own)).toBe('last');
  });
});

describe('the trace of a client', () => {
  test('is taken as it is, and bounded', () => {
    const traceparent = 'x'.repeat(64);
    const given = { traceparent, tracestate: 'y'.repeat(512) };
    expect(toClientTrace(fields(given))).toEqual(given);
    expect(toClientTrace(fields({ ...given, tracestate: 'y'.repeat(513) }))).toEqual({
      traceparent,
      tracestate: undefined,
    });
    expect(toClientTrace(fields({ ...given, traceparent: 'x'.repeat(65) }))).toBeUndefined();
    expect(toClientTrace(fields({ tracestate: 'a=1' }))).toBeUndefined();
  });
});

test.each([
  ['gpt-5.5', true],
  ['vendor/model:free@1+x', true],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  ['', false],
  ['two words', false],
  ['<script>', false],
  ['ünïcode', false],
  ['line\n', false],
  [5, false],
  [undefined, false],
])('%p is a word: %p', (value, isWord) => {
  expect(toWord(value)).toBe(isWord ? value : undefined);
});

test.each([
  ['xhigh', true],
  ['memory_consolidation', true],
  ['x'.repeat(32), true],
  ['x'.repeat(33), false],
  ['', false],
  ['High', false],
  ['sk-0123456789abcdef', false],
  ['two words', false],
  [undefined, false],
])('%p is a level: %p', (value, isLevel) => {
  expect(toLevel(value)).toBe(isLevel ? value : undefined);
});
