/**
 * Control groups of the pods of one cluster. Alone of all that a sandbox has they live in the machine's own tree, and stay
 * when it ends: they are made under a name of the run, and removed by it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const root = '/sys/fs/cgroup';
/** Nodes are given groups of their own, named after the folder of their run, and where that lies. */
const prefix = 'turnbridge-chart-';

/** The name of a node's control group, below the root of every hierarchy. */
export function controlGroupOf(folder: string, node: string): string {
  return `${prefixOf(folder)}${node}`;
}

/** Paths of those that a run has now, in all hierarchies. */
export function controlGroupsOf(folder: string): readonly string[] {
  return groupsBelow((name) => name.startsWith(prefixOf(folder)));
}

/** Makes it, where a kubelet looks for it: it has to be there before. */
export function makeControlGroup(name: string): void {
  if (existsSync(join(root, 'cgroup.controllers'))) {
    mkdirSync(join(root, name), { recursive: true });
    try {
      writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu +cpuset +memory +pids');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EBUSY') throw cause;
      const cure =
        'in a container, start that with --privileged --cgroupns=host --volume /sys/fs/cgroup:/sys/fs/cgroup';
      throw new Error(`${root} has processes of its own, so its children can have no limits: ${cure}`, {
        cause,
      });
    }
    return;
  }
  for (const hierarchy of hierarchies().filter((path) => basename(path) !== 'unified')) {
    const group = join(hierarchy, name);
    mkdirSync(group, { recursive: true });
    // version 1 cpusets begin without a processor
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (existsSync(join(hierarchy, file)))
        writeFileSync(join(group, file), readFileSync(join(hierarchy, file)));
    }
  }
}

/**
 * Ends what is left in the groups of a run, and removes them. Synchronous: it is a process' last act.
 * @throws Error when they cannot be removed.
 */
export function removeControlGroups(folder: string): void {
  const mine = (): readonly string[] => controlGroupsOf(folder);
  for (let tries = 0; mine().length > 0; tries += 1) {
    for (const group of mine()) removeTree(group, killAll);
    if (mine().length === 0) return;
    if (tries === maxTries) throw new Error(`control groups are left: ${mine().join(', ')}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, tryMs);
  }
}

/** Removes the groups of runs that were killed together with all that could have done so. */
export function removeStaleControlGroups(folder: string): void {
  // those of runs whose folders lie elsewhere cannot be judged from here
  const ours = `${prefix}${placeOf(folder)}-`;
  const isStale = (name: string): boolean =>
    name.startsWith(ours) &&
    !existsSync(join(dirname(folder), prefix + name.slice(ours.length).replace(/-node\d+$/, '')));
  for (const group of groupsBelow(isStale)) removeTree(group, () => {});
}

/** `turnbridge-chart-PLACE-RUN-`, of a folder that is called `turnbridge-chart-RUN`. */
function prefixOf(folder: string): string {
  return `${prefix}${placeOf(folder)}-${basename(folder).replace(prefix, '')}-`;
}

function placeOf(folder: string): string {
  return createHash('sha256').update(dirname(folder)).digest('hex').slice(0, 8);
}

/** The kernel needs a moment to end what was killed. */
const tryMs = 100;
const maxTries = 100;

/** With version 1 `unified` is one of them: no kubelet is given a group there, and yet containerd makes one. */
function hierarchies(): readonly string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  return readdirSync(root)
    .map((name) => join(root, name))
    .filter((path) => existsSync(join(path, 'cgroup.procs')));
}

function groupsBelow(isWanted: (name: string) => boolean): string[] {
  return hierarchies().flatMap((path) =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isWanted(entry.name))
      .map(({ name }) => join(path, name)),
  );
}

/** Bottom up. What is still in use stays, for the next time. */
function removeTree(group: string, beforehand: (group: string) => void): void {
  try {
    const entries = readdirSync(group, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory()) removeTree(join(group, entry.name), beforehand);
    beforehand(group);
    rmdirSync(group);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EBUSY' && code !== 'ENOENT' && code !== 'ENODEV') throw error;
  }
}

function killAll(group: string): void {
  for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')) {
    if (pid === '' || pid === '0') continue; // 0: of another process table
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
