/** What a container's processes may do, as the kernel says it. The nodes are folders of this machine. */
import { readdir, readFile } from 'node:fs/promises';
import type { ContainerStatus } from './use-node.ts';

/** Of the first process of a container. */
export interface ContainerFacts {
  /** Effective. */
  readonly uid: number;
  readonly gid: number;
  /** Of all sets, those that it has or could get, in hexadecimal: `0000000000000000` is none. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  /** By a filter that allows what is listed. */
  readonly hasSeccompFilter: boolean;
  /** What is mounted to be written, whoever may do that, without what each runtime has in /dev, /proc and /sys. */
  readonly writable: readonly string[];
}

/** @throws Error when no process of the container runs. */
export async function factsOf(container: ContainerStatus): Promise<ContainerFacts> {
  const id = container.containerID?.replace(/^.*:\/\//, '') ?? '';
  if (id === '') throw new Error(`container ${container.name} does not run`);
  const folder = await firstProcessOf(id);
  const status = await readFile(`${folder}/status`, 'utf8');
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  const effective = (name: string): number => Number(field(name).split('\t')[1] ?? NaN);
  const mounts = await readFile(`${folder}/mountinfo`, 'utf8');
  return {
    uid: effective('Uid'),
    gid: effective('Gid'),
    capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(field),
    noNewPrivileges: field('NoNewPrivs') === '1',
    hasSeccompFilter: field('Seccomp') === '2',
    writable: mounts.split('\n').flatMap(writableMount).sort(),
  };
}

/** Of `/proc/PID/mountinfo`, proc(5): id, parent, device, root, mount point, options, … */
function writableMount(line: string): readonly string[] {
  const [point = '', options = ''] = line.split(' ').slice(4);
  const isRuntimes = /^\/(dev|proc|sys)(\/|$)/.test(point);
  return point === '' || isRuntimes || !options.split(',').includes('rw') ? [] : [point];
}

/** Its folder in `/proc`. */
async function firstProcessOf(container: string): Promise<string> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const id of ids.sort((one, other) => one - other)) {
    const groups = await readFile(`/proc/${String(id)}/cgroup`, 'utf8').catch(() => '');
    if (groups.includes(container)) return `/proc/${String(id)}`;
  }
  throw new Error(`no process of container ${container} was found`);
}
