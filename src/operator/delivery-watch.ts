/**
 * Finds out whether the pods serve what was written. Pods are asked in short steps after each write and whenever they
 * change, and once in a while in between.
 */
import { pauseFor } from '../kube/pause.ts';
import type { PodReport } from '../reconcile/programmed.ts';
import { askPods, type BridgePod } from './pod-poll.ts';

/** A bridge has it some 20 ms after the write; one that was slow is asked a few times a second. */
const STEPS_MS = [50, 100, 150, 250] as const;
/** Whoever has not got it by then has a trouble of its own, and that is said. */
const MAX_ASKING_MS = 5000;
/** Whoever was late is asked on: a bridge that lost its watch opens it again within ten seconds. */
const LATE_STEP_MS = 2000;
/** For so long; then once in a while is enough. */
const MAX_LATE_MS = 60_000;
/** Between two looks while nothing changes. */
const IDLE_MS = 30_000;

/** What the pods said last. */
export interface Delivered {
  /** Empty also while it is not known which there are: then they are being asked for. */
  readonly pods: readonly PodReport[];
  /** They are asked again in a moment: nothing is to be made of it yet. */
  readonly isAsking: boolean;
  /** Another look after the asking ended: it was said already how it ended. */
  readonly isRepeated: boolean;
  /** Since the asking began. */
  readonly askingMs: number;
}

export interface DeliveryWatchOptions {
  /** Undefined: it is not known yet which there are. */
  readonly pods: () => readonly BridgePod[] | undefined;
  /** Whether these answers are all that can be wished for. */
  readonly isDone: (reports: readonly PodReport[]) => boolean;
  readonly onReports: (delivered: Delivered) => void;
  readonly onMistake: (error: unknown) => void;
  /** Over the network by default. */
  readonly ask?: (pods: readonly BridgePod[], signal: AbortSignal) => Promise<readonly PodReport[]>;
  /** Milliseconds that never go back; `performance.now` by default. */
  readonly now?: () => number;
}

export class DeliveryWatch {
  readonly #options: DeliveryWatchOptions;
  readonly #now: () => number;
  #asking: AbortController | undefined;
  #idle: NodeJS.Timeout | undefined;
  #phase: 'open' | 'closed' = 'open';

  constructor(options: DeliveryWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Something was written, or the pods are others: asks from the start. */
  ask(): void {
    this.#asking?.abort();
    clearTimeout(this.#idle);
    if (this.#phase === 'closed') return;
    const asking = new AbortController();
    this.#asking = asking;
    this.#run(asking.signal).catch((error: unknown) => {
      if (!asking.signal.aborted) this.#options.onMistake(error);
    });
  }

  /** Asks nobody any more. May be called twice. */
  close(): void {
    this.#phase = 'closed';
    this.#asking?.abort();
    clearTimeout(this.#idle);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { pods, onReports, ask = reportsOf } = this.#options;
    const startedAt = this.#now();
    let wasLate = false;
    let stepMs: number = STEPS_MS[0];
    for (let step = 0; ; step += 1) {
      await pauseFor(stepMs, signal);
      if (signal.aborted) return;
      const asked = pods();
      const reports = asked === undefined ? undefined : await ask(asked, signal);
      if (signal.aborted) return;
      const askingMs = this.#now() - startedAt;
      const isDone = reports !== undefined && this.#options.isDone(reports);
      const isLate = !isDone && askingMs >= MAX_ASKING_MS;
      // what else there is to say of a route must not wait until it is known which pods there are
      if (reports === undefined) onReports({ pods: [], isAsking: true, isRepeated: false, askingMs });
      else {
        onReports({ pods: reports, isAsking: !isDone && !isLate, isRepeated: wasLate, askingMs });
        wasLate ||= isLate;
      }
      // where there is none, nobody is late: who comes is asked at once
      const isNobody = reports?.length === 0 && isLate;
      if (isDone || isNobody || askingMs >= MAX_LATE_MS) break;
      stepMs = isLate ? LATE_STEP_MS : (STEPS_MS[step + 1] ?? stepMs);
    }
    this.#idle = setTimeout(() => this.ask(), IDLE_MS);
  }
}

async function reportsOf(pods: readonly BridgePod[], signal: AbortSignal): Promise<readonly PodReport[]> {
  const answers = await askPods(pods, { signal });
  return pods.map(({ name }): PodReport => {
    const served = answers.get(name);
    if (served === undefined) return { kind: 'Silent', pod: name };
    const { version, generation } = served;
    return version === null
      ? { kind: 'Empty', pod: name }
      : { kind: 'Serving', pod: name, version, generation };
  });
}
