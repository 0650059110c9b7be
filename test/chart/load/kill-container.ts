/** Ends the process of a container as a kernel that is out of memory does. The nodes are folders of this machine. */
import { readdir, readFile } from 'node:fs/promises';
import type { Pod } from '../use-node.ts';

/** SIGKILL to all processes of a pod's container; their ids. @throws Error when none is found. */
export async function killContainer(pod: Pod, container: string): Promise<readonly number[]> {
  const status = pod.status.containerStatuses?.find(({ name }) => name === container);
  const id = status?.containerID?.replace(/^.*:\/\//, '') ?? '';
  if (id === '') throw new Error(`pod ${pod.metadata.name} has no container ${container} that runs`);
  const killed: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const groups = await readFile(`/proc/${name}/cgroup`, 'utf8').catch(() => '');
    if (!groups.includes(id)) continue;
    process.kill(Number(name), 'SIGKILL');
    killed.push(Number(name));
  }
  if (killed.length === 0) throw new Error(`no process of container ${id} was found`);
  return killed;
}
