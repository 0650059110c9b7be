/**
 * Where a run lives: a network of its own without a way out, a process table of its own that ends as a whole, a
 * folder in memory that vanishes with it.
 *
 *   run.ts (outside)             holds one end of a pipe
 *    └ unshare --kill-child      dies: the kernel kills the one below
 *       └ sh                     process 1 of the sandbox; ends with run.ts, and the kernel kills all that is left
 *          └ run.ts --inside     ends when the pipe does
 *             ├ etcd, kube-apiserver, kube-controller-manager …
 *             └ jest ─ test files ─ bridges, operators, further control planes
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { ensureProgram } from '../harness/debian-packages.ts';
import { mustRun, runCommand } from '../harness/run-command.ts';

/** Of the sandbox's own network; the first is the node's. Several, for providers of different routes. */
export const sandboxAddresses: readonly string[] = Array.from(
  { length: 20 },
  (_, index) => `10.99.0.${String(index + 1)}`,
);

/** What making a sandbox takes. */
export async function ensureSandboxPrograms(): Promise<void> {
  await ensureProgram('unshare', 'util-linux');
  await ensureProgram('ip', 'iproute2');
}

/** The pipe's number inside. */
const pipeFd = 3;

/** Where the kernel lets one enter a sandbox, and as whom. */
async function unshareFlags(): Promise<readonly string[]> {
  const isolated = ['--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const asRoot = ['--user', '--map-root-user', ...isolated];
  const tried = process.getuid?.() === 0 ? [isolated, asRoot] : [asRoot];
  let output = '';
  for (const flags of tried) {
    const result = await runCommand('unshare', [...flags, 'true']);
    if (result.code === 0) return flags;
    ({ output } = result);
  }
  throw new Error(
    'this machine does not allow a network namespace of one’s own: run as root, allow unprivileged user namespaces, ' +
      `or set KUBECONFIG to use a test cluster of your own\n${output}`,
  );
}

/**
 * Process 1 waits for the command. A shell, because whatever loses its parent becomes a child of process 1, which has
 * to take note of its end; Node does not.
 */
const asFirst = ['sh', '-c', '"$@"; exit $?', 'sh'];

/**
 * Runs a command in a new sandbox, which ends with it. Owned by the caller: kill what is returned (SIGKILL), or end, and
 * everything inside ends.
 * @throws Error when the kernel does not allow it.
 */
export async function spawnInSandbox(command: readonly string[]): Promise<ChildProcess> {
  const flags = await unshareFlags();
  return spawn('unshare', [...flags, ...asFirst, ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
}

/**
 * Called inside, first. Ends this process, and so the sandbox, when the one outside is gone, however it went; what that
 * one cannot remove any more, the folder and what `cleanUp` knows, goes as well.
 */
export function endWithOutside(folder: string, cleanUp: () => void = () => {}): void {
  const end = (): never => {
    cleanUp();
    spawnSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true, force: true });
    return process.exit(1);
  };
  new Socket({ fd: pipeFd }).on('end', end).on('error', end).resume();
}

/**
 * Called inside: loopback and the sandbox's addresses come up; `folder` becomes one in memory.
 * @param size at most so much memory, as mount writes it: `1g`.
 */
export async function furnishSandbox(folder: string, size: string): Promise<void> {
  const ip = (...args: string[]): Promise<string> => mustRun('ip', args);
  await ip('link', 'set', 'lo', 'up');
  // a bridge with nothing attached: not every kernel has the dummy driver
  await ip('link', 'add', 'node0', 'type', 'bridge');
  for (const address of sandboxAddresses) await ip('address', 'add', `${address}/24`, 'dev', 'node0');
  await ip('link', 'set', 'node0', 'up');
  await mustRun('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'turnbridge-test', folder]);
}
