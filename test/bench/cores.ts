/** Which cores the bench may use: one for the process in the middle, one for everybody else. */
import { readFileSync } from 'node:fs';

/** Numbers of cores, the same twice on a machine with one; and how the bench's processes run on them. */
export interface Cores {
  readonly middle: number;
  readonly judges: number;
  /** Of everything that is measured and that measures; see judges/pin.c. */
  readonly priority: number;
}

/** The first two cores that this process may run on. Linux only. */
export function chooseCores(priority: number): Cores {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0';
  const [middle = 0, judges = middle] = parseCoreList(list);
  return { middle, judges, priority };
}

/** `0-2,5` as [0, 1, 2, 5]. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
