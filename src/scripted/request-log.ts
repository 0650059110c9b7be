/** The requests a provider has seen: a bounded memory, and people who wait for one. */
import type { RecordedRequest } from './recorded-request.ts';

/** Enough for a long test; a provider that runs for days must not grow. */
export const defaultMaxRequests = 1000;

/** Bodies of a thousand large requests would not fit in memory: the oldest requests are forgotten first. */
const maxRecordedBytes = 256 * 1_048_576;

interface Waiter {
  readonly predicate: (request: RecordedRequest) => boolean;
  readonly found: (request: RecordedRequest) => void;
  readonly fail: (reason: string) => void;
}

export class RequestLog {
  private readonly maxRequests: number;
  private readonly recorded: RecordedRequest[] = [];
  private readonly waiters = new Set<Waiter>();
  private bytes = 0;

  constructor(maxRequests: number) {
    this.maxRequests = maxRequests;
  }

  /** Oldest first. */
  get requests(): readonly RecordedRequest[] {
    return this.recorded;
  }

  add(request: RecordedRequest): void {
    this.recorded.push(request);
    this.bytes += request.rawBody.byteLength;
    while (
      this.recorded.length > this.maxRequests ||
      (this.bytes > maxRecordedBytes && this.recorded.length > 1)
    ) {
      this.bytes -= this.recorded.shift()?.rawBody.byteLength ?? 0;
    }
    for (const waiter of this.waiters) if (waiter.predicate(request)) waiter.found(request);
  }

  /** The first request, of those remembered and those to come, that the predicate accepts. Rejects after the time. */
  waitFor(predicate: (request: RecordedRequest) => boolean, timeoutMs: number): Promise<RecordedRequest> {
    const known = this.recorded.find((request) => predicate(request));
    if (known !== undefined) return Promise.resolve(known);
    const { promise, resolve, reject } = Promise.withResolvers<RecordedRequest>();
    const settle = (): void => {
      clearTimeout(timer);
      this.waiters.delete(waiter);
    };
    const waiter: Waiter = {
      predicate,
      found: (request) => {
        settle();
        resolve(request);
      },
      fail: (reason) => {
        settle();
        reject(new Error(`no such request ${reason}; seen: ${this.summary()}`));
      },
    };
    const timer = setTimeout(() => {
      waiter.fail(`within ${String(timeoutMs)} ms`);
    }, timeoutMs);
    this.waiters.add(waiter);
    return promise;
  }

  /** Whoever still waits hears that nothing more will come. */
  close(): void {
    for (const waiter of this.waiters) waiter.fail('before the provider closed');
  }

  private summary(): string {
    const seen = this.recorded.map((each) => `#${String(each.number)} ${each.method} ${each.path}`);
    return seen.length === 0 ? 'none' : seen.slice(-20).join(', ');
  }
}
