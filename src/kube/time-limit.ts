/** A signal that ends with its caller's, or when time is over. */
import type { KubeClock, KubeTimer } from './kube-clock.ts';

export class TimeLimit implements Disposable {
  readonly #clock: KubeClock;
  readonly #controller = new AbortController();
  readonly #outer: readonly AbortSignal[];
  readonly #abort = (): void => this.#controller.abort();
  #timer: KubeTimer | undefined;
  #isOver = false;

  constructor(clock: KubeClock, outer: readonly (AbortSignal | undefined)[]) {
    this.#clock = clock;
    this.#outer = outer.filter((signal) => signal !== undefined);
    for (const signal of this.#outer) {
      if (signal.aborted) this.#abort();
      else signal.addEventListener('abort', this.#abort, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time that ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The time begins anew. */
  set(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(ms, () => {
      this.#isOver = true;
      this.#abort();
    });
  }

  /** The promise's outcome, or a rejection as soon as the signal ends: for work that takes no signal. */
  async race<T>(promise: Promise<T>): Promise<T> {
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const fail = (): void => reject(new DOMException('The operation was aborted', 'AbortError'));
    if (this.signal.aborted) fail();
    this.signal.addEventListener('abort', fail, { once: true });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      this.signal.removeEventListener('abort', fail);
    }
  }

  /** Whatever still runs under the signal is aborted. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
    for (const signal of this.#outer) signal.removeEventListener('abort', this.#abort);
    this.#abort();
  }
}
