import { expect, test } from '@jest/globals';
import { createParser } from 'eventsource-parser';
import * as fc from 'fast-check';
import { SseScanner } from '../../../src/events/sse-scanner.ts';

const EXAMPLE = [
  ': OPENROUTER PROCESSING',
  '',
  'event: response.created',
  'data: {"type":"response.created","text":"grün 🙂"}',
  '',
  'data: {"type":',
  'data:  "response.output_text.delta"}',
  '',
  'retry: 3',
  'data:',
  '',
  'data',
  'data: x',
  'id',
  '',
  '',
  'event:',
  'data: [DONE]',
  '',
  '',
];

/** What an independent parser makes of it. Empty events are left out: ours drops them on purpose. */
function judge(stream: Buffer): string[] {
  const payloads: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => payloads.push(data) });
  parser.feed(new TextDecoder().decode(stream));
  return payloads.filter((payload) => payload !== '');
}

function scan(chunks: readonly Buffer[]): string[] {
  const payloads: string[] = [];
  const scanner = new SseScanner((payload) => payloads.push(payload.toString()));
  for (const chunk of chunks) {
    scanner.push(chunk);
  }
  return payloads;
}

function cut(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [
    0,
    ...cuts.map((place) => place % (stream.length + 1)).sort((a, b) => a - b),
    stream.length,
  ];
  return places.slice(1).map((end, index) => stream.subarray(places[index], end));
}

test.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('a stream with %s, cut at any one or two bytes, has the payloads of the whole', (_, ending) => {
  const stream = Buffer.from(EXAMPLE.join(ending));
  const whole = judge(stream);
  expect(whole.length).toBeGreaterThan(3);
  for (let first = 0; first <= stream.length; first += 1) {
    expect(scan(cut(stream, [first]))).toEqual(whole);
    for (let second = first; second <= stream.length; second += 7) {
      expect(scan(cut(stream, [first, second]))).toEqual(whole);
    }
  }
  expect(scan(Array.from(stream, (byte) => Buffer.from([byte])))).toEqual(whole);
});

test('any stream, cut anywhere, has the payloads that an independent parser finds', () => {
  const line = fc.oneof(
    fc.constantFrom('', '', ...EXAMPLE),
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
    fc.string({ maxLength: 8 }),
  );
  const stream = fc
    .tuple(fc.boolean(), fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 }))
    .map(([mark, lines]) => Buffer.from((mark ? '\uFEFF' : '') + lines.flat().join('')));
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      expect(scan(cut(bytes, cuts))).toEqual(judge(bytes));
    }),
    { numRuns: 2000 },
  );
});
