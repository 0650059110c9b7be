import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Budget } from '../../../src/turn/budget.ts';
import {
  itemsOfChain,
  TranscriptStore,
  type ChainLink,
  type ConnectionTranscripts,
} from '../../../src/turn/transcript.ts';

const OVERHEAD = 256;
const CONNECTIONS = 2;
const LANES = ['', 'a', 'b'];

type Step =
  | { readonly do: 'extend'; readonly on: number; readonly from: number; readonly bytes: number }
  | { readonly do: 'hold' | 'forget'; readonly on: number; readonly id: number }
  | { readonly do: 'release'; readonly which: number }
  | {
      readonly do: 'remember';
      readonly on: number;
      readonly lane: number;
      readonly id: number;
      readonly which: number;
    }
  | { readonly do: 'clear'; readonly on: number };

const on = fc.nat(CONNECTIONS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('extend'), on, from: fc.nat(9), bytes: fc.nat(600) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('remember'),
      on,
      lane: fc.nat(2),
      id: fc.nat(3),
      which: fc.nat(9),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release'), which: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('hold', 'forget'), on, id: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear'), on }) },
) as fc.Arbitrary<Step>;

interface Held {
  readonly owner: ConnectionTranscripts;
  readonly link: ChainLink;
}

/** Runs steps as turns would: what is held is released once, and links stay with their connection. */
class Play {
  readonly budget: Budget;
  readonly evicted: { connectionId: string; bytes: number }[] = [];
  readonly connections: ConnectionTranscripts[];
  readonly held: Held[] = [];
  readonly ids: Set<string>[];

  constructor(limit: number, processLimit: number) {
    this.budget = new Budget('transcripts', processLimit);
    const store = new TranscriptStore(this.budget, (connectionId, bytes) =>
      this.evicted.push({ connectionId, bytes }),
    );
    this.connections = Array.from({ length: CONNECTIONS }, (_, n) => store.open(`c-${n}`, () => limit));
    this.ids = this.connections.map(() => new Set());
  }

  /** True when a response was remembered. */
  run(step: Step): boolean {
    if (step.do !== 'remember') {
      this.#other(step);
      return false;
    }
    const owner = this.connections[step.on]!;
    const own = this.held.filter((one) => one.owner === owner);
    const link = own[step.which % Math.max(1, own.length)]?.link;
    if (link === undefined) return false;
    this.ids[step.on]!.add(`r${step.id}`);
    owner.remember(LANES[step.lane]!, `r${step.id}`, link);
    return true;
  }

  #other(step: Exclude<Step, { do: 'remember' }>): void {
    if (step.do === 'release') return this.#release(step.which);
    const owner = this.connections[step.on]!;
    switch (step.do) {
      case 'extend': {
        const parents = this.held.filter((one) => one.owner === owner);
        const parent = parents[step.from % (parents.length + 1)]?.link;
        this.held.push({ owner, link: owner.extend(parent, Buffer.alloc(step.bytes, 'x')) });
        return;
      }
      case 'hold': {
        const link = owner.hold(`r${step.id}`);
        if (link !== undefined) this.held.push({ owner, link });
        return;
      }
      case 'forget':
        return owner.forget(`r${step.id}`);
      case 'clear':
        return owner.clear();
    }
  }

  #release(which: number): void {
    const [one] = this.held.splice(which % Math.max(1, this.held.length), 1);
    one?.owner.release(one.link);
  }

  /** Every link that something holds, found from what is held and remembered; each once. */
  reachable(owner: ConnectionTranscripts, ids: ReadonlySet<string>): Set<ChainLink> {
    const links = new Set<ChainLink>();
    const addChain = (end: ChainLink | undefined): void => {
      for (let link = end; link !== undefined; link = link.parent) links.add(link);
    };
    for (const one of this.held) if (one.owner === owner) addChain(one.link);
    for (const id of ids) {
      const link = owner.hold(id);
      addChain(link);
      if (link !== undefined) owner.release(link);
    }
    return links;
  }

  bytesOf(links: ReadonlySet<ChainLink>): number {
    let sum = 0;
    for (const { items } of links) sum += items.length + OVERHEAD;
    return sum;
  }
}

const plays = fc.tuple(
  fc.constantFrom(600, 2_000, 1 << 20),
  fc.constantFrom(1_000, 1 << 20),
  fc.array(step, { maxLength: 60 }),
);

test('what is counted is what can be reached, each link once, whatever is shared', () => {
  fc.assert(
    fc.property(plays, ([limit, processLimit, steps]) => {
      const play = new Play(limit, processLimit);
      for (const one of steps) {
        play.run(one);
        const counted = play.connections.map(({ usedBytes }) => usedBytes);
        const reached = play.connections.map((owner, n) => play.bytesOf(play.reachable(owner, play.ids[n]!)));
        expect(counted).toEqual(reached);
        expect(play.budget.usedBytes).toBe(counted.reduce((a, b) => a + b, 0));
      }
    }),
    { numRuns: 300 },
  );
});

