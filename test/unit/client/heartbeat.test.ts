import { expect, jest, test } from '@jest/globals';
import { Heartbeat } from '../../../src/client/heartbeat.ts';

test('a member that throws is told of, and keeps no other from its beat', () => {
  jest.useFakeTimers();
  try {
    const mistakes: unknown[] = [];
    const heartbeat = new Heartbeat((error) => mistakes.push(error));
    const mistake = new Error('a member’s');
    let beats = 0;
    heartbeat.add({
      beat: () => {
        throw mistake;
      },
    });
    heartbeat.add({ beat: () => void beats++ });
    jest.advanceTimersByTime(1_000);
    expect(beats).toBe(2);
    expect(mistakes).toEqual([mistake, mistake]);
    heartbeat.stop();
    jest.advanceTimersByTime(1_000);
    expect(beats).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});
