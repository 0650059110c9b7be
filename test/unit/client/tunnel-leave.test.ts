import { describe, expect, test } from '@jest/globals';
import { TunnelLeave } from '../../../src/client/tunnel-leave.ts';

const drain = { code: 1012, reason: 'service restart' } as const;
const aged = { code: 1012, reason: 'maximum connection age' };

describe('a tunnel that shall close', () => {
  test('does when nothing has passed for five seconds', () => {
    const leave = new TunnelLeave(0, 3_600_000);
    leave.heard();
    expect(leave.due(1_000)).toBeUndefined();
    leave.want(drain);
    expect(leave.due(5_900)).toBeUndefined();
    expect(leave.due(6_000)).toEqual(drain);
  });

  test('does not while messages pass, for as long as its age allows', () => {
    const leave = new TunnelLeave(0, 3_600_000);
    leave.want(drain);
    for (let at = 0; at < 600_000; at += 500) {
      leave.heard();
      expect(leave.due(at)).toBeUndefined();
    }
  });

  test('of its age does when it is quiet', () => {
    const leave = new TunnelLeave(0, 60_000);
    expect(leave.due(59_999)).toBeUndefined();
    expect(leave.due(60_000)).toEqual(aged);
  });

  test('of its age, and never quiet, does a minute later', () => {
    const leave = new TunnelLeave(0, 60_000);
    for (let at = 60_000; at < 120_000; at += 500) {
      leave.heard();
      expect(leave.due(at)).toBeUndefined();
    }
    leave.heard();
    expect(leave.due(120_000)).toEqual(aged);
  });

  test('is told the first of several reasons', () => {
    const leave = new TunnelLeave(0, 10_000);
    leave.want(drain);
    expect(leave.due(20_000)).toEqual(drain);
  });
});

test('a tunnel is busy for five seconds after a message, and after it was opened', () => {
  const leave = new TunnelLeave(1_000, 3_600_000);
  expect(leave.isBusy(5_999)).toBe(true);
  expect(leave.isBusy(6_000)).toBe(false);
  leave.heard();
  expect(leave.isBusy(7_000)).toBe(true);
  expect(leave.isBusy(12_000)).toBe(false);
});
