import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { SseScanner } from '../../../src/events/sse-scanner.ts';
import {
  anyAnswer,
  anyStream,
  byteByByte,
  cutAt,
  judgedPayloads,
  judgedUnendedPayload,
  LINE_ENDINGS,
  places,
  streamOf,
} from '../../harness/event-streams.ts';
import { runs } from '../../harness/property-runs.ts';

/** Everything that a reader can get wrong, in few bytes: they are cut in pairs. */
const STREAMS: Readonly<Record<string, readonly string[]>> = {
  'an answer': [
    ': hi',
    '',
    'event: a',
    'data: {"n":"ü€🙂"}',
    '',
    'data: {"n":',
    'data:  2}',
    '',
    'data: [DONE]',
    '',
  ],
  'odd fields': [
    'data',
    'data:',
    'data: x',
    'id',
    '',
    'data',
    '',
    'retry: 3',
    'data:  y ',
    'datax: 0',
    ':',
    '',
    '',
  ],
  'marks that are none': ['\uFEFFdata: no', '', 'data: \uFEFF', '', '\uFEFF', 'data: z', '', ''],
};

const FIXED = Object.entries(STREAMS).flatMap(([name, lines]) =>
  Object.entries(LINE_ENDINGS).flatMap(([ending, endings]) =>
    ['', '\uFEFF'].map((mark) => ({
      name: `${name}, lines ended by ${ending}${mark && ', after a byte order mark'}`,
      stream: Buffer.concat([Buffer.from(mark), streamOf(lines, endings)]),
    })),
  ),
);

/** What comes while the stream goes on, and what only its end brings. */
function scan(chunks: readonly Buffer[]): { readonly payloads: string[]; readonly atEnd: string[] } {
  const heard: string[] = [];
  const scanner = new SseScanner((payload) => heard.push(payload.toString()));
  for (const chunk of chunks) scanner.push(chunk);
  const payloads = heard.splice(0);
  scanner.end();
  return { payloads, atEnd: heard };
}

/** What has to come. An event without its blank line counts if it is one JSON object: no standard says so, we do. */
function judged(stream: Buffer): ReturnType<typeof scan> {
  const last = judgedUnendedPayload(stream);
  return {
    payloads: judgedPayloads(stream),
    atEnd: last !== undefined && isJsonObject(last) ? [last] : [],
  };
}

function isJsonObject(payload: string): boolean {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false; // no JSON at all, then
  }
}

describe('the payloads of a stream are those that an independent parser finds in the whole', () => {
  describe.each(FIXED)('$name', ({ stream }) => {
    const whole = judged(stream);

    test('cut once, at every byte', () => {
      expect(whole.payloads.length).toBeGreaterThanOrEqual(2);
      for (let place = 0; place <= stream.length; place++)
        expect(scan(cutAt(stream, [place]))).toEqual(whole);
    });

    test('cut twice, at every pair of bytes', () => {
      const differing: [number, number][] = [];
      const wanted = JSON.stringify(whole);
      for (let first = 0; first <= stream.length; first++) {
        for (let second = first; second <= stream.length; second++) {
          if (JSON.stringify(scan(cutAt(stream, [first, second]))) !== wanted)
            differing.push([first, second]);
        }
      }
      expect(differing).toEqual([]);
    });

    test('byte by byte, also with reads of no bytes between', () => {
      const bytes = byteByByte(stream);
      expect(scan(bytes)).toEqual(whole);
      expect(scan(bytes.flatMap((byte) => [Buffer.alloc(0), byte, Buffer.alloc(0)]))).toEqual(whole);
    });

    test('ended at every byte', () => {
      for (let length = 0; length <= stream.length; length++) {
        const part = stream.subarray(0, length);
        expect(scan(byteByByte(part))).toEqual(judged(part));
        expect(scan([part])).toEqual(judged(part));
      }
    });
  });

  test('whatever the stream, wherever it is cut', () => {
    fc.assert(
      fc.property(anyStream, places, (stream, cuts) => {
        const whole = judged(stream);
        expect(scan(cutAt(stream, cuts))).toEqual(whole);
        expect(scan(byteByByte(stream))).toEqual(whole);
      }),
      runs(3000),
    );
  });

  test('whatever way an answer is written, wherever it is cut', () => {
    fc.assert(
      fc.property(anyAnswer, places, (stream, cuts) => {
        expect(scan(cutAt(stream, cuts))).toEqual(judged(stream));
      }),
      runs(1000),
    );
  });

  test('bytes that are no text at all do no harm, and are not lost', () => {
    const bytes = fc.array(
      fc.constantFrom(0x0a, 0x0d, 0x64, 0x3a, 0x20, 0xef, 0xbb, 0xbf, 0xff, 0xc3, 0x80, 0xf0, 0x9f),
      { maxLength: 12 },
    );
    const stream = fc
      .array(fc.tuple(fc.constantFrom('data:', 'data: ', '', 'id:'), bytes), { maxLength: 10 })
      .map((pieces) =>
        Buffer.concat(pieces.flatMap(([field, rest]) => [Buffer.from(field), Buffer.from(rest)])),
      );
    fc.assert(
      fc.property(stream, places, (broken, cuts) => {
        const { payloads } = scan(cutAt(broken, cuts));
        expect(payloads).toEqual(judgedPayloads(broken));
      }),
      runs(2000),
    );
  });
});
