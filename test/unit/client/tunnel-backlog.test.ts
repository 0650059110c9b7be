import { describe, expect, test } from '@jest/globals';
import { TunnelBacklog } from '../../../src/client/tunnel-backlog.ts';
import { Budget } from '../../../src/turn/budget.ts';

const kib = 1024;

/** A backlog before a provider whose buffer is set by hand. */
function openBacklog(limitBytes = 1024 * kib) {
  const budget = new Budget('inbound', limitBytes);
  const tunnel = { bufferedBytes: 0 };
  const heard: string[] = [];
  const backlog = new TunnelBacklog(tunnel, { maxUnsentBytes: 256 * kib, maxStallMs: 30_000 }, budget, {
    onFull: () => heard.push('full'),
    onRoom: () => heard.push('room'),
    onStalled: () => heard.push('stalled'),
  });
  return {
    backlog,
    budget,
    heard,
    tunnel,
    send: (bytes: number): void => {
      tunnel.bufferedBytes += bytes;
      backlog.wrote(bytes);
    },
    take: (bytes: number): void => {
      tunnel.bufferedBytes -= bytes;
    },
  };
}

describe('what waits for a provider', () => {
  test('is counted until it is taken, and pauses the client at its limit', () => {
    const { backlog, budget, heard, send, take } = openBacklog();
    send(256 * kib);
    expect(budget.usedBytes).toBe(256 * kib);
    expect(heard).toEqual([]);
    send(1);
    expect(heard).toEqual(['full']);
    send(kib); // of the read under way
    expect(heard).toEqual(['full']);
    take(250 * kib);
    backlog.drained();
    expect(heard).toEqual(['full', 'room']);
    expect(budget.usedBytes).toBe(7 * kib + 1);
    take(7 * kib + 1);
    backlog.beat(performance.now());
    expect(budget.usedBytes).toBe(0);
  });

  test('that is gone without a word of the tunnel’s lets the client go on all the same', () => {
    const { backlog, heard, send, take } = openBacklog();
    send(300 * kib);
    take(200 * kib);
    backlog.beat(performance.now());
    expect(heard).toEqual(['full']);
    take(99 * kib);
    backlog.beat(performance.now());
    expect(heard).toEqual(['full', 'room']);
  });

  test('is 64 KiB at most while the process has no memory left', () => {
    const { budget, heard, send } = openBacklog();
    budget.add(2048 * kib);
    send(65 * kib);
    expect(heard).toEqual(['full']);
    budget.give(2048 * kib);
  });

  test('is given back when the tunnel ends, and never counted again', () => {
    const { backlog, budget, send } = openBacklog();
    send(100 * kib);
    backlog.close();
    backlog.close();
    expect(budget.usedBytes).toBe(0);
    send(kib);
    backlog.drained();
    backlog.beat(performance.now() + 1e6);
    expect(budget.usedBytes).toBe(0);
  });
});

describe('a provider', () => {
  test('that takes nothing for too long is told of, whether the client was paused or not', () => {
    for (const bytes of [kib, 512 * kib]) {
      const { backlog, heard, send } = openBacklog();
      send(bytes);
      const now = performance.now();
      backlog.beat(now + 29_000);
      expect(heard).not.toContain('stalled');
      backlog.beat(now + 31_000);
      expect(heard).toContain('stalled');
    }
  });

  test('that takes a little now and then is not, while more is sent than it takes', () => {
    const { backlog, heard, send, take } = openBacklog();
    const start = performance.now();
    for (let n = 1; n <= 20; n++) {
      send(2 * kib);
      take(kib);
      backlog.beat(start + n * 20_000);
    }
    expect(heard).toEqual([]);
  });

  test('that takes a little of what fills the backlog is not', () => {
    const { backlog, heard, send, take } = openBacklog();
    send(1024 * kib);
    const start = performance.now();
    for (let n = 1; n <= 20; n++) {
      take(kib);
      backlog.beat(start + n * 20_000);
    }
    expect(heard).toEqual(['full']);
  });

  test('with nothing to take is not, however long', () => {
    const { backlog, heard, send, take } = openBacklog();
    send(kib);
    take(kib);
    backlog.beat(performance.now() + 1e6);
    backlog.beat(performance.now() + 2e6);
    expect(heard).toEqual([]);
  });
});
