/** What a body costs is what it holds, however it is cut. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { openRawSocket } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';

const chunks = 300_000;
const mib = 1_048_576;

/** Bytes of objects that somebody still holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('a body in chunks of one byte is held in not much more than its bytes', async () => {
  await using scene = await openScene();
  await using raw = await openRawSocket(scene.bridge.port);
  const before = heldBytes();
  raw.write('POST /v1/responses HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
  raw.write('1\r\n \r\n'.repeat(chunks));
  await until(() => scene.bridge.bridge.usedBytes.inbound === chunks, 'all chunks to be counted', 20_000);
  expect((heldBytes() - before) / mib).toBeLessThan(15); // a Buffer of its own for each byte: 60
  const rest = '{"model":"m","input":"hi"}';
  raw.write(`${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n`);
  await raw.until('HTTP/1.1 200');
  expect(scene.provider.requests).toMatchObject([{ body: { model: 'm', input: 'hi' } }]);
  raw.end();
}, 60_000);
