/** What containers of a pod say, up to their end, which their pod may not outlive: `kubectl logs -f`. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from '../harness/wait-for.ts';
import { nodePlace } from './node-place.ts';

export interface FollowedLogs extends Disposable {
  /** Resolves when a line of each has been heard: from then on nothing of it is missed. */
  begun(timeoutMs: number): Promise<void>;
  /** Of each container all that it said, once all have ended. @throws Error with what kubectl said. */
  readonly whole: Promise<readonly string[]>;
}

/** Owns its processes, one for each container. */
export function followLogs(namespace: string, pod: string, containers: readonly string[]): FollowedLogs {
  const logs = containers.map((container) => followLog(['-n', namespace, pod, '-c', container]));
  const whole = Promise.all(logs.map(({ whole: text }) => text));
  let isOver = false;
  const end = (): void => void (isOver = true);
  whole.then(end, end); // a failure is told to whoever awaits it
  return {
    whole,
    async begun(timeoutMs) {
      const haveBegun = (): boolean => logs.every(({ said }) => said() !== '');
      await until(() => isOver || haveBegun(), 'the first line of each', timeoutMs);
      if (isOver) await whole;
    },
    [Symbol.dispose]: () => logs.forEach(({ kill }) => kill()),
  };
}

function followLog(words: readonly string[]) {
  const { kubectl, kubeconfigPath, folder } = nodePlace();
  const env = { ...process.env, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: join(folder, 'kubectl-cache') };
  const child = spawn(kubectl, ['logs', '-f', ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const { promise: whole, resolve, reject } = Promise.withResolvers<string>();
  child.once('error', reject);
  child.once('close', (code) => {
    if (code === 0) resolve(said);
    else reject(new Error(`kubectl logs ${words.join(' ')} ended with ${String(code)}:\n${complaint}`));
  });
  return { said: () => said, whole, kill: () => void child.kill() };
}
