/**
 * Contenders for one Lease, an API server that keeps the rule of versions, and a network between them that loses and
 * delays: all on one clock that the test moves. A contender's process can be stopped, as a blocked event loop is: its
 * timers and answers come afterwards.
 */
import type { KubeClient, KubeRequest } from '../../../src/kube/kube-client.ts';
import type { KubeClock } from '../../../src/kube/kube-clock.ts';
import { KubeError } from '../../../src/kube/kube-error.ts';
import { LeaderLease } from '../../../src/kube/lease.ts';
import type { LeaseTimes } from '../../../src/kube/lease-decision.ts';
import type { LeaseFact } from '../../../src/kube/lease-facts.ts';
import { manualClock, type ManualClock } from '../../harness/clock.ts';
import { rounds } from './queue-scene.ts';

/** What becomes of a contender's requests. */
export type Weather =
  | { readonly kind: 'fair' }
  /** Of a request; it arrives after `thereMs`, its answer `backMs` later. */
  | { readonly kind: 'slow'; readonly thereMs: number; readonly backMs: number }
  /** Nothing arrives. */
  | { readonly kind: 'deaf' }
  /** All arrives, and no answer comes back. */
  | { readonly kind: 'mute' }
  | { readonly kind: 'refusing'; readonly status: number; readonly retryAfterMs?: number };

/** The Lease as the server keeps it. */
interface Stored {
  readonly version: number;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** How many milliseconds the clock moves before everybody has been heard. */
const SLICE_MS = 100;

export class LeaseWorld {
  readonly clock: ManualClock = manualClock(50_000);
  readonly contenders: Contender[] = [];
  stored: Stored | undefined;
  #version = 0;

  contender(name: string, times?: LeaseTimes): Contender {
    const contender = new Contender(this, name, times);
    this.contenders.push(contender);
    return contender;
  }

  /** Moves the clock, in small steps; after each, asks everybody who leads. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= SLICE_MS) {
      this.clock.advance(Math.min(left, SLICE_MS));
      await rounds();
      const leaders = this.leaders;
      if (leaders.length > 1)
        throw new Error(`two lead at ${String(this.clock.now())}: ${leaders.join(', ')}`);
    }
  }

  get leaders(): string[] {
    return this.contenders.filter((each) => each.lease.isLeader).map((each) => each.name);
  }

  /** The server's part. @throws KubeError as the server would. */
  answer({ method, body }: KubeRequest): unknown {
    const sent = body as { metadata: { resourceVersion?: string }; spec: Stored['spec'] } | undefined;
    if (method === 'POST' && this.stored !== undefined) throw new KubeError('exists', { status: 409 });
    if (method !== 'POST' && this.stored === undefined) throw new KubeError('none', { status: 404 });
    if (method === 'PUT' && sent?.metadata.resourceVersion !== String(this.stored?.version)) {
      throw new KubeError('changed', { status: 409 });
    }
    if (sent !== undefined) this.stored = { version: ++this.#version, spec: sent.spec };
    return {
      metadata: { name: 'x', resourceVersion: String(this.stored?.version) },
      spec: this.stored?.spec,
    };
  }
}

export class Contender {
  readonly lease: LeaderLease;
  readonly facts: LeaseFact[] = [];
  readonly name: string;
  weather: Weather = { kind: 'fair' };
  /** What the machine's calendar says: anything. */
  wallMs = 1_760_000_000_000;
  began = 0;
  lost = 0;
  readonly #world: LeaseWorld;
  #stoppedUntil = 0;

  constructor(world: LeaseWorld, name: string, times: LeaseTimes | undefined) {
    this.name = name;
    this.#world = world;
    this.lease = new LeaderLease({
      client: this.#client(),
      namespace: 'ai',
      name: 'turnbridge-operator',
      identity: name,
      facts: (fact) => void this.facts.push(fact),
      clock: this.#clock(),
      wallMs: () => this.wallMs,
      random: () => 0.5,
      ...(times !== undefined && { times }),
    });
  }

  start(): void {
    this.lease.start(
      () => (this.began += 1),
      () => (this.lost += 1),
    );
  }

  /** Blocks the event loop for so long. Infinity: the process is killed. */
  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#world.clock.now() + ms);
  }

  #clock(): KubeClock {
    const { clock } = this.#world;
    return { now: () => clock.now(), setTimer: (ms, fn) => clock.setTimer(ms, () => this.#whenRunning(fn)) };
  }

  #whenRunning(fn: () => void): void {
    const { clock } = this.#world;
    if (clock.now() >= this.#stoppedUntil) fn();
    else if (this.#stoppedUntil < Infinity)
      clock.setTimer(this.#stoppedUntil - clock.now(), () => this.#whenRunning(fn));
  }

  #client(): KubeClient {
    return {
      request: (request) => this.#request(request),
      watch: () => {
        throw new Error('a Lease is not watched');
      },
      close: () => Promise.resolve(),
    };
  }

  #request(request: KubeRequest): Promise<unknown> {
    const { clock } = this.#world;
    const { weather } = this;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const after = (ms: number, fn: () => void): void => void clock.setTimer(ms, () => this.#whenRunning(fn));
    const fail = (reason: string): void => reject(new KubeError('no answer', { reason }));
    request.signal?.addEventListener('abort', () => fail('Aborted'));
    after(request.timeoutMs ?? 15_000, () => fail('Timeout'));
    if (weather.kind === 'deaf') return promise;
    if (weather.kind === 'refusing') {
      after(1, () =>
        reject(new KubeError('refused', { status: weather.status, retryAfterMs: weather.retryAfterMs })),
      );
      return promise;
    }
    const slow = weather.kind === 'slow' ? weather : { thereMs: 1, backMs: 1 };
    // What is on its way arrives, whatever has become of its sender.
    clock.setTimer(slow.thereMs, () => {
      const answered = settled(() => this.#world.answer(request));
      if (weather.kind === 'mute') return;
      after(slow.backMs, () => ('error' in answered ? reject(answered.error) : resolve(answered.value)));
    });
    return promise;
  }
}

function settled(answer: () => unknown): { readonly value: unknown } | { readonly error: KubeError } {
  try {
    return { value: answer() };
  } catch (error) {
    return { error: error as KubeError };
  }
}
