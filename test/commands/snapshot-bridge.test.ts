/** A bridge as a process of its own, as a pod runs it: what its flags say, and what it loads. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { openFakeKube } from '../harness/fake-kube.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { packRoutes, snapshotSecret } from '../harness/snapshot-secret.ts';
import { until } from '../harness/wait-for.ts';

const command = fileURLToPath(new URL('../../cmd/turnbridge.ts', import.meta.url));

test('turnbridge bridge --snapshot-secret serves what the API server has, and leaves at SIGTERM', async () => {
  await using provider = await fakeProvider();
  await using kube = await openFakeKube();
  const account = await mkdtemp(join(tmpdir(), 'turnbridge-account-'));
  await kube.writeCredentials(account);
  kube.put(snapshotSecret(packRoutes(routeTo(provider.url), 1)));
  const flags = [
    '--snapshot-secret',
    'ai/turnbridge-snapshot',
    '--snapshot-dir',
    join(account, 'not-mounted'),
  ];
  const place = ['--kube-api', kube.url, '--kube-credentials', account];
  const ports = ['--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0', '--drain-delay', '0'];
  const child = spawn(process.execPath, [command, 'bridge', ...flags, ...place, ...ports], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let log = '';
    child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const ops = await until(() => /"ops_listen":"([^"]+)"/.exec(log)?.[1], 'the ops address', 20_000);
    await until(async () => (await fetch(`http://${ops}/readyz`)).status === 200, 'it to be ready', 20_000);
    expect(await (await fetch(`http://${ops}/snapshot`)).json()).toMatchObject({
      generation: 1,
      source: 'watch',
    });
    expect(log).toContain('"snapshot_secret":"ai/turnbridge-snapshot"');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await until(() => kube.watches.length === 0, 'the watch to be gone');
  } finally {
    child.kill('SIGKILL');
    await rm(account, { recursive: true });
  }
}, 60_000);
