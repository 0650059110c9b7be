/** A client that sends its request's head a byte at a time, or stops in the middle, holds nothing for long. */
import { expect, test } from '@jest/globals';
import { openRawSocket } from '../harness/raw-http.ts';
import { within } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';

test('a head that is not whole after ten seconds is answered 408, however it trickles', async () => {
  await using scene = await openScene();
  await using stopped = await openRawSocket(scene.bridge.port);
  await using trickling = await openRawSocket(scene.bridge.port);
  stopped.write('GET /v1/responses HTTP/1.1\r\nHost: a\r\n');
  trickling.write('GET /v1/responses HTTP/1.1\r\nHost: a\r\nX-A: ');
  const trickle = setInterval(() => trickling.write('a'), 200);
  try {
    // ten seconds and what a busy machine adds, in time that this process was awake: a stall is nobody's delay
    await within(Promise.all([stopped.closed, trickling.closed]), 'both to be closed', 15_000);
  } finally {
    clearInterval(trickle);
  }
  for (const raw of [stopped, trickling]) expect(raw.received().toString()).toMatch(/^HTTP\/1\.1 408 /);
  expect(scene.bridge.bridge.connections).toBe(0);
}, 30_000);
