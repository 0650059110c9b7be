/** The receiver of traces that other tests rely on. */
import { expect, test } from '@jest/globals';
import { openOtlpReceiver } from './otlp-receiver.ts';
import { readSpans } from './otlp-spans.ts';
import { until } from './wait-for.ts';

/** A field of protobuf: bytes with their length before them. */
const part = (number: number, ...bytes: readonly (Buffer | number)[]): Buffer => {
  const body = Buffer.concat(
    bytes.map((piece) => (typeof piece === 'number' ? Buffer.from([piece]) : piece)),
  );
  // as a varint of two bytes, whatever it is: batches are longer than one could say
  const length = [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), body]);
};
const int = (number: number, value: number): Buffer => Buffer.from([number * 8, value]);
const nanoseconds = (number: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes[0] = number * 8 + 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
};
const text = (value: string): Buffer => Buffer.from(value);
const attribute = (number: number, key: string, value: Buffer): Buffer =>
  part(number, part(1, text(key)), part(2, value));
/** -1 as a varint of 64 bits. */
const minusOne = Buffer.from([0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
const half = Buffer.from([0x21, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f]);

const span = Buffer.concat([
  part(1, Buffer.alloc(16, 0xaa)),
  part(2, Buffer.alloc(8, 0xbb)),
  part(5, text('naïve')),
  int(6, 3),
  nanoseconds(7, 1_500_000n),
  nanoseconds(8, 2_000_000n),
  attribute(9, 'text', part(1, text('a'))),
  attribute(9, 'flag', int(2, 1)),
  attribute(9, 'count', minusOne),
  attribute(9, 'share', half),
  attribute(9, 'list', part(5, part(1, part(1, text('a'))), part(1, int(3, 2)))),
  part(11, nanoseconds(1, 1_750_000n), part(2, text('first'))),
  part(
    13,
    part(1, Buffer.alloc(16, 0xcc)),
    part(2, Buffer.alloc(8, 0xdd)),
    attribute(4, 'why', part(1, text('x'))),
  ),
  part(15, part(2, text('a message')), int(3, 2)),
]);
const batch = part(
  1,
  part(1, attribute(1, 'service.name', part(1, text('test')))),
  part(2, part(1, part(1, text('scope')), part(2, text('1'))), part(2, span)),
);

const post = (url: string, body: Buffer | string = batch) =>
  fetch(url, { method: 'POST', body: Buffer.from(body) }).then(({ status }) => status);

test('a batch is read field by field', () => {
  expect(readSpans(batch)).toEqual([
    {
      name: 'naïve',
      kind: 'client',
      traceId: 'aa'.repeat(16),
      spanId: 'bb'.repeat(8),
      parentSpanId: '',
      traceState: '',
      startMs: 1.5,
      endMs: 2,
      attributes: { text: 'a', flag: true, count: -1, share: 0.5, list: ['a', 2] },
      events: [{ name: 'first', atMs: 1.75, attributes: {} }],
      links: [{ traceId: 'cc'.repeat(16), spanId: 'dd'.repeat(8), traceState: '', attributes: { why: 'x' } }],
      status: 'error',
      statusMessage: 'a message',
      dropped: 0,
      resource: { 'service.name': 'test' },
      scope: { name: 'scope', version: '1' },
    },
  ]);
});

test.each([
  ['cut off', batch.subarray(0, batch.length - 1)],
  ['a number without an end', Buffer.alloc(20, 0xff)],
  ['no protobuf', Buffer.from('{"resourceSpans":[]}')],
])('a batch that is %s is an error', (_what, bytes) => {
  expect(() => readSpans(bytes)).toThrow(RangeError);
});

test('it takes batches, refuses them, and counts both', async () => {
  await using receiver = await openOtlpReceiver();
  expect(await post(receiver.url)).toBe(200);
  expect(await post(receiver.baseUrl)).toBe(404);
  receiver.be(503);
  expect(await post(receiver.url)).toBe(503);
  receiver.be('reset');
  await expect(post(receiver.url)).rejects.toMatchObject({ message: 'fetch failed' });
  receiver.be('take');
  await expect(post(receiver.url, 'no protobuf')).rejects.toMatchObject({ message: 'fetch failed' });
  expect(receiver).toMatchObject({ requests: 5, taken: 1 });
  expect(await receiver.waitFor(({ name }) => name === 'naïve', 'a name')).toMatchObject({ kind: 'client' });
});

test('it stalls until it goes down, and comes back on the same port', async () => {
  await using receiver = await openOtlpReceiver();
  receiver.be('stall');
  const stalled = post(receiver.url).catch((error: unknown) => (error as Error).message);
  await until(() => receiver.requests === 1, 'the batch');
  await receiver.down();
  expect(await stalled).toBe('fetch failed');
  await expect(post(receiver.url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  receiver.be('take');
  await receiver.up();
  expect(await post(receiver.url)).toBe(200);
  expect(receiver.spans).toHaveLength(1);
});
