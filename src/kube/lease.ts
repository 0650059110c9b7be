/**
 * One contender for a Lease: of all that were started with its name, one leads at a time, and only a leader writes. What
 * is decided is in lease-decision.ts; here are the order of requests, and the timers.
 *
 *   start ──▶ following ──────────▶ leading ──────────▶ lost       somebody else holds it, or no renewal in time
 *                 │   free, expired    │
 *                 └────────────────────┴──────────────▶ released   by release(), with an empty holder
 *
 * A Lease is no fence: a request that was sent while leading may arrive later. Writes are idempotent for that reason.
 * It has one gap, which all users of Leases have: if somebody deletes it, a contender that was started just now and
 * never saw it may take it up to one retry period before its leader notices. Those that saw it wait.
 */
import type { KubeClient } from './kube-client.ts';
import { kubeClock, type KubeClock, type KubeTimer } from './kube-clock.ts';
import { KubeError } from './kube-error.ts';
import { LeaseAtServer } from './lease-at-server.ts';
import {
  afterArrival,
  checkLeaseTimes,
  defaultLeaseTimes,
  leadsAt,
  nextMove,
  retryDelayMs,
  type LeaseRecord,
  type LeaseState,
  type LeaseTimes,
} from './lease-decision.ts';
import type { LeaseFact } from './lease-facts.ts';
import {
  releasedRecord,
  renewedRecord,
  takenRecord,
  type LeaseClaim,
  type LeaseObject,
} from './lease-object.ts';
import { MicroClock } from './micro-time.ts';
import type { OwnerReference } from './owner-reference.ts';

export interface LeaderLeaseOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Tells this process from all others: a host name and something random. */
  readonly identity: string;
  readonly facts: (fact: LeaseFact) => void;
  /** Of a Lease that this process creates. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the Lease, as far as it is known by now. It is written with the next renewal. */
  readonly owner?: () => OwnerReference | undefined;
  readonly times?: LeaseTimes;
  readonly clock?: KubeClock;
  /** Milliseconds since 1970. Shown in the record, and never compared. */
  readonly wallMs?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** An API server that asks for more patience than this is asked again all the same. */
const MAX_RETRY_AFTER_MS = 30_000;

const TOO_LATE = 'it could not be renewed in time';

type Result = 'created' | 'taken' | 'renewed' | 'held' | 'conflict';

interface Attempt {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

interface Listener {
  readonly onLeading: () => void;
  readonly onLost: () => void;
}

export class LeaderLease {
  readonly #options: LeaderLeaseOptions;
  readonly #times: LeaseTimes;
  readonly #clock: KubeClock;
  readonly #lease: LeaseAtServer;
  /** Others know a renewal by its time, so no two may be the same. */
  readonly #calendar: MicroClock;
  #state: LeaseState = { kind: 'following' };
  #listener: Listener | undefined;
  #next: KubeTimer | undefined;
  #limit: KubeTimer | undefined;
  #attempt: Attempt | undefined;
  #released: Promise<void> | undefined;

