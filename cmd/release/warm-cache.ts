/**
 * For the build of the image, in place where the program will lie: starts every long-lived command once and runs a
 * turn, so that Node keeps what V8 compiled for them. As the image's user, because the cache's folder is named after the
 * user; on another processor, or as another user, a start only takes the longer.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const cache = '/app/.compile-cache';
const route = '/tmp/warm.yaml';
const kubeconfig = '/tmp/warm.kubeconfig';
const image = { uid: 65532, gid: 65532 };
/** Any command does its part in under a second; then the build has failed. */
const maxMs = 60_000;

await mkdir(cache, { recursive: true });
await chown(cache, image.uid, image.gid);
await mkdir('/tmp', { recursive: true });
await writeFile(
  route,
  `apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: warm }
spec:
  match: { models: ['*'] }
  clients: { auth: { type: None } }
  providers: [{ name: scripted, url: 'http://127.0.0.1:8788/v1', auth: { type: None } }]
`,
);
// nobody listens there: the operator waits for its API server, and that is as far as it has to come
await writeFile(
  kubeconfig,
  `apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: 'https://127.0.0.1:9' } }]
users: [{ name: none, user: { token: none } }]
contexts: [{ name: none, context: { cluster: none, user: none } }]
current-context: none
`,
);

const provider = start('provider', '--listen', '127.0.0.1:8788');
await lineOf(provider, /8788/);
const listen = ['--listen', '127.0.0.1:8787', '--ops-listen', '127.0.0.1:9464'];
const drain = ['--drain-delay', '0', '--drain-spread', '0', '--drain-linger', '0'];
const traces = ['--otlp-endpoint', 'http://127.0.0.1:9'];
const bridge = start('bridge', '--routes', route, ...listen, ...drain, ...traces);
await lineOf(bridge, /process\.ready|bridge ready/);
await ended(start('turn', 'http://127.0.0.1:8787/v1', 'hello'));
for (const each of [bridge, provider]) {
  each.kill('SIGTERM');
  await ended(each);
}
const operator = start('operator', '--snapshot-secret', 'none/none', '--kubeconfig', kubeconfig);
await lineOf(operator, /process\.start|operator started/);
operator.kill('SIGTERM');
await once(operator, 'exit'); // without an API server it has nothing to be proud of

/** The command as the image runs it: what differs here is compiled differently. */
function start(...args: readonly string[]): ChildProcess {
  return spawn('node', ['--max-semi-space-size=8', '/app/cmd/turnbridge.js', ...args], {
    ...image,
    env: { PATH: '/usr/local/bin', NODE_COMPILE_CACHE: cache },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: maxMs,
  });
}

/** Passes on what a command prints, and resolves with the first line of that kind. */
async function lineOf({ stdout }: ChildProcess, expected: RegExp): Promise<void> {
  if (stdout === null) throw new Error('its standard output is piped');
  await new Promise<void>((found, fail) => {
    const lines = createInterface(stdout);
    lines.on('line', (line) => {
      if (expected.test(line)) found();
    });
    lines.on('close', () => fail(new Error(`a command ended before it printed ${String(expected)}`)));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  child.stdout?.resume();
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${String(code)}`);
}
