import { describe, expect, test } from '@jest/globals';
import { Liveness } from '../../../src/client/liveness.ts';

/** A peer that is pinged every 100 ms from 0 on. */
function pinged() {
  const peer = { pings: 0, bytesRead: 0, roundTrips: [] as number[] };
  const liveness = new Liveness({ ping: () => void peer.pings++ }, peer, 100, 0, (ms) =>
    peer.roundTrips.push(ms),
  );
  return { peer, liveness };
}

describe('a peer', () => {
  test('that answers is there, and its round trips are told', () => {
    const { peer, liveness } = pinged();
    for (let now = 100; now <= 1_000; now += 100) {
      expect(liveness.beat(now)).toBe(true);
      liveness.ponged(now + 7);
    }
    expect(peer.pings).toBe(10);
    expect(peer.roundTrips).toEqual(Array.from({ length: 10 }, () => 7));
  });

  test('of which nothing is heard after two pings is gone', () => {
    const { liveness } = pinged();
    expect([100, 200, 300].map((now) => liveness.beat(now))).toEqual([true, true, false]);
  });

  test('that is in the middle of a large frame is there, though it cannot answer yet', () => {
    const { peer, liveness } = pinged();
    for (let now = 100; now <= 1_000; now += 100) {
      expect(liveness.beat(now)).toBe(true);
      peer.bytesRead += 1;
    }
    expect([1_100, 1_200, 1_300].map((now) => liveness.beat(now))).toEqual([true, true, false]);
  });

  test('that is behind with reading is not pinged, and has a whole interval afterwards', () => {
    const { peer, liveness } = pinged();
    expect(liveness.beat(100)).toBe(true);
    expect(liveness.beat(200)).toBe(true);
    for (let now = 300; now <= 1_000; now += 100) liveness.hold(now);
    expect(peer.pings).toBe(2);
    expect(liveness.beat(1_050)).toBe(true);
    expect(peer.pings).toBe(2);
    expect([1_100, 1_200, 1_300].map((now) => liveness.beat(now))).toEqual([true, true, false]);
    liveness.ponged(1_400);
  });

  test('is never pinged at an interval of 0', () => {
    let pings = 0;
    const liveness = new Liveness({ ping: () => void pings++ }, { bytesRead: 0 }, 0, 0, () => undefined);
    expect(liveness.beat(1e9)).toBe(true);
    expect(pings).toBe(0);
  });
});