  /** @throws RangeError for times that do not keep two leaders apart, and for an empty identity. */
  constructor(options: LeaderLeaseOptions) {
    if (options.identity === '') {
      throw new RangeError('a contender for a Lease needs an identity; the empty one means nobody');
    }
    this.#options = options;
    this.#times = checkLeaseTimes(options.times ?? defaultLeaseTimes);
    this.#clock = options.clock ?? kubeClock;
    this.#calendar = new MicroClock(options.wallMs ?? Date.now);
    this.#lease = new LeaseAtServer({
      client: options.client,
      namespace: options.namespace,
      name: options.name,
      labels: options.labels,
      owner: options.owner,
      onUnowned: (error) => options.facts({ kind: 'lease.unowned', lease: options.name, error }),
      durationMs: this.#times.leaseDurationMs,
      timeoutMs: this.#requestTimeoutMs,
      clock: this.#clock,
      onHolder: (holder) => options.facts({ kind: 'lease.holder', lease: options.name, holder }),
    });
  }

  /** Whether this process may write now. Asked of the clock: after a long stall it says no before anything else has run. */
  get isLeader(): boolean {
    return leadsAt(this.#state, this.#clock.now());
  }

  /** Who held it when it was last looked at; the empty string: nobody; undefined: not known yet. */
  get holder(): string | undefined {
    return this.#lease.seen?.record.holder;
  }

  /**
   * Begins to contend. `onLost` is called once at most, and only after `onLeading`; there is no way back: the process
   * is expected to end. Neither may throw.
   */
  start(onLeading: () => void, onLost: () => void): void {
    if (this.#listener !== undefined || this.#released !== undefined) {
      throw new Error('a contender for a Lease starts once');
    }
    this.#listener = { onLeading, onLost };
    this.#schedule(0);
  }

  /**
   * Leads no more, from the call on, and gives the Lease to whoever looks next. What the leader does has to have ended
   * before. Takes one request's time at most, never fails, and may be called twice.
   */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  #schedule(ms: number): void {
    this.#next = this.#clock.setTimer(ms, () => {
      // After a stall this timer may come before the one that tells the loss: a late leader renews nothing.
      if (this.#state.kind === 'leading' && !this.isLeader) return this.#lose(TOO_LATE);
      const abort = new AbortController();
      this.#attempt = { abort, ended: this.#attemptOnce(abort.signal) };
    });
  }

  /** One attempt, with whatever comes of it, and the date of the next one. Never fails. */
  async #attemptOnce(signal: AbortSignal): Promise<void> {
    const startedMs = this.#clock.now();
    let patienceMs = 0;
    try {
      const result = await this.#try(signal);
      this.#announceTried(startedMs, { result });
    } catch (error) {
      // Our own way out aborts what is under way: no news to anybody.
      if (!signal.aborted) this.#announceTried(startedMs, { result: 'error', error });
      patienceMs = Math.min(MAX_RETRY_AFTER_MS, retryAfterOf(error));
    }
    this.#attempt = undefined;
    // A leader does not wait for longer: its time is short, and one small request each two seconds is no burden.
    if (this.#state.kind === 'leading') this.#schedule(this.#times.retryPeriodMs);
    if (this.#state.kind === 'following') {
      const random = (this.#options.random ?? Math.random)();
      this.#schedule(Math.max(patienceMs, retryDelayMs(this.#times, random)));
    }
  }

  async #try(signal: AbortSignal): Promise<Result> {
    const written = this.#lease.written;
    if (this.#state.kind === 'leading' && written !== undefined) {
      // What we wrote last is most likely still there: one request instead of two.
      if (await this.#replace(written, renewedRecord(this.#claim(), written.record), signal))
        return 'renewed';
    }
    const found = await this.#lease.look(signal);
    const move = nextMove(found?.record, this.#lease.seen, this.#lease.ours, this.#clock.now());
    switch (move.kind) {
      case 'wait':
        this.#loseTo(move.holder);
        return 'held';
      case 'create':
        return (await this.#create(signal)) ? 'created' : 'conflict';
      case 'take':
        if (this.#state.kind === 'leading') {
          // Nobody's, and not as we left it: somebody had it in between.
          this.#loseTo('nobody');
          return 'conflict';
        }
        return (await this.#replace(found, takenRecord(this.#claim(), move.from), signal))
          ? 'taken'
          : 'conflict';
      case 'renew':
        return (await this.#replace(found, renewedRecord(this.#claim(), move.from), signal))
          ? 'renewed'
          : 'conflict';
    }
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    // A leader whose Lease was deleted goes on with its term.
    const mine = this.#state.kind === 'leading' ? this.#lease.written?.record : undefined;
    const claim = this.#claim();
    const record = mine === undefined ? takenRecord(claim, undefined) : renewedRecord(claim, mine);
    const sentMs = this.#clock.now();
    return (await this.#lease.create(record, signal)) && this.#arrived(sentMs);
  }

  async #replace(
    object: LeaseObject | undefined,
    record: LeaseRecord,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (object === undefined) return false;
    const sentMs = this.#clock.now();
    return (await this.#lease.replace(object, record, signal)) && this.#arrived(sentMs);
  }

  /** Always true: what has arrived has arrived, also where it comes too late for us. */
  #arrived(sentMs: number): true {
    const before = this.#state;
    const next = afterArrival(before, sentMs, this.#times, this.#clock.now());
    if (next.kind === 'lost' && before.kind === 'leading') this.#lose(TOO_LATE);
    else this.#state = next;
    if (next.kind === 'leading') this.#watchLimit(next.untilMs);
    if (next.kind === 'leading' && before.kind === 'following') {
      this.#announceChange('leading', 'the Lease is ours');
      this.#listener?.onLeading();
    }
    return true;
  }

  /** Has the loss told when the time is up, whatever becomes of the renewal that is under way. */
  #watchLimit(untilMs: number): void {
    this.#limit?.cancel();
    // A timer may fire a moment early by the other clock.
    const ms = Math.max(1, untilMs - this.#clock.now());
    this.#limit = this.#clock.setTimer(ms, () => {
      if (this.#state.kind !== 'leading') return;
      if (this.isLeader) this.#watchLimit(this.#state.untilMs);
      else this.#lose(TOO_LATE);
    });
  }

  #loseTo(holder: string): void {
    if (this.#state.kind === 'leading') this.#lose(`it is held by ${holder} now`);
  }

  #lose(why: string): void {
    this.#stop({ kind: 'lost' });
    this.#announceChange('lost', why);
    this.#listener?.onLost();
  }

  #stop(state: LeaseState): void {
    this.#state = state;
    this.#next?.cancel();
    this.#limit?.cancel();
    this.#attempt?.abort.abort();
  }

  async #release(): Promise<void> {
    const attempt = this.#attempt;
    if (this.#state.kind === 'lost') return attempt?.ended;
    this.#stop({ kind: 'released' });
    await attempt?.ended;
    const startedMs = this.#clock.now();
    try {
      await this.#handBack(AbortSignal.timeout(this.#requestTimeoutMs));
    } catch (error) {
      // The next leader waits for as long as the Lease lasts: that is what it is for.
      this.#announceTried(startedMs, { result: 'error', error });
    }
    this.#announceChange('released', 'this process ends');
  }

  /** Also where it is not known whether what we sent last has arrived. */
  async #handBack(signal: AbortSignal): Promise<void> {
    const { ours, written } = this.#lease;
    if (ours.length === 0) return;
    if (written !== undefined && ours.length === 1 && (await this.#empty(written, signal))) return;
    const found = await this.#lease.look(signal);
    const move = nextMove(found?.record, this.#lease.seen, ours, this.#clock.now());
    if (found !== undefined && move.kind === 'renew') await this.#empty(found, signal);
  }

  #empty(object: LeaseObject, signal: AbortSignal): Promise<boolean> {
    return this.#lease.replace(object, releasedRecord(this.#calendar.next(), object.record), signal);
  }

  #claim(): LeaseClaim {
    const { identity } = this.#options;
    return { holder: identity, durationMs: this.#times.leaseDurationMs, nowMicros: this.#calendar.next() };
  }

  /** A request that hangs leaves a leader time for another one. */
  get #requestTimeoutMs(): number {
    return this.#times.renewDeadlineMs / 2;
  }

  #announceTried(
    startedMs: number,
    outcome: { readonly result: Result } | { readonly result: 'error'; readonly error: unknown },
  ): void {
    const seconds = (this.#clock.now() - startedMs) / 1000;
    this.#options.facts({ kind: 'lease.tried', lease: this.#options.name, seconds, ...outcome });
  }

  #announceChange(state: 'leading' | 'lost' | 'released', why: string): void {
    this.#options.facts({ kind: 'lease.changed', lease: this.#options.name, state, why });
  }
}

function retryAfterOf(error: unknown): number {
  return error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
}
