/** The real kubectl, as users type it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface KubectlOptions {
  /** For `-f -`. An object is sent as JSON, a list of them as a `List`. */
  readonly stdin?: string | object;
  /** Impersonates: a user's name, `system:serviceaccount:NAMESPACE:NAME`. */
  readonly as?: string;
  /** With `as`. */
  readonly asGroups?: readonly string[];
  /** One minute by default. */
  readonly timeoutMs?: number;
}

export interface KubectlResult {
  /** 0 is success; null when it was ended because it took too long. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `kubectl.run(['get', 'responsesroutes', '-n', namespace])`. */
export interface Kubectl {
  /** However it ended. */
  run(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
}

export interface KubectlPlace {
  /** The program. */
  readonly kubectl: string;
  readonly kubeconfigPath: string;
  /** What it learns of the API server is kept below: not in the user's home. */
  readonly folder: string;
}

export function kubectlAt({ kubectl, kubeconfigPath, folder }: KubectlPlace): Kubectl {
  const env = { ...process.env, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: join(folder, 'kubectl-cache') };
  return {
    async run(args, { stdin = '', as, asGroups = [], timeoutMs = 60_000 } = {}) {
      const user = as === undefined ? [] : ['--as', as, ...asGroups.map((group) => `--as-group=${group}`)];
      const child = spawn(kubectl, [...args, ...user], { env, stdio: ['pipe', 'pipe', 'pipe'] });
      const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      child.stdin.on('error', () => {}); // it may end without reading; its code tells
      child.stdin.end(typeof stdin === 'string' ? stdin : toJson(stdin));
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const code = await new Promise<number | null>((done, fail) => {
        child.once('error', fail);
        child.once('close', done);
      }).finally(() => clearTimeout(deadline));
      return { code, stdout, stderr };
    },
  };
}

function toJson(stdin: object): string {
  return JSON.stringify(Array.isArray(stdin) ? { apiVersion: 'v1', kind: 'List', items: stdin } : stdin);
}
