/** `turnbridge operator` as a process: its signals, its exit codes, what it says to what it cannot use. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFakeKube } from '../harness/fake-kube.ts';
import { until, within } from '../harness/wait-for.ts';

const COMMAND = fileURLToPath(new URL('../../cmd/turnbridge.ts', import.meta.url));
const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'tb',
  name: 'turnbridge-operator',
};
/** Starting takes a second of a busy core. */
const MAX_WAIT_MS = 15_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-operator-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

function run(...args: string[]): Running {
  const child = spawn(process.execPath, [COMMAND, 'operator', ...args], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    ended,
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function runFor(kubeconfig: string, ...args: string[]): Promise<Running> {
  const place = [
    '--kubeconfig',
    kubeconfig,
    '--snapshot-secret',
    'tb/snapshot',
    '--ops-listen',
    '127.0.0.1:0',
  ];
  const running = run(...place, ...args);
  await until(() => running.output().includes('snapshot written'), 'the first snapshot', MAX_WAIT_MS);
  return running;
}

describe('a running operator', () => {
  test('ends with 0 on SIGTERM, and has given its Lease back', async () => {
    await using kube = await openFakeKube();
    await using operator = await runFor(await kube.writeCredentials(folder));
    operator.child.kill('SIGTERM');
    expect(await within(operator.ended, 'the end', MAX_WAIT_MS)).toBe(0);
    const spec = kube.read(LEASE)?.['spec'] as { readonly holderIdentity?: string } | undefined;
    expect(spec?.holderIdentity ?? '').toBe('');
    expect(operator.output()).toContain('operator stopped');
  });

  test('ends with 1 when somebody else has its Lease', async () => {
    await using kube = await openFakeKube();
    await using operator = await runFor(await kube.writeCredentials(folder));
    kube.change(LEASE, { spec: { holderIdentity: 'somebody-else' } });
    expect(await within(operator.ended, 'the end', MAX_WAIT_MS)).toBe(1);
    expect(operator.output()).toContain('lease lost');
  });
});

describe('an operator that cannot run ends with 2 and says', () => {
  test.each([
    ['how to be called', [], /--snapshot-secret is missing: write .*\(turnbridge operator --help\)/],
    [
      'which file is not there',
      ['--snapshot-secret', 'a/b', '--kubeconfig', '/nowhere/config'],
      /\/nowhere\/config/,
    ],
  ])('%s', async (_, args, sentence) => {
    await using operator = run(...args);
    expect(await within(operator.ended, 'the end', MAX_WAIT_MS)).toBe(2);
    expect(operator.output()).toMatch(sentence);
    expect(operator.output()).not.toMatch(/^\s+at /m);
  });

  test('which context is not there', async () => {
    await using kube = await openFakeKube();
    const kubeconfig = await kube.writeCredentials(folder);
    await using operator = run(
      '--snapshot-secret',
      'a/b',
      '--kubeconfig',
      kubeconfig,
      '--context',
      'staging',
    );
    expect(await within(operator.ended, 'the end', MAX_WAIT_MS)).toBe(2);
    expect(operator.output()).toMatch(/staging/);
  });

  test('that a broken file is none', async () => {
    const broken = join(folder, 'broken');
    await writeFile(broken, '{');
    await using operator = run('--snapshot-secret', 'a/b', '--kubeconfig', broken);
    expect(await within(operator.ended, 'the end', MAX_WAIT_MS)).toBe(2);
    expect(operator.output()).not.toMatch(/^\s+at /m);
  });

  test('that its address is taken', async () => {
    await using kube = await openFakeKube();
    const kubeconfig = await kube.writeCredentials(folder);
    const taken = `127.0.0.1:${kube.port}`;
    const place = ['--snapshot-secret', 'a/b', '--kubeconfig', kubeconfig, '--ops-listen', taken];
    await using operator = run(...place);
    expect(await within(operator.ended, 'the end', MAX_WAIT_MS)).toBe(2);
    expect(operator.output()).toMatch(/another with --ops-listen/);
  });
});
