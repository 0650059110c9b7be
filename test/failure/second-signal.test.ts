/** Whoever asks a draining bridge to go at once is not kept waiting. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { until, within } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';

test('a drain that is still in its delay ends when the bridge is closed', async () => {
  await using scene = await openScene();
  const client = await scene.connect();
  const drained = scene.bridge.bridge.drain({
    delayMs: 600_000,
    spreadMs: 0,
    deadlineMs: 600_000,
    lingerMs: 600_000,
  });
  await scene.bridge.bridge.close();
  await within(drained, 'the end of the drain');
  expect((await client.closed).code).toBe(1012); // it hears that it was us
});

test('a second signal ends the process at once, whatever the first one waits for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-test-'));
  await writeFile(join(folder, 'routes.yaml'), routeTo('http://127.0.0.1:1/v1'));
  const main = fileURLToPath(new URL('../../cmd/turnbridge.ts', import.meta.url));
  const anyPorts = ['--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
  const waits = ['--drain-delay', '600', '--drain-deadline', '600'];
  const bridge = spawn(process.execPath, [main, 'bridge', '--routes', folder, ...anyPorts, ...waits], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  bridge.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exited = once(bridge, 'close');
  try {
    await until(() => log.includes('bridge ready'), 'the bridge to be ready', 20_000);
    bridge.kill('SIGTERM');
    await until(() => log.includes('drain started'), 'the drain', 10_000);
    bridge.kill('SIGTERM');
    expect(await within(exited, 'the end of the process', 10_000)).toEqual([0, null]);
    expect(log).toContain('bridge stopped');
  } finally {
    bridge.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
}, 60_000);