test('when all is cleared and released nothing is counted any more, in either order', () => {
  fc.assert(
    fc.property(plays, fc.boolean(), ([limit, processLimit, steps], clearFirst) => {
      const play = new Play(limit, processLimit);
      for (const one of steps) play.run(one);
      if (clearFirst) for (const owner of play.connections) owner.clear();
      for (const { owner, link } of play.held.splice(0)) owner.release(link);
      if (!clearFirst) for (const owner of play.connections) owner.clear();
      expect(play.budget.usedBytes).toBe(0);
      expect(play.connections.map(({ usedBytes }) => usedBytes)).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});

test('after each remember the limits hold, as far as running turns let them', () => {
  fc.assert(
    fc.property(plays, ([limit, processLimit, steps]) => {
      const play = new Play(limit, processLimit);
      for (const one of steps) {
        if (!play.run(one) || one.do !== 'remember') continue;
        const heldBytes = play.connections.map((owner) => play.bytesOf(play.reachable(owner, new Set())));
        const owner = play.connections[one.on]!;
        expect(owner.usedBytes).toBeLessThanOrEqual(Math.max(limit, heldBytes[one.on]!));
        expect(play.budget.usedBytes).toBeLessThanOrEqual(
          Math.max(
            processLimit,
            heldBytes.reduce((a, b) => a + b, 0),
          ),
        );
      }
    }),
    { numRuns: 300 },
  );
});

function rememberOne(owner: ConnectionTranscripts, lane: string, id: string, bytes: number): void {
  const link = owner.extend(undefined, Buffer.alloc(bytes));
  owner.remember(lane, id, link);
  owner.release(link);
}

/** Which of the responses are still known. */
function known(owner: ConnectionTranscripts, ...ids: readonly string[]): string[] {
  return ids.filter((id) => {
    const link = owner.hold(id);
    if (link !== undefined) owner.release(link);
    return link !== undefined;
  });
}

test('a connection over its limit gives up its oldest response first', () => {
  const play = new Play(3 * (100 + OVERHEAD), 1 << 20);
  const [owner] = play.connections as [ConnectionTranscripts];
  for (const lane of ['a', 'b', 'c']) rememberOne(owner, lane, `r-${lane}`, 100);
  expect(play.evicted).toEqual([]);
  rememberOne(owner, 'd', 'r-d', 100);
  expect(known(owner, 'r-a', 'r-b', 'r-c', 'r-d')).toEqual(['r-b', 'r-c', 'r-d']);
  expect(play.evicted).toEqual([{ connectionId: 'c-0', bytes: 100 + OVERHEAD }]);
});

test('a process over its limit gives up the response that nobody used for longest, of whichever connection', () => {
  const play = new Play(1 << 20, 3 * (100 + OVERHEAD));
  const [one, other] = play.connections as [ConnectionTranscripts, ConnectionTranscripts];
  rememberOne(one, '', 'r1', 100);
  rememberOne(other, '', 'r2', 100);
  rememberOne(other, 'a', 'r3', 100);
  one.release(one.hold('r1')!);
  rememberOne(other, 'b', 'r4', 100);
  expect(known(other, 'r2', 'r3', 'r4')).toEqual(['r3', 'r4']);
  expect(known(one, 'r1')).toEqual(['r1']);
  expect(play.evicted).toEqual([{ connectionId: 'c-1', bytes: 100 + OVERHEAD }]);
});

test('an id that comes again, in another lane, stands for the later response only', () => {
  const play = new Play(1 << 20, 1 << 20);
  const [owner] = play.connections as [ConnectionTranscripts];
  rememberOne(owner, 'a', 'r', 100);
  rememberOne(owner, 'b', 'r', 50);
  expect(owner.hold('r')?.totalBytes).toBe(50);
  expect(owner.usedBytes).toBe(50 + OVERHEAD);
  rememberOne(owner, 'a', 'other', 10);
  expect(known(owner, 'r', 'other')).toEqual(['r', 'other']);
});

test('one response larger than the limit does not stay', () => {
  const play = new Play(500, 1 << 20);
  const [owner] = play.connections as [ConnectionTranscripts];
  rememberOne(owner, '', 'r', 600);
  expect(known(owner, 'r')).toEqual([]);
  expect(owner.usedBytes).toBe(0);
});

test('a chain’s items come out oldest first, and its size is the sum of them', () => {
  const play = new Play(1 << 20, 1 << 20);
  const [owner] = play.connections as [ConnectionTranscripts];
  const first = owner.extend(undefined, Buffer.from('a'));
  const second = owner.extend(first, Buffer.from('bb'));
  expect(itemsOfChain(second).map(String)).toEqual(['a', 'bb']);
  expect(second.totalBytes).toBe(3);
  owner.release(first);
  expect(owner.usedBytes).toBe(3 + 2 * OVERHEAD); // the later link holds the earlier one
  owner.release(second);
  expect(owner.usedBytes).toBe(0);
});

test('a chain of a hundred thousand links is let go without deep recursion', () => {
  const play = new Play(1 << 30, 1 << 30);
  const [owner] = play.connections as [ConnectionTranscripts];
  let link = owner.extend(undefined, Buffer.alloc(0));
  for (let n = 0; n < 100_000; n++) {
    const next = owner.extend(link, Buffer.alloc(0));
    owner.release(link);
    link = next;
  }
  owner.release(link);
  expect(play.budget.usedBytes).toBe(0);
});

test('a budget refuses what does not fit, counts what is there, and notices wrong books', () => {
  const budget = new Budget('inbound', 10);
  expect([budget.take(10), budget.take(1), budget.usedBytes]).toEqual([true, false, 10]);
  expect(budget.isExhausted).toBe(false);
  budget.add(1);
  expect(budget.isExhausted).toBe(true);
  budget.give(11);
  expect(() => budget.give(1)).toThrow('budget inbound: 1 bytes given back, 0 taken');
});
