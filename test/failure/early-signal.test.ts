/**
 * A signal that comes while a process starts is heard. The first process of a container is not ended by a signal that
 * nobody listens to: it would stay for the whole grace period.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { within } from '../harness/wait-for.ts';

const main = fileURLToPath(new URL('../../cmd/turnbridge.ts', import.meta.url));
const kubeconfig = `apiVersion: v1
kind: Config
current-context: a
contexts: [{ name: a, context: { cluster: a, user: a, namespace: ai } }]
clusters: [{ name: a, cluster: { server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true } }]
users: [{ name: a, user: {} }]
`;

/** The process asks itself to end in the moment in which a command is about to be read. */
const signalWhileLoading = (command: string): string => `
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    if (url.endsWith('/cmd/${command}.ts')) process.kill(process.pid, 'SIGTERM');
    return next(url, context);
  },
});
`;

test.each([
  [
    'bridge',
    ['--routes', 'routes.yaml', '--ops-listen', '127.0.0.1:0', '--drain-delay', '0'],
    'bridge stopped',
  ],
  [
    'operator',
    ['--kubeconfig', 'kubeconfig', '--snapshot-secret', 'ai/snapshot', '--ops-listen', '127.0.0.1:0'],
    'operator stopped',
  ],
  ['provider', [], 'Scripted provider on'],
] as const)(
  '%s that is asked to end before it was even read ends by itself, with its last word',
  async (...given) => {
    const [command, flags, lastWord] = given;
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-test-'));
    await writeFile(join(folder, 'routes.yaml'), routeTo('http://127.0.0.1:1/v1'));
    await writeFile(join(folder, 'kubeconfig'), kubeconfig);
    await writeFile(join(folder, 'preload.mjs'), signalWhileLoading(command));
    const listen = command === 'operator' ? [] : ['--listen', '127.0.0.1:0'];
    const words = ['--import', join(folder, 'preload.mjs'), main, command, ...listen, ...flags];
    const child = spawn(process.execPath, words, {
      cwd: folder,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    try {
      expect(await within(once(child, 'close'), 'the end of the process', 40_000, () => said)).toEqual([
        0,
        null,
      ]);
      expect(said).toContain(lastWord);
    } finally {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  },
  60_000,
);
