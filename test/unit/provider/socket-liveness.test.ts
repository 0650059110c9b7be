/** Whether a provider is still there, by the bytes that move on its socket. */
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { MessageAccount } from '../../../src/provider/message-account.ts';
import { SocketLiveness } from '../../../src/provider/socket-liveness.ts';

/** A socket whose figures the test moves. */
function watched() {
  const socket = { bytesRead: 0, bytesWritten: 0, writableLength: 0 };
  const ws = { isPaused: false, pings: 0, ping: () => (ws.pings += 1) };
  // the watch reads these figures and nothing else
  const liveness = new SocketLiveness(ws, socket as unknown as Socket, 10, 0);
  let now = 0;
  return { socket, ws, beat: () => liveness.beat((now += 10)) };
}

describe('a provider on a WebSocket', () => {
  test('is gone when two pings brought nothing', () => {
    const { beat, ws } = watched();
    expect([beat(), beat(), beat()]).toEqual([true, true, false]);
    expect(ws.pings).toBe(2);
  });

  test('is there as long as anything comes', () => {
    const { beat, socket } = watched();
    for (let n = 0; n < 5; n++) {
      expect(beat()).toBe(true);
      socket.bytesRead += 1;
    }
  });

  test('is there as long as it takes of a message under way, behind which pings wait', () => {
    const { beat, socket } = watched();
    socket.bytesWritten = socket.writableLength = 16 * 1024 * 1024;
    for (let n = 0; n < 5; n++) {
      socket.writableLength -= 1024 * 1024;
      expect(beat()).toBe(true);
    }
    expect([beat(), beat()]).toEqual([true, false]);
  });

  test('is not there because the kernel takes our pings', () => {
    const { beat, socket } = watched();
    const beats = [1, 2, 3].map(() => {
      socket.bytesWritten += 6;
      return beat();
    });
    expect(beats).toEqual([true, true, false]);
  });
});

test('pings of a provider do not add up to a message that it never sends', () => {
  let used = 0;
  const account = new MessageAccount({
    take: (bytes) => ((used += bytes), true),
    give: (bytes) => void (used -= bytes),
  });
  for (let n = 0; n < 2_000; n++) {
    account.read(127);
    account.control(125);
  }
  expect(used).toBe(0);
  for (let n = 0; n < 2_000; n++) account.read(127);
  expect(used).toBeGreaterThan(100_000);
  account.close();
  expect(used).toBe(0);
});
