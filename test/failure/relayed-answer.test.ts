/** A relayed answer that its client does not take. */
import { expect, test } from '@jest/globals';
import { openRawSocket } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';

test('a client that asks for the models and takes nothing for too long is cut off', async () => {
  const body = 'x'.repeat(64 * 1_048_576); // more than the system's buffers take in on the way
  await using scene = await openScene({
    settings: { flow: { maxUnsentBytes: 1_048_576, maxStallMs: 300 } },
    script: {
      name: 'models',
      rules: [{ when: { path: '/models' }, answer: { status: { code: 200, body } } }],
    },
  });
  await using raw = await openRawSocket(scene.bridge.port);
  raw.write('GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n');
  await raw.until('200 OK');
  raw.socket.pause();
  await until(() => scene.bridge.bridge.connections === 0, 'the connection to be gone');
  raw.socket.resume();
  await raw.closed;
  expect(raw.received().length).toBeLessThan(body.length);
});
