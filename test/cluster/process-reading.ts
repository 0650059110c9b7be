/** What a process of the product uses, read from outside and by the probe inside of it (process-probe.ts). */
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { ProductProcess } from './product-process.ts';

export interface ProcessReading {
  /** The longest that the event loop was held since the last reading, in CPU time of the main thread. */
  readonly heldCpuMs: number;
  /** The same by the clock: also what other processes of the machine took. */
  readonly heldWallMs: number;
  /** How often it was held for more than 50 ms of CPU. */
  readonly heldOver50: number;
  /** Objects and buffers that are in use, garbage collected. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Since the process began. */
  readonly peakRssBytes: number;
  /** Since the process began, all threads. */
  readonly cpuSeconds: number;
}

/** For {@link readProcess}: the environment that the process is started with. */
export const probed: NodeJS.ProcessEnv = {
  NODE_OPTIONS: `--expose-gc --disable-warning=ExperimentalWarning --import=${pathToFileURL(join(import.meta.dirname, 'process-probe.ts')).href}`,
};

/** Of a process that was started with {@link probed}. */
export async function readProcess(running: ProductProcess): Promise<ProcessReading> {
  const { url } = await running.line('test.probe');
  const response = await fetch(String(url));
  return (await response.json()) as ProcessReading;
}

/** Longer than the longest list is read for. */
const settleMs = 10_000;
/** Between two readings: what is under way goes on meanwhile. */
const lookMs = 200;

/**
 * The first reading with less than that in use, or the last one of ten seconds. What is read or compiled just then (a
 * page of Secrets that is listed anew takes 7 MB) comes and goes; what is kept stays, and is over the bound to the end.
 */
export async function readSettled(running: ProductProcess, boundBytes: number): Promise<ProcessReading> {
  const deadline = performance.now() + settleMs;
  const held: Pick<ProcessReading, 'heldCpuMs' | 'heldWallMs' | 'heldOver50'>[] = [];
  for (;;) {
    const reading = await readProcess(running);
    held.push(reading);
    if (reading.heapBytes < boundBytes || performance.now() > deadline)
      return {
        ...reading,
        heldCpuMs: Math.max(...held.map((each) => each.heldCpuMs)),
        heldWallMs: Math.max(...held.map((each) => each.heldWallMs)),
        heldOver50: held.reduce((sum, each) => sum + each.heldOver50, 0),
      };
    await setTimeout(lookMs);
  }
}

/** Open sockets of a process. */
export async function socketsOf({ pid }: { readonly pid: number }): Promise<number> {
  const folder = `/proc/${String(pid)}/fd`;
  const names = await readdir(folder);
  // one may be closed while they are looked at
  const links = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')));
  return links.filter((link) => link.startsWith('socket:')).length;
}

/** The text of `/metrics`. */
export async function metricsOf({ opsUrl }: { readonly opsUrl: string }): Promise<string> {
  const response = await fetch(`${opsUrl}/metrics`);
  return response.text();
}

/** All series of a metric added up, by the value of one label; those without it under the empty name. */
export function sumBy(text: string, metric: string, label: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [labels, value] of samples(text, metric)) {
    const name = new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels)?.[1] ?? '';
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return sums;
}

/** All series of a metric whose labels match. */
export function sumOf(text: string, metric: string, labels = /^/): number {
  let sum = 0;
  for (const [found, value] of samples(text, metric)) if (labels.test(found)) sum += value;
  return sum;
}

function* samples(text: string, metric: string): Generator<[labels: string, value: number]> {
  for (const line of text.split('\n')) {
    if (!line.startsWith(metric)) continue;
    const [, labels = '', value] = /^(?:\{(.*)\})? ([^ ]+)/.exec(line.slice(metric.length)) ?? [];
    if (value !== undefined) yield [labels, Number(value)];
  }
}

/** `1234567` as `1.2 MB`. */
export function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
