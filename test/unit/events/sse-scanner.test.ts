import { describe, expect, test } from '@jest/globals';
import { SseScanner } from '../../../src/events/sse-scanner.ts';

function scan(...chunks: (string | Buffer)[]): string[] {
  const payloads: string[] = [];
  const scanner = new SseScanner((payload) => payloads.push(payload.toString()));
  for (const chunk of chunks) {
    expect(scanner.push(Buffer.from(chunk))).toBe('ok');
  }
  expect(scanner.end()).toBe('ok');
  return payloads;
}

describe('the payloads of a stream', () => {
  test('are the data of its events; event, id, retry, unknown fields and comments carry nothing', () => {
    expect(scan('event: a\nid: 1\nretry: 5\n: hi\nfoo\ndatax: 0\ndata: {"n":1}\n\ndata:{"n":2}\n\n')).toEqual(
      ['{"n":1}', '{"n":2}'],
    );
  });

  test('keep all but one leading space', () => {
    expect(scan('data:  x \n\n')).toEqual([' x ']);
  });

  test('join several data lines by line feeds', () => {
    expect(scan('data: {"a":\ndata: 1}\n\ndata: a\ndata\ndata: b\n\n')).toEqual(['{"a":\n1}', 'a\n\nb']);
  });

  test('leave out events without data', () => {
    expect(scan('event: ping\n\ndata:\n\ndata\n\n\n\ndata: 1\n\n')).toEqual(['1']);
  });

  test('come through a byte order mark, also one cut into bytes', () => {
    const bom = Buffer.from([0xef, 0xbb, 0xbf]);
    expect(scan(Buffer.concat([bom, Buffer.from('data: 1\n\n')]))).toEqual(['1']);
    expect(scan(bom.subarray(0, 1), bom.subarray(1, 2), '', bom.subarray(2), 'data: 1\n\n')).toEqual(['1']);
  });

  test('are not invented from a broken byte order mark', () => {
    const half = Buffer.from([0xef, 0xbb]);
    expect(scan(half, 'data: 1\n\n', 'data: 2\n\n')).toEqual(['2']);
    expect(scan(Buffer.concat([half, Buffer.from('data: 1\n\ndata: 2\n\n')]))).toEqual(['2']);
  });

  test('are views of the chunk they came in, not copies', () => {
    const chunk = Buffer.from('data: {"n":1}\n\n');
    const payloads: Buffer[] = [];
    new SseScanner((payload) => payloads.push(payload)).push(chunk);
    expect(payloads[0]?.buffer).toBe(chunk.buffer);
    expect(payloads[0]?.byteOffset).toBe(chunk.byteOffset + 6);
  });

  test('come at once, not with the next chunk', () => {
    const payloads: string[] = [];
    const scanner = new SseScanner((payload) => payloads.push(payload.toString()));
    scanner.push(Buffer.from('data: 1\r\n\r'));
    expect(payloads).toEqual(['1']);
    scanner.push(Buffer.from('\ndata: 2\r\r'));
    expect(payloads).toEqual(['1', '2']);
  });
});

describe('the end of a stream', () => {
  test('delivers a last event that lacks its blank line, if it is a whole JSON object', () => {
    expect(scan('data: {"n":1}\n')).toEqual(['{"n":1}']);
    expect(scan('data: {"n":1}')).toEqual(['{"n":1}']);
    expect(scan('data: {"n":\n', 'data: 1}')).toEqual(['{"n":\n1}']);
  });

  test.each(['data: {"n":1', 'data: [1]', 'data: 1\n', 'data: [DONE]', 'dat', 'data: {}{}', ': {"n":1}'])(
    'drops %j',
    (text) => {
      expect(scan(text)).toEqual([]);
    },
  );

  test('does not repeat an event that was complete', () => {
    expect(scan('data: {"n":1}\n\n')).toEqual(['{"n":1}']);
  });
});

describe('the limit of an event', () => {
  const scanner = (max: number, payloads: string[] = []) =>
    new SseScanner((payload) => payloads.push(payload.toString()), max);

  test('lets through what is just within it', () => {
    const payloads: string[] = [];
    expect(scanner(10, payloads).push(Buffer.from('data: 0123456789\n\n'))).toBe('ok');
    expect(payloads).toEqual(['0123456789']);
  });

  test('refuses one byte more, and everything after', () => {
    const payloads: string[] = [];
    const spent = scanner(10, payloads);
    expect(spent.push(Buffer.from('data: 0123456789A\n\ndata: 1\n\n'))).toBe('overflow');
    expect(spent.push(Buffer.from('data: 1\n\n'))).toBe('overflow');
    expect(spent.end()).toBe('overflow');
    expect(payloads).toEqual([]);
  });

  test.each([
    ['a line that never ends', 'x'.repeat(8)],
    ['many short data lines', 'data: a\n'],
    ['empty data lines', 'data\n'],
    ['a comment that never ends', ': aaaaaaa'],
  ])('holds for %s', (_, piece) => {
    const spent = scanner(100);
    let pushes = 0;
    while (spent.push(Buffer.from(piece)) === 'ok') {
      pushes += 1;
      expect(pushes).toBeLessThan(200);
    }
    expect(pushes).toBeGreaterThan(5);
  });

  test('does not add up over events', () => {
    const payloads: string[] = [];
    const small = scanner(10, payloads);
    for (let i = 0; i < 100; i += 1) {
      expect(small.push(Buffer.from('data: 12345\n\n'))).toBe('ok');
    }
    expect(payloads).toHaveLength(100);
  });
});

test('an event that comes in a million single bytes is read in time in proportion to its length', () => {
  // Looking at every byte again with each that comes would take minutes, and this test its time limit.
  const stream = Buffer.from(`data: ${'x'.repeat(1_000_000)}\n\n`);
  let seen = 0;
  const scanner = new SseScanner((payload) => {
    seen = payload.length;
  });
  for (let i = 0; i < stream.length; i += 1) {
    scanner.push(stream.subarray(i, i + 1));
  }
  expect(seen).toBe(1_000_000);
});

test('comments are counted', () => {
  const scanner = new SseScanner(() => undefined);
  scanner.push(Buffer.from(': a\n\n: b'));
  expect(scanner.comments).toBe(1);
  scanner.push(Buffer.from('\n'));
  expect(scanner.comments).toBe(2);
});
