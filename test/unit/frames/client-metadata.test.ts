import { expect, test } from '@jest/globals';
import { translateMetadata } from '../../../src/frames/client-metadata.ts';
import { walkObject } from '../../../src/json/object-walk.ts';

/** What one turn of the Codex CLI says in its frame, and what its own HTTP request says where. */
const FRAME = {
  session_id: 'root-thread',
  thread_id: 'sub-thread',
  turn_id: 'turn-1',
  root_turn_id: 'turn-0',
  'x-codex-installation-id': 'install-1',
  'x-codex-window-id': 'sub-thread:2',
  'x-codex-turn-metadata': '{"request_kind":"turn","workspace":"größe"}',
  'x-codex-parent-thread-id': 'root-thread',
  'x-openai-subagent': 'review',
  'x-codex-turn-state': 'opaque',
  'x-codex-ws-stream-request-start-ms': '1790000000000',
  ws_request_header_traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ws_request_header_x_openai_internal_codex_responses_lite: 'true',
};

/** Translates metadata as it stands in a frame; the body as text. */
function translate(metadata: unknown): {
  headers: readonly { name: string; value: string }[];
  body: string | undefined;
} {
  return translateText(JSON.stringify(metadata));
}

function translateText(metadata: string): ReturnType<typeof translate> {
  const bytes = Buffer.from(`{"client_metadata":${metadata}}`);
  const walk = walkObject(bytes);
  if (!walk.ok) throw new Error(walk.expected);
  const { headers, body } = translateMetadata(bytes, walk.members[0]!);
  return { headers, body: body?.toString() };
}

test('metadata nested twenty thousand deep is passed on and breaks nothing', () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  expect(translateText(`{"x-codex-turn-state":"s","a":${deep}}`).body).toBe(`{"a":${deep}}`);
});

test('metadata that is no object stays as it is', () => {
  expect(translateText('[1]')).toEqual({ headers: [], body: undefined });
  expect(translateText('null')).toEqual({ headers: [], body: undefined });
});

function asRecord(headers: readonly { name: string; value: string }[]): Record<string, string> {
  return Object.fromEntries(headers.map(({ name, value }) => [name, value]));
}

test('a frame’s metadata becomes the headers and the body that Codex sends over HTTP', () => {
  const { headers, body } = translate(FRAME);
  expect(asRecord(headers)).toEqual({
    'session-id': 'root-thread',
    'thread-id': 'sub-thread',
    'x-codex-window-id': 'sub-thread:2',
    'x-codex-turn-metadata': '{"request_kind":"turn","workspace":"gr\\u00f6\\u00dfe"}',
    'x-codex-parent-thread-id': 'root-thread',
    'x-openai-subagent': 'review',
    'x-codex-turn-state': 'opaque',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'x-openai-internal-codex-responses-lite': 'true',
  });
  expect(JSON.parse(body ?? '')).toEqual({
    session_id: 'root-thread',
    thread_id: 'sub-thread',
    turn_id: 'turn-1',
    root_turn_id: 'turn-0',
    'x-codex-installation-id': 'install-1',
    'x-codex-window-id': 'sub-thread:2',
    'x-codex-turn-metadata': '{"request_kind":"turn","workspace":"größe"}',
    'x-codex-parent-thread-id': 'root-thread',
    'x-openai-subagent': 'review',
  });
});

test('metadata that holds nothing of the socket stays as it was written', () => {
  expect(translate({ session_id: 's', user: 'u' })).toEqual({
    headers: [{ name: 'session-id', value: 's' }],
    body: undefined,
  });
  expect(translate({})).toEqual({ headers: [], body: undefined });
});

test('a turn state is a header only: it is never in the body', () => {
  expect(translate({ 'x-codex-turn-state': 's', a: 'b' })).toEqual({
    headers: [{ name: 'x-codex-turn-state', value: 's' }],
    body: '{"a":"b"}',
  });
});

test('a JSON text as a header has its characters beyond ASCII escaped, and still reads the same', () => {
  const json = JSON.stringify({ path: 'naïve/🙂', n: 1 });
  const { headers } = translate({ 'x-codex-turn-metadata': json });
  expect(headers[0]?.value).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(headers[0]?.value ?? '')).toEqual(JSON.parse(json));
});

test.each<[string, unknown]>([
  ['a line break', 'a\r\nx-evil: 1'],
  ['characters beyond ASCII', 'größe'],
  ['a number', 7],
  ['an object', { a: 1 }],
  ['null', null],
  ['nothing', ''],
])('a value with %s makes no header, and stays in the body', (_, value) => {
  const { headers, body } = translate({
    session_id: value,
    'x-codex-ws-stream-request-start-ms': '1',
  });
  expect(headers).toEqual([]);
  expect(JSON.parse(body ?? '')).toEqual({ session_id: value });
});

test.each([
  'ws_request_header_',
  'ws_request_header_a b',
  'ws_request_header_a:b',
  `ws_request_header_${'a'.repeat(65)}`,
  'ws_request_header_x\r\ny',
])('%j names no header and is not sent on', (key) => {
  expect(translate({ [key]: 'v' })).toEqual({ headers: [], body: '{}' });
});

test('names of headers come out in lower case, with hyphens', () => {
  expect(translate({ ws_request_header_X_Some_Name: 'v' }).headers).toEqual([
    { name: 'x-some-name', value: 'v' },
  ]);
});

test('a key that objects have by themselves is a key like any other', () => {
  const metadata = JSON.parse('{"__proto__":"p","constructor":"c","x-codex-turn-state":"s"}') as Record<
    string,
    unknown
  >;
  expect(translate(metadata).body).toBe('{"__proto__":"p","constructor":"c"}');
});

test('a value too long for a header stays in the body, and all headers together have a limit', () => {
  const long = 'x'.repeat(20_000);
  expect(translate({ session_id: long, 'x-codex-turn-state': 's' })).toEqual({
    headers: [{ name: 'x-codex-turn-state', value: 's' }],
    body: JSON.stringify({ session_id: long }),
  });
  const many = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`ws_request_header_h${n}`, 'y'.repeat(10_000)]),
  );
  expect(translate(many).headers).toHaveLength(6);
});
