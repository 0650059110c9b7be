import { describe, expect, test } from '@jest/globals';
import { LeaseWorld, type Contender } from './lease-world.ts';

/** A world with contenders, the first of which leads. */
async function worldOf(...names: string[]): Promise<{ world: LeaseWorld; a: Contender; b: Contender }> {
  const world = new LeaseWorld();
  for (const name of names) {
    world.contender(name).start();
    await world.advance(100);
  }
  const [a, b] = world.contenders;
  if (a === undefined || b === undefined) throw new Error('a world needs two');
  expect(world.leaders).toEqual(['a']);
  return { world, a, b };
}

test('the first takes the Lease and keeps it; the others wait and know who holds it', async () => {
  const { world, a, b } = await worldOf('a', 'b', 'c');
  await world.advance(120_000);
  expect(world.leaders).toEqual(['a']);
  expect(a.began).toBe(1);
  expect(b.began).toBe(0);
  expect(b.lease.holder).toBe('a');
  expect(world.stored?.spec).toMatchObject({
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
  });
  expect(a.facts.filter((fact) => fact.kind === 'lease.tried' && fact.result !== 'renewed')).toMatchObject([
    { result: 'created' },
  ]);
});

test('a leader that is killed is followed by another within the lease duration and one look', async () => {
  const { world, a, b } = await worldOf('a', 'b');
  a.stop(Infinity);
  await world.advance(10_000);
  expect(world.leaders).toEqual([]);
  await world.advance(15_000 + 4400 - 10_000);
  expect(world.leaders).toEqual(['b']);
  expect(b.began).toBe(1);
  expect(world.stored?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('one that leaves is followed by another at its next look, and stops leading before it asks', async () => {
  const { world, a, b } = await worldOf('a', 'b');
  const released = a.lease.release();
  expect(a.lease.isLeader).toBe(false);
  await world.advance(300);
  await released;
  expect(world.stored?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  await world.advance(4400);
  expect(world.leaders).toEqual(['b']);
  expect([a.lost, b.began]).toEqual([0, 1]);
  expect(a.lease.release()).toBe(released);
  expect(() => a.start()).toThrow('starts once');
});

describe('a leader is lost', () => {
  test('when it could not renew for the renew deadline: to the moment, and before anybody else leads', async () => {
    const { world, a, b } = await worldOf('a', 'b');
    await world.advance(4000);
    a.weather = { kind: 'deaf' };
    const sinceMs = world.clock.now();
    while (a.lease.isLeader) await world.advance(100);
    expect(world.clock.now() - sinceMs).toBeGreaterThan(7_500);
    expect(world.clock.now() - sinceMs).toBeLessThanOrEqual(10_000);
    expect(a.lost).toBe(1);
    expect(b.lease.isLeader).toBe(false);
    await world.advance(11_000);
    expect(world.leaders).toEqual(['b']);
    a.weather = { kind: 'fair' };
    await world.advance(60_000);
    expect(world.leaders).toEqual(['b']);
    expect(a.lost).toBe(1);
  });

  test('when its process stood still for longer: it knows before anything else has run', async () => {
    const { world, a } = await worldOf('a', 'b');
    a.stop(11_000);
    await world.advance(10_000);
    // Nothing of it has run yet: the clock has told.
    expect([a.lease.isLeader, a.lost]).toEqual([false, 0]);
    await world.advance(1_500);
    expect(a.lost).toBe(1);
    // It did not renew once more either: the next one begins when the old record has aged.
    await world.advance(15_000 + 4400 - 11_500);
    expect(world.leaders).toEqual(['b']);
  });

  test('when somebody else holds the Lease, at once', async () => {
    const { world, a } = await worldOf('a', 'b');
    const { stored } = world;
    if (stored === undefined) throw new Error('no Lease');
    world.stored = { version: stored.version + 1000, spec: { ...stored.spec, holderIdentity: 'kubectl' } };
    await world.advance(2500);
    expect([a.lease.isLeader, a.lost]).toEqual([false, 1]);
    expect(a.facts.at(-2)).toMatchObject({
      kind: 'lease.changed',
      state: 'lost',
      why: 'it is held by kubectl now',
    });
    await world.advance(20_000);
    expect(world.leaders).toEqual(['b']);
  });
});

describe('a leader goes on', () => {
  test('when single renewals fail: after 500, 429 with a long Retry-After, and a request without an answer', async () => {
    const { world, a } = await worldOf('a', 'b');
    for (const weather of [
      { kind: 'refusing', status: 500 },
      { kind: 'refusing', status: 429, retryAfterMs: 60_000 },
      { kind: 'mute' },
      { kind: 'deaf' },
      { kind: 'slow', thereMs: 1500, backMs: 1500 },
    ] as const) {
      a.weather = weather;
      await world.advance(3_000);
      a.weather = { kind: 'fair' };
      await world.advance(10_000);
      expect(world.leaders).toEqual(['a']);
    }
    expect(a.lost).toBe(0);
  });

  test('when the Lease is deleted: it creates it again, and those who saw it wait', async () => {
    const { world, a, b } = await worldOf('a', 'b');
    await world.advance(5000);
    world.stored = undefined;
    a.stop(3000);
    await world.advance(20_000);
    expect(world.leaders).toEqual(['a']);
    expect(b.began).toBe(0);
  });

  test('when somebody labels the Lease', async () => {
    const { world, a } = await worldOf('a', 'b');
    if (world.stored !== undefined) world.stored = { ...world.stored, version: world.stored.version + 1000 };
    await world.advance(20_000);
    expect(world.leaders).toEqual(['a']);
    expect(a.lost).toBe(0);
  });

  test('whatever its calendar says, and those who wait do not mind: only a record that changes counts', async () => {
    const { world, a, b } = await worldOf('a', 'b');
    for (const wallMs of [0, 4e12, 4e12, 4e12, 1_760_000_000_000]) {
      a.wallMs = wallMs;
      b.wallMs = 4e12 - wallMs;
      await world.advance(20_000);
      expect(world.leaders).toEqual(['a']);
    }
  });
});

test('two processes with the same identity do not both lead', async () => {
  const { world, b } = await worldOf('a', 'a');
  await world.advance(60_000);
  expect(world.leaders).toEqual(['a']);
  expect(b.began).toBe(0);
});

test('one whose taking was never answered finds out that it has arrived, and leads', async () => {
  const world = new LeaseWorld();
  const a = world.contender('a');
  a.weather = { kind: 'mute' };
  a.start();
  // Its look is not answered either: the Lease is created once looks are.
  await world.advance(6000);
  a.weather = { kind: 'fair' };
  await world.advance(3000);
  a.weather = { kind: 'mute' };
  expect(world.leaders).toEqual(['a']);
  await world.advance(2100);
  a.weather = { kind: 'fair' };
  await world.advance(6000);
  expect(world.leaders).toEqual(['a']);
  expect(a.facts.some((fact) => fact.kind === 'lease.tried' && fact.result === 'error')).toBe(true);
});

test('leaving hands back also a renewal that was under way', async () => {
  const { world, a } = await worldOf('a', 'b');
  a.weather = { kind: 'mute' };
  await world.advance(2500);
  a.weather = { kind: 'fair' };
  const released = a.lease.release();
  await world.advance(500);
  await released;
  expect(world.stored?.spec).toMatchObject({ holderIdentity: '' });
});

test('leaving without having led asks nothing', async () => {
  const { world, b } = await worldOf('a', 'b');
  const { stored } = world;
  await b.lease.release();
  expect(world.stored).toBe(stored);
  await world.advance(30_000);
  expect(world.leaders).toEqual(['a']);
});

test('an identity is needed', () => {
  expect(() => new LeaseWorld().contender('')).toThrow('needs an identity');
});
