/**
 * How long processes were ready to run and had no processor, as Linux counts it (`schedstat`): what a machine that does
 * much else took from them. On a quiet machine it is close to nothing.
 */
import { readFileSync } from 'node:fs';

/** Between two looks; what lies between them is taken as even. */
const STEP_MS = 50;

export interface CpuWait extends Disposable {
  /** How long, between two moments of `performance.now()`, the process that waited longest had to wait. */
  between(from: number, to: number): number;
}

interface Sample {
  readonly at: number;
  /** Of each process, since it began. */
  readonly waitedMs: readonly number[];
}

/**
 * Begins to look at processes. Of each the main thread counts: in Node it does all the work. Only the longest wait is told,
 * because the others may have been beside it: work that passes through all of them waited at least that long.
 */
export function openCpuWait(pids: readonly number[]): CpuWait {
  const look = (): Sample => ({ at: performance.now(), waitedMs: pids.map(waitedOf) });
  const samples = [look()];
  const timer = setInterval(() => samples.push(look()), STEP_MS);
  const upTo = (at: number): readonly number[] => {
    if (at > samples.at(-1)!.at) samples.push(look());
    const next = samples.findIndex((sample) => sample.at >= at);
    const [before, after] = [samples[Math.max(0, next - 1)]!, samples[next]!];
    const share = after.at === before.at ? 0 : (at - before.at) / (after.at - before.at);
    return before.waitedMs.map((waited, index) => waited + share * (after.waitedMs[index]! - waited));
  };
  return {
    between: (from, to) => {
      const start = upTo(from);
      const waited = upTo(to).map((end, index) => end - start[index]!);
      return Math.min(to - from, Math.max(...waited));
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Three numbers: nanoseconds that it ran, that it waited, and how often it ran. */
function waitedOf(pid: number): number {
  return Number(readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}
